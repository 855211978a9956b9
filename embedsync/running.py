"""The hubs that run in this process, for those who are told that it stops."""

from __future__ import annotations

import atexit
from collections.abc import Callable

from embedsync.hub import Hub

__all__ = ["register", "stop_all"]

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
