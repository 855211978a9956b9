"""Code that needs a working folder or arguments of its own, of which a process has one each."""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from embedsync.errors import BuildError

__all__ = ["process_state"]

_TIMEOUT = 60.0
"""Seconds to wait for other builds that need the same."""
_CLONE_FS = 0x200
"""What a thread of Linux stops sharing with the others: the working folder, and the mask of new files."""

_lock = threading.RLock()
_thread = threading.local()


@contextmanager
def process_state(path: Path, argv: Sequence[str] | None, cwd: bool) -> Iterator[None]:
    """Give the code in ``path`` its own ``sys.argv`` and working folder, which are as before afterwards.

    Arguments are given to one build at a time. So are folders, where threads cannot have one each.

    Args:
        path: of the file that is run.
        argv: its arguments, after its own name; ``sys.argv`` stays as it is without.
        cwd: whether the code runs in the folder of the file.

    Raises:
        BuildError: other builds did not come to an end.
    """
    with ExitStack() as stack:
        has_own_folder = _has_own_folder()
        if argv is not None or (cwd and not has_own_folder):
            stack.enter_context(_alone(path))
        if argv is not None:
            stack.enter_context(_arguments([path.name, *argv]))
        stack.enter_context(_same_folder())
        if cwd:
            os.chdir(path.parent)
        yield


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    if not _lock.acquire(timeout=_TIMEOUT):
        raise BuildError(f"{path.name}: waited {_TIMEOUT:.0f} s for other apps that need the process")
    try:
        yield
    finally:
        _lock.release()


@contextmanager
def _arguments(argv: list[str]) -> Iterator[None]:
    before, sys.argv = sys.argv, argv
    try:
        yield
    finally:
        sys.argv = before


@contextmanager
def _same_folder() -> Iterator[None]:
    before = Path.cwd()
    try:
        yield
    finally:
        os.chdir(before)


def _has_own_folder() -> bool:
    """Let this thread have a working folder of its own from now on. Says whether that can be had."""
    if not hasattr(_thread, "has_own_folder"):
        main = threading.current_thread() is threading.main_thread()
        _thread.has_own_folder = not main and sys.platform == "linux" and _stop_sharing_folder()
    return bool(_thread.has_own_folder)


def _stop_sharing_folder() -> bool:
    try:
        return bool(ctypes.CDLL(None).unshare(_CLONE_FS) == 0)
    except (OSError, AttributeError):  # another C library; containers may forbid it, too
        return False
