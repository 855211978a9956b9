"""The live sessions of a process: found by their ids or by where visitors meet, or begun."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from embedsync.app import App
from embedsync.audit import Event
from embedsync.endpoint import Endpoint
from embedsync.equipment import Equipment
from embedsync.hub.making import Making
from embedsync.hub.room import Made, Room
from embedsync.live import LiveSession
from embedsync.orphans import Orphans
from embedsync.prebuilt import Prebuilt
from embedsync.request import Request
from embedsync.tickets import Grant
from embedsync.visitors import shares_of

__all__ = ["Sessions"]

logger = logging.getLogger("embedsync.hub")

_MOST_FAILED = 100
"""Pages without a document that are remembered until their sockets come. For others it is built once more."""

Meeting = tuple[Any, ...]
"""What visitors have in common who meet in one session."""


class Sessions:
    """Holds the live sessions, from when they begin until nothing of them is left.

    Args:
        equipment: the process's.
        nobody: what stands for the handshake while a document is built ahead of its visitor.

    Attributes:
        orphans: those that nobody looks at.
        prebuilt: those that nobody has come to yet.
    """

    def __init__(self, equipment: Equipment, nobody: Request) -> None:
        settings = equipment.settings
        self._equipment = equipment
        self.orphans = Orphans(settings.orphans, settings.orphan_bytes, on_evicted=self._evicted)
        self._making = Making(equipment, self.orphans, nobody)
        self.prebuilt: Prebuilt[LiveSession] = Prebuilt(
            self._making.parked,
            is_idle=lambda: equipment.pool.is_idle,
            has_room=lambda: self._room.is_there_for_prebuilt(),
            max_age=settings.prebuilt_age,
            clock=equipment.clock,
            call_later=equipment.scheduler.call_later,
        )
        self._room = Room(settings, self.all, self.orphans, self.prebuilt)
        self._lock = threading.Lock()
        self._sessions: dict[str, LiveSession] = {}
        self._shared: dict[Meeting, LiveSession] = {}
        self._prepared: dict[str, LiveSession] = {}
        self._failed: dict[str, Mapping[str, str]] = {}  # The ones that failed first stand first.

    def __len__(self) -> int:
        return len(self._sessions)

    def all(self) -> list[LiveSession]:
        """Those that are there."""
        with self._lock:
            return list(self._sessions.values())

    def alone(self) -> list[LiveSession]:
        """Those in which nobody meets anybody."""
        with self._lock:
            shared = set(self._shared.values())
            return [each for each in self._sessions.values() if each not in shared]

    def get(self, session_id: str) -> LiveSession | None:
        """The one of this id."""
        return self._sessions.get(session_id)

    def meeting(self, app: App, grant: Grant) -> LiveSession | None:
        """The one in which visitors with such a grant meet, if there is one."""
        meeting = _meeting(app, grant)
        with self._lock:
            return self._shared.get(meeting) if meeting is not None else None

    def prepare(self, app: App, grant: Grant, request: Request) -> LiveSession | None:
        """The session of a ticket that nobody has shown yet; ``None`` if there is no room for it."""
        return self._find_or_begin(app, grant, request, prepare=True, socket=None)

    def open(self, app: App, grant: Grant, request: Request, socket: Endpoint) -> LiveSession | None:
        """The session of a ticket: one that exists, or a new one; ``None`` if there is no room for it."""
        with self._lock:
            prepared = self._prepared.pop(grant.nonce, None)
        return prepared or self._find_or_begin(app, grant, request, prepare=False, socket=socket)

    def failure(self, grant: Grant) -> Mapping[str, str] | None:
        """What the visitor of a ticket is told whose document could not be built while its page was made.

        Only once: who tries again has it built again. :meth:`.Attachment.close` takes it.
        """
        with self._lock:
            return self._failed.pop(grant.nonce, None)

    # Inside.

    def _find_or_begin(
        self, app: App, grant: Grant, request: Request, *, prepare: bool, socket: Endpoint | None
    ) -> LiveSession | None:
        meeting = _meeting(app, grant)
        shares = list(shares_of(app, request, self._equipment.settings))
        live = self._shared.get(meeting) if meeting is not None else None
        # Who joins a session that is there needs no room, and must not see it end for want of some.
        made = self._room.make(shares) if live is None else Made()
        begun, lacking = False, ""
        with self._lock:
            live = self._shared.get(meeting) if meeting is not None else None
            if live is None:
                lacking = self._room.lacking(made, shares, self._sessions.values())
            if live is None and not lacking:
                live = self._begin(app, grant, request, meeting)
                begun = True
            if live is not None and prepare and meeting is None:
                # Others are found by where they meet, however many pages were made for them.
                self._prepared[grant.nonce] = live
        if begun:
            self.prebuilt.wish(app)
            self._room.take_from_prebuilt()
        if live is None:
            self._turned_away(app, request, socket, lacking)
        return live

    def _begin(self, app: App, grant: Grant, request: Request, meeting: Meeting | None) -> LiveSession:
        """With the lock held."""
        # An id that another app has already, or a session that is about to end, is not given twice.
        is_free = grant.session_id not in self._sessions and not app.shared
        live = self._making.session(
            app,
            grant,
            request,
            self.prebuilt,
            session_id=grant.session_id if is_free else "",
            meeting=meeting is not None,
            on_ending=self._ending,
            on_ended=self._ended,
        )
        self._sessions[live.id] = live
        if meeting is not None:
            self._shared[meeting] = live
        return live

    def _turned_away(self, app: App, request: Request, socket: Endpoint | None, lacking: str) -> None:
        self._equipment.counters.count("sessions_refused")
        # Their ticket is still good, so that they can ask as often as they like.
        level = self._equipment.audit.level(socket) if socket is not None else logging.WARNING
        logger.log(level, "turned a visitor away: %d sessions live (%r)", len(self), lacking)
        self._equipment.audit.write(Event.LIMIT, request, socket, app=app.name, reason=lacking)

    def _ending(self, live: LiveSession) -> None:
        """Who comes from now on gets another session, however long this one takes to end."""
        with self._lock:
            for meeting in [each for each, its in self._shared.items() if its is live]:
                del self._shared[meeting]
            for nonce in [each for each, its in self._prepared.items() if its is live]:
                del self._prepared[nonce]
                if live.failure is not None:
                    self._failed[nonce] = live.failure
            while len(self._failed) > _MOST_FAILED:
                del self._failed[next(iter(self._failed))]

    def _ended(self, live: LiveSession) -> None:
        with self._lock:
            self._sessions.pop(live.id, None)
        self._equipment.interpreter.session_ended()

    def _evicted(self, live: LiveSession, setting: str) -> None:
        self._equipment.counters.count("orphans_evicted")
        app, request = live.app.name, live.info.request
        self._equipment.audit.write(Event.LIMIT, request, app=app, session=live.id, reason=setting)


def _meeting(app: App, grant: Grant) -> Meeting | None:
    """Where visitors meet who show such a grant; ``None`` if each has a session of their own."""
    if grant.session_id and not app.shared:
        return (app.name, grant.session_id)
    if app.shared or grant.session:
        return (app.name, grant.session, _frozen(grant.arguments))
    return None


def _frozen(arguments: Mapping[str, Sequence[str]]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return tuple(sorted((name, tuple(values)) for name, values in arguments.items()))
