"""Sessions are made: for a visitor who is here, or for nobody yet."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace

from embedsync.ahead import Ahead
from embedsync.app import App, SessionInfo
from embedsync.equipment import Equipment
from embedsync.live import LiveSession
from embedsync.orphans import Orphans
from embedsync.prebuilt import Prebuilt
from embedsync.request import Request
from embedsync.tickets import Grant

__all__ = ["Making", "Told"]

logger = logging.getLogger("embedsync.hub")

Told = Callable[[LiveSession], None]
"""Told of a session that begins to end, or has ended."""


class Making:
    """Makes sessions.

    Args:
        equipment: the process's.
        orphans: where they are when nobody looks at them.
        nobody: what stands for the handshake while a document is built ahead of its visitor.
    """

    def __init__(self, equipment: Equipment, orphans: Orphans, nobody: Request) -> None:
        self._equipment = equipment
        self._orphans = orphans
        self._nobody = nobody

    def parked(self, app: App, on_ending: Told, on_ended: Told) -> LiveSession:
        """A session that nobody has come to yet."""
        request = replace(self._nobody, ahead=Ahead())
        info = self._info(self._equipment.random_id(), app, {}, request)
        return self._new(app, info, meeting=False, on_ending=on_ending, on_ended=on_ended)

    def session(
        self,
        app: App,
        grant: Grant,
        request: Request,
        prebuilt: Prebuilt[LiveSession],
        *,
        session_id: str,
        meeting: bool,
        on_ending: Told,
        on_ended: Told,
    ) -> LiveSession:
        """The session of a visitor; one that was built ahead, if there is one.

        Args:
            app: what the visitor is shown.
            grant: with these arguments.
            request: the visitor's.
            prebuilt: what was built ahead.
            session_id: its id; any if empty.
            meeting: whether several visitors meet there.
            on_ending: told when it begins to end.
            on_ended: told when nothing of it is left.
        """
        arguments = {name: [each.encode() for each in values] for name, values in grant.arguments.items()}
        request = replace(request, page=grant.page)
        info = self._info(session_id or self._equipment.random_id(), app, arguments, request)
        logger.info("app %r: session %s begins", app.name, info.id)
        if self._equipment.settings.tune_interpreter:
            self._equipment.interpreter.start()
        while (built := prebuilt.take(app)) is not None:
            if built.meet(info, meeting=meeting, on_ending=on_ending, on_ended=on_ended):
                self._equipment.counters.count("sessions_prebuilt")
                return built
        return self._new(app, info, meeting=meeting, on_ending=on_ending, on_ended=on_ended)

    def _new(
        self, app: App, info: SessionInfo, *, meeting: bool, on_ending: Told, on_ended: Told
    ) -> LiveSession:
        return LiveSession(
            self._equipment,
            self._orphans,
            app,
            info,
            meeting=meeting,
            on_ending=on_ending,
            on_ended=on_ended,
        )

    def _info(
        self, session_id: str, app: App, arguments: Mapping[str, list[bytes]], request: Request
    ) -> SessionInfo:
        settings = self._equipment.settings
        return SessionInfo(
            id=session_id,
            app=app.name,
            arguments=arguments,
            request=request,
            debug=settings.debug,
            logout_url=settings.logout_url,
            authority=settings.authority,
        )
