"""The hubs that run in this process, for those who are told that the process stops."""

from __future__ import annotations

import atexit
import weakref

from embedsync.hub import Hub

__all__ = ["register", "stop_all"]

_running: weakref.WeakSet[Hub] = weakref.WeakSet()


def register(hub: Hub) -> None:
    """See to it that a hub is stopped when the process ends."""
    _running.add(hub)
    atexit.register(hub.stop)


def stop_all() -> None:
    """Stop every hub of this process."""
    for hub in list(_running):
        hub.stop()
