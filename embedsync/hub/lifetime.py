"""The beginning of a process, and its end."""

from __future__ import annotations

import functools
import logging
import time
from collections.abc import Awaitable, Generator
from typing import Any

from embedsync import wire
from embedsync.app import App
from embedsync.equipment import Equipment
from embedsync.hub.apps import Apps
from embedsync.hub.opening import Opening
from embedsync.hub.sessions import Sessions
from embedsync.hub.sockets import Sockets, close_all

__all__ = ["Lifetime"]

logger = logging.getLogger("embedsync.hub")


class Lifetime:
    """Starts and stops what a process has.

    Args:
        equipment: its threads.
        apps: its apps.
        sessions: its sessions.
        sockets: its sockets.
        opening: who comes to it.
    """

    def __init__(
        self, equipment: Equipment, apps: Apps, sessions: Sessions, sockets: Sockets, opening: Opening
    ) -> None:
        self._equipment = equipment
        self._apps = apps
        self._sessions = sessions
        self._sockets = sockets
        self._opening = opening

    def start(self) -> None:
        """See :meth:`embedsync.hub.Hub.start`."""
        for app in self._apps.by_name.values():
            self._sessions.prebuilt.wish(app)
            steps = app.recipe.load()
            if steps is not None:
                self._equipment.pool.submit(functools.partial(self._load, app, steps))

    def _load(self, app: App, steps: Generator[Awaitable[Any], Any, None]) -> None:
        try:
            self._equipment.loop.drive(steps)
        except Exception:
            logger.exception("app %r: its hooks for the beginning of the process failed", app.name)

    def stop(self) -> None:
        """See :meth:`embedsync.hub.Hub.stop`."""
        deadline = time.monotonic() + self._equipment.settings.stop_timeout
        self._opening.stop()
        endpoints = self._sockets.stop()
        if endpoints is None:
            return
        prebuilt = self._sessions.prebuilt
        prebuilt.stop()
        for live in self._sessions.all():
            live.drain()
        while (self._sessions.all() or len(prebuilt)) and time.monotonic() < deadline:
            close_all([each for each in endpoints if not each.attachments])
            time.sleep(0.01)
        for live in self._sessions.all():
            live.end(wire.Close.DRAIN)
        close_all(endpoints)
        self._stop_equipment(deadline)

    def _stop_equipment(self, deadline: float) -> None:
        equipment = self._equipment
        in_time = equipment.pool.stop(max(0.0, deadline - time.monotonic()))
        # Cancelling takes a moment even where nothing resists it.
        in_time &= equipment.loop.stop(max(1.0, deadline - time.monotonic()))
        if not in_time:
            timeout = equipment.settings.stop_timeout
            logger.warning("some app code still runs after %.0f s ('stop_timeout')", timeout)
        equipment.interpreter.stop()
        equipment.scheduler.stop()
        for app in self._apps.by_name.values():
            app.recipe.close()
        equipment.logbook.close()
