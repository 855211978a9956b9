"""A live session, as the hub knows it."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable, Generator, Mapping
from concurrent.futures import Future
from typing import Any

from embedsync import wire
from embedsync.app import App, SessionInfo
from embedsync.document import Document, PageParts
from embedsync.endpoint import Attachment
from embedsync.equipment import Equipment
from embedsync.errors import SessionEnded
from embedsync.live.built import Built
from embedsync.live.catching_up import CatchingUp
from embedsync.live.drawn_pages import DrawnPages
from embedsync.live.ending import Ending
from embedsync.live.entrance import Entrance
from embedsync.live.failures import Failures
from embedsync.live.host import Host
from embedsync.live.known_replicas import KnownReplicas
from embedsync.live.leaving import Leaving
from embedsync.live.presence import Presence
from embedsync.live.receiving import Receiving
from embedsync.live.records import Records
from embedsync.live.surroundings import Surroundings
from embedsync.live.turns import Turns
from embedsync.live.visit import Visit
from embedsync.live.watched import WatchedTurns
from embedsync.mailbox import Mailbox
from embedsync.orphans import Orphans

__all__ = ["LiveSession", "document_of"]


class LiveSession:
    """One running document in a process, from its first visit to its end.

    Args:
        equipment: the process's.
        orphans: the sessions of the process that nobody is in.
        app: what fills the document.
        info: what the app may know about the visit.
        meeting: whether several visitors meet here: the app is shared, or the page has named the session.
        on_ending: told once, when it begins to end: nobody is let in any more.
        on_ended: told once, when nothing of the session is left.

    Attributes:
        failure: what browsers are told of it, if the document could not be built.
    """

    def __init__(
        self,
        equipment: Equipment,
        orphans: Orphans,
        app: App,
        info: SessionInfo,
        *,
        meeting: bool,
        on_ending: Callable[[LiveSession], None],
        on_ended: Callable[[LiveSession], None],
    ) -> None:
        settings, scheduler = equipment.settings, equipment.scheduler
        clock, random_id, counters = equipment.clock, equipment.random_id, equipment.counters
        self.app = app
        self._interpreter = equipment.interpreter
        self.grace = settings.grace if app.grace is None else app.grace
        self._on_ending = on_ending
        self._on_ended = on_ended
        self._lock = threading.Lock()
        self._begun = False
        self.failure: Mapping[str, str] | None = None
        # The document, and its turns.
        self._visit = visit = Visit(app, info, meeting)
        records = Records(visit, equipment.audit, counters)
        self._built = built = Built(
            visit,
            settings,
            random_id,
            equipment.assets,
            records.refused,
            scheduler.call_later,
            clock,
            equipment.pool.expect_long,
        )
        self._failures = failures = Failures(visit, built, random_id, debug=settings.debug)
        surroundings = Surroundings(visit, built)
        watched = WatchedTurns(
            visit,
            built,
            equipment.watchdog,
            counters,
            clock=clock,
            stack=lambda: self._mailbox.stack(),
            on_given_up=lambda: self._ending.give_up(),
        )
        self._mailbox = mailbox = Mailbox(
            equipment.pool,
            equipment.loop,
            settings.mailbox_limit,
            settings.mailbox_bytes,
            edit_turn=built.edit_turn,
            context=surroundings.context,
            report=failures.report,
            turn_context=surroundings.turn_context,
            thread_context=surroundings.thread_context,
            awaiting=surroundings.awaiting,
            watch=watched,
            submit_first=equipment.builds.submit,
        )
        turns = Turns(built, failures)
        self._host = Host(
            visit,
            built,
            mailbox,
            turns,
            watched,
            failures,
            scheduler,
            clock=clock,
            flush_interval=settings.flush_interval,
        )
        # Its browsers.
        self._known = known = KnownReplicas(
            built, scheduler, grace=self.grace, most_absent=settings.absent_browsers
        )
        self._presence = presence = Presence(
            self, orphans, scheduler, grace=self._present_grace, unclaimed=settings.unclaimed
        )
        leaving = Leaving(visit, built, presence, known, mailbox, turns)
        catching_up = CatchingUp(
            visit,
            built,
            mailbox,
            failures,
            leaving,
            counters,
            scheduler,
            clock=clock,
            resync_interval=settings.resync_interval,
        )
        self._entrance = Entrance(
            equipment,
            visit,
            built,
            mailbox,
            self._begin,
            grace=self.grace,
            presence=presence,
            known=known,
            receiving=Receiving(visit, built, mailbox, catching_up, leaving, equipment.audit),
            catching_up=catching_up,
            leaving=leaving,
            watched=watched,
            records=records,
            failures=failures,
        )
        self._pages = pages = DrawnPages(built, mailbox, self._begin, settings.undrawn_pages)
        self._ending = Ending(
            equipment,
            visit,
            built,
            mailbox,
            turns,
            presence=presence,
            known=known,
            leaving=leaving,
            failures=failures,
            on_ending=lambda: self._on_ending(self),
            on_finishing=lambda: pages.fail(SessionEnded("the session has ended")),
            on_ended=lambda: self._on_ended(self),
        )

    @property
    def id(self) -> str:
        """The session's id."""
        return self._visit.id

    @property
    def info(self) -> SessionInfo:
        """What the app may know about the visit."""
        return self._visit.info

    @property
    def viewers(self) -> int:
        """How many browsers are attached, or about to be."""
        return len(self._presence)

    @property
    def weight(self) -> int:
        """Bytes of its log and its document, as far as they are known; none once it is ending."""
        return 0 if self._presence.is_closed else self._built.weight

    @property
    def is_ending(self) -> bool:
        """Whether nobody is let in any more."""
        return self._presence.is_closed

    @property
    def was_seen(self) -> bool:
        """Whether a browser has been here, and may come back."""
        return len(self._known) > 0

    # Ahead of the visitor.

    @property
    def looked_at(self) -> str | None:
        """See :class:`~embedsync.prebuilt.Parked`."""
        ahead = self.info.request.ahead
        return ahead.looked_at if ahead is not None else None

    def build_ahead(self, done: Callable[[BaseException | None], None]) -> None:
        """See :class:`~embedsync.prebuilt.Parked`."""

        def build() -> Generator[Awaitable[Any], Any, None]:
            with self._interpreter.building(self.app.name):
                yield from self._built.build_ahead(self._host)
            done(None)

        try:
            self._mailbox.post(build, done)
        except SessionEnded as error:
            done(error)

    def meet(
        self,
        info: SessionInfo,
        *,
        meeting: bool,
        on_ending: Callable[[LiveSession], None],
        on_ended: Callable[[LiveSession], None],
    ) -> bool:
        """The visitor has come for whom the document was built ahead. Says whether it is still there."""

        def introduce() -> None:
            self._visit.info, self._visit.meeting = info, meeting
            self._on_ending, self._on_ended = on_ending, on_ended

        return self._presence.before_close(introduce)

    # Browsers. On threads that read sockets.

    def open(self, attachment: Attachment) -> None:
        """Let a browser in that has a ticket: it gets the whole document, once that is built."""
        self._entrance.open(attachment)

    def recognises(self, attachment: Attachment, position: wire.Resume) -> bool:
        """Whether a browser is who it says; if not, it is told."""
        return self._entrance.recognises(attachment, position)

    def resume(self, attachment: Attachment, position: wire.Resume) -> None:
        """Let a browser go on from where it was; answers at once, whatever callbacks are running."""
        self._entrance.resume(attachment, position)

    def page(self, parts: PageParts) -> Future[str | None]:
        """The page that the document draws itself, or ``None``; before any browser has come.

        It raises what the app raised, :class:`~embedsync.errors.SessionEnded`, or
        :class:`~embedsync.errors.MailboxFull`.
        """
        self._presence.expect_claim()
        drawn = self._pages.draw(parts)
        self._presence.wait_if_deserted()
        return drawn

    def update(self, function: Callable[[Any], Any]) -> bool:
        """Run ``function(doc)`` as a turn. Says whether there will be one."""
        return self._host.update(function)

    # The end.

    def end(self, code: int = wire.Close.ENDED) -> None:
        """End the session: browsers are told, hooks run as the last turn, everything is let go."""
        self._ending.end(code)

    def evict(self) -> bool:
        """End the session if nobody is here. Says whether it ends by this."""
        return self._ending.end_if_deserted()

    def drain(self) -> None:
        """End the session when what waits now is done, so that nothing of it is lost."""
        self._ending.drain()

    # Inside.

    def _begin(self) -> None:
        """See that the document is built, before anything that is posted from now on.

        Raises:
            MailboxFull: there is no room for the turn that builds it.
            SessionEnded: nothing is built any more.
        """
        with self._lock:
            if not self._begun:
                # Under the lock: whoever comes second would otherwise be shown what is not built yet.
                self._mailbox.post(self._build, self._not_built)
                self._begun = True

    def _build(self) -> Generator[Awaitable[Any], Any, None]:
        with self._interpreter.building(self.app.name):
            yield from self._built.build(self._host)

    def _not_built(self, error: BaseException) -> None:
        self.failure = self._failures.noted(error, "could not fill a document")
        self._ending.end(wire.Close.BUILD_FAILED, **self.failure)
        # Last: whoever is shown the page shows its ticket at once.
        self._pages.fail(error)

    def _present_grace(self) -> float:
        """Seconds for which the session is kept with nobody here: none if nobody can come back."""
        return self.grace if self.was_seen or self._visit.meeting else 0.0


def document_of(live: LiveSession) -> Document | None:
    """The document of a live session, once it is built. For a turn of that session only."""
    return live._built.document
