"""The hubs that run in this process, for those who are told that it stops; forked ones have none to stop."""

from __future__ import annotations

import atexit
import signal
from collections.abc import Callable

from embedsync.hub import Hub

__all__ = ["end_by", "register", "stop_all"]

_running: dict[Hub, Callable[[], None]] = {}


def register(hub: Hub, stop: Callable[[], None] | None = None) -> None:
    """See to it that a hub is stopped when the process ends.

    Args:
        hub: which.
        stop: stops it and what was made for it; the hub alone, if ``None``.
    """
    _running[hub] = stop or hub.stop
    atexit.register(_running[hub])


def stop_all() -> None:
    """Stop every hub of this process."""
    for stop in list(_running.values()):
        stop()


def end_by(number: int) -> None:
    """End by a signal, as a process does that nobody has prepared for it.

    A process that app code has forked has the handlers of the server, and nothing that these could stop:
    ``terminate`` of ``multiprocessing`` would not end it, and the server would wait for it at its own end.
    """
    signal.signal(number, signal.SIG_DFL)
    signal.raise_signal(number)
