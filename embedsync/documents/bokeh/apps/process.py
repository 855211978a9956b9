"""Code that needs a working folder or arguments of its own, of which a process has one each."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from embedsync.errors import BuildError

__all__ = ["process_state"]

_TIMEOUT = 60.0
"""Seconds to wait for other builds that need the same."""

_lock = threading.RLock()


@contextmanager
def process_state(path: Path, argv: Sequence[str] | None, cwd: bool) -> Iterator[None]:
    """Give the code in ``path`` its own ``sys.argv`` and working folder, one build at a time.

    Raises:
        BuildError: other builds did not come to an end.
    """
    if not _lock.acquire(timeout=_TIMEOUT):
        raise BuildError(f"{path.name}: waited {_TIMEOUT:.0f} s for other apps that need the process")
    folder, arguments = Path.cwd(), sys.argv
    try:
        sys.argv = [str(path), *(argv or ())]
        if cwd:
            os.chdir(path.parent)
        yield
    finally:
        sys.argv = arguments
        os.chdir(folder)
        _lock.release()
