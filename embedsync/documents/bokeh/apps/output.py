"""``show``, ``save``, ``output_file`` … in scripts that run as apps: they do nothing but say so.

A script that also works from the command line calls them; on a server they would write files or
open a browser there. They are wrapped once and for all, because several scripts run at a time; the
wrappers do what they always did wherever no app is being built.
"""

from __future__ import annotations

import functools
import importlib
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

__all__ = ["ignored_output", "install"]

log = logging.getLogger("embedsync.bokeh")

_NAMES = ("output_file", "output_notebook", "reset_output", "save", "show")
_MODULES = ("bokeh.io", "bokeh.plotting")

_running: ContextVar[str | None] = ContextVar("embedsync_running_script", default=None)
_install_lock = threading.Lock()


@contextmanager
def ignored_output(script: str) -> Iterator[None]:
    """Ignore output functions in this context, on behalf of ``script``."""
    install()
    before = _running.get()
    _running.set(script)
    try:
        yield
    finally:
        _running.set(before)


def install() -> None:
    """Wrap the output functions; doing it again changes nothing."""
    with _install_lock:
        for name in _MODULES:
            module = importlib.import_module(name)
            for each in _NAMES:
                original = getattr(module, each)
                if not hasattr(original, "_embedsync_wrapped"):
                    setattr(module, each, _wrapped(original))


def _wrapped(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def wrapper(*arguments: Any, **keywords: Any) -> Any:
        script = _running.get()
        if script is None:
            return original(*arguments, **keywords)
        log.info("%s: call of %s() ignored: the script runs as an app", script, original.__name__)
        return None

    wrapper._embedsync_wrapped = True  # type: ignore[attr-defined]
    return wrapper
