"""Threads of application code that keep to the document of the turn that started them."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from typing import Any, ParamSpec

__all__ = ["thread"]

Parameters = ParamSpec("Parameters")


def thread(
    target: Callable[Parameters, Any], *args: Parameters.args, **kwargs: Parameters.kwargs
) -> threading.Thread:
    """Start a thread in which ``curdoc()`` is what it is here.

    It runs in a copy of the calling context, so other context variables come along too. The thread
    must not touch the document: it calls ``add_next_tick_callback``, as any thread does. It does not
    keep the process alive.

    Args:
        target: what the thread runs.
        args: its positional arguments.
        kwargs: its keyword arguments.

    Returns:
        The thread, already started.
    """
    context = contextvars.copy_context()

    def run() -> None:
        context.run(target, *args, **kwargs)

    name = f"embedsync-app-{getattr(target, '__name__', 'thread')}"
    started = threading.Thread(target=run, name=name, daemon=True)
    started.start()
    return started
