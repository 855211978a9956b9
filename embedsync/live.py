"""A live session: the core's session with its mailbox, its timers and its way to the browsers."""

from __future__ import annotations

import contextlib
import hmac
import logging
import threading
from collections.abc import Awaitable, Callable, Generator, Iterator
from concurrent.futures import Future, InvalidStateError
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, cast

from embedsync import wire
from embedsync.app import App, SessionInfo
from embedsync.audit import Event, Reason
from embedsync.connection import Received
from embedsync.document import Cancel, Document, Meeting, PageParts, Snapshot
from embedsync.endpoint import Attachment
from embedsync.errors import MailboxFull, ProtocolError, Refused, SessionEnded
from embedsync.inbox import WaitingEdit
from embedsync.legible import legible
from embedsync.mailbox import Mailbox, Turn
from embedsync.replica import Replica
from embedsync.request import Request
from embedsync.scheduler import Timer
from embedsync.session import CatchUp, Session
from embedsync.shown_traceback import shown_traceback

if TYPE_CHECKING:
    from embedsync.hub import Hub

__all__ = ["LiveSession"]

logger = logging.getLogger("embedsync.session")

_MOST_REASONS = 100
"""Different refusals of one session that are warnings in the log, once each; all others have level debug."""


class LiveSession:
    """One running document in a process, from its first visit to its end.

    It is the :class:`~embedsync.document.DocumentHost` of its document.

    Args:
        hub: the process it lives in.
        app: what fills the document.
        info: what the app may know about the visit.
        meeting: whether several visitors meet here: the app is shared, or the page has named the session.
        on_ending: told once, when it begins to end: nobody is let in any more.
        on_ended: told once, when nothing of the session is left.
    """

    def __init__(
        self,
        hub: Hub,
        app: App,
        info: SessionInfo,
        *,
        meeting: bool,
        on_ending: Callable[[LiveSession], None],
        on_ended: Callable[[LiveSession], None],
    ) -> None:
        self.app = app
        self._meeting = meeting
        self.info = info
        self.grace = hub.settings.grace if app.grace is None else app.grace
        self._hub = hub
        self._on_ending = on_ending
        self._on_ended = on_ended
        self._lock = threading.Lock()
        self._resuming = threading.Lock()
        self._core: Session | None = None
        self._attached: dict[Attachment, Replica] = {}
        self._replicas: dict[str, Replica] = {}
        self._grace_timer: Timer | None = None
        self._absence_timers: dict[Replica, Timer] = {}
        self._begun = False
        self._losses = 0
        self._unclaimed = False
        self._drawn: list[Future[str | None]] = []
        self._undrawn = 0
        self._reasons: set[str] = set()
        self._ended = False
        self._finished = False
        self._mailbox = Mailbox(
            hub.pool,
            hub.loop,
            hub.settings.mailbox_limit,
            hub.settings.mailbox_bytes,
            edit_turn=self._edit_turn,
            context=self._context,
            report=self.report,
            turn_context=lambda: self.info.request.turn_context(self.info.request),
            thread_context=lambda: self.info.request.thread_context(self.info.request),
            awaiting=lambda awaitable: self.info.request.awaiting(self.info.request, awaitable),
            watch=self,
        )
        self._flushed = 0.0
        self._document: Document | None = None
        self._snapshot: Snapshot | None = None

    @property
    def id(self) -> str:
        """The session's id."""
        return self.info.id

    @property
    def viewers(self) -> int:
        """How many browsers are attached, or about to be."""
        return len(self._attached)

    @property
    def weight(self) -> int:
        """Bytes of its log and its document, as far as they are known; none once it is ending."""
        if self._ended:
            return 0
        core, snapshot = self._core, self._snapshot
        if core is None:
            return snapshot.size if snapshot is not None else 0
        return core.log_bytes + core.snapshot_bytes

    @property
    def is_ending(self) -> bool:
        """Whether nobody is let in any more."""
        return self._ended

    @property
    def was_seen(self) -> bool:
        """Whether a browser has been here, and may come back."""
        return bool(self._replicas)

    # Ahead of the visitor.

    @property
    def looked_at(self) -> str | None:
        """See :class:`~embedsync.prebuilt.Parked`."""
        ahead = self.info.request.ahead
        return ahead.looked_at if ahead is not None else None

    def build_ahead(self, done: Callable[[BaseException | None], None]) -> None:
        """See :class:`~embedsync.prebuilt.Parked`."""

        def build() -> Generator[Awaitable[Any], Any, None]:
            document = yield from self.app.recipe.build(self, self.info)
            self._document = document
            with document.context():
                self._snapshot = document.snapshot()
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
        with self._lock:
            if self._ended:
                return False
            self.info, self._meeting = info, meeting
            self._on_ending, self._on_ended = on_ending, on_ended
            return True

    # From the hub: attachments come and go. On threads that read sockets.

    def open(self, attachment: Attachment) -> None:
        """Let a browser in that has a ticket: it gets the whole document, once that is built."""
        new_id, new_secret = self._hub.random_id(), self._hub.random_id()
        replica = Replica(
            new_id, new_secret, user_key=attachment.request.user_key, simple=attachment.endpoint.is_simple
        )
        try:
            if self._join(attachment, replica):
                self._mailbox.post(self._build, self._fail)
            self._mailbox.post(
                lambda: self._attach(attachment, replica),
                lambda error: self._cannot_show(attachment, replica, error),
            )
        except SessionEnded:
            attachment.close(wire.Close.SESSION_GONE)
        except MailboxFull as full:
            logger.warning("session %s: a visitor was turned away: %s", self.id, full)
            self._audit(Event.LIMIT, attachment, full.setting)
            self._send_away(attachment, replica, wire.Close.BUSY)
        else:
            self._audit(Event.OPEN, attachment)

    def page(self, parts: PageParts) -> Future[str | None]:
        """The page that the document draws itself, or ``None``; before any browser has come.

        It raises what the app raised, or :class:`~embedsync.errors.SessionEnded`.
        """
        drawn: Future[str | None] = Future()

        def draw() -> None:
            with self._lock:
                self._undrawn -= 1
            if (core := self._core) is not None:
                _settle(drawn, core.document.page(parts))

        with self._lock:
            first, self._begun = not self._begun, True
            self._drawn = [*(each for each in self._drawn if not each.done()), drawn]
            self._unclaimed = True
        try:
            # Those that nobody waits for any more are counted too: their turns wait.
            if self._undrawn >= self._hub.settings.undrawn_pages:
                raise MailboxFull("undrawn_pages", self._undrawn)
            if first:
                self._mailbox.post(self._build, self._fail)
            self._mailbox.post(draw, lambda error: _settle(drawn, error))
            with self._lock:
                self._undrawn += 1
        except (SessionEnded, MailboxFull) as error:
            _settle(drawn, error)
        self._when_deserted()
        return drawn

    def recognises(self, attachment: Attachment, position: wire.Resume) -> bool:
        """Whether a browser is who it says; if not, it is told."""
        replica = self._replicas.get(position.client)
        if self._core is None or replica is None:
            self._audit(Event.REFUSE, attachment, Reason.SESSION_GONE)
            attachment.close(wire.Close.SESSION_GONE)
            return False
        if not _knows_secret(replica, position.secret):
            self._audit(Event.REFUSE, attachment, Reason.RESUME_SECRET)
            attachment.close(wire.Close.SESSION_GONE)
            return False
        if attachment.request.user_key != replica.user_key:
            level = self._hub.audit.level(attachment.endpoint)
            logger.log(level, "session %s: refused to resume for another user", self.id)
            self._audit(Event.REFUSE, attachment, Reason.OTHER_USER)
            attachment.close(wire.Close.FORBIDDEN)
            return False
        return True

    def resume(self, attachment: Attachment, position: wire.Resume) -> None:
        """Let a browser go on from where it was; answers at once, whatever callbacks are running."""
        core, replica = self._core, self._replicas.get(position.client)
        if core is None or replica is None or not self.recognises(attachment, position):
            attachment.close(wire.Close.SESSION_GONE)
            return
        # Two sockets may show the same secret at once: one after the other, so that the later one stays.
        with self._resuming:
            try:
                self._join(attachment, replica)
            except SessionEnded:
                attachment.close(wire.Close.SESSION_GONE)
                return
            attachment.grant()
            todo = core.resume(replica, attachment, position, self._hub.random_id(), grace=self.grace)
        # Apart from each other, so that it shows if nobody is ever given what was missed only.
        self._hub.counters.count("resumes_by_snapshot" if todo is CatchUp.SNAPSHOT else "resumes")
        self._audit(Event.RESUME, attachment)
        self._catch_up(replica, todo)
        if self._hub.watchdog.is_busy(self):
            attachment.push(wire.encode_payload(wire.Notice(kind=wire.NoticeKind.BUSY, busy=True)))

    def update(self, function: Callable[[Any], Any]) -> bool:
        """Run ``function(doc)`` as a turn. Says whether there will be one."""

        def turn() -> Iterator[Awaitable[Any]] | None:
            core = self._core
            return core.document.visit(function) if core is not None else None

        try:
            self._mailbox.post(lambda: self._committing(turn))
        except SessionEnded:
            return False
        except MailboxFull as full:
            logger.warning("session %s: an update was dropped: %s", self.id, full)
            return False
        return True

    # DocumentHost

    def post(self, turn: Turn) -> None:
        """Run a turn that commits what it changed; see :class:`~embedsync.document.DocumentHost`."""
        try:
            self._mailbox.post(lambda: self._committing(turn))
        except SessionEnded:
            logger.debug("session %s has ended; a posted turn is dropped", self.id)

    def call_later(self, seconds: float, call: Callable[[], None]) -> Cancel:
        """See :class:`~embedsync.document.DocumentHost`."""
        return self._hub.scheduler.call_later(seconds, call)

    def flush(self) -> None:
        """Send what has changed so far, from inside a turn."""
        core = self._core
        if core is not None and self._mailbox.is_turn:
            core.commit()

    def progress(self) -> None:
        """See :class:`~embedsync.document.DocumentHost`."""
        core, interval = self._core, self._hub.settings.flush_interval
        if interval is None or core is None or not self._mailbox.is_turn:
            return
        now = self._hub.clock()
        if now >= self._flushed + interval:
            self._flushed = now
            core.commit()

    @property
    def superseded(self) -> bool:
        """See :class:`~embedsync.document.DocumentHost`."""
        return self._mailbox.is_turn and self._mailbox.is_superseded

    # Watch, of its mailbox.

    def turn_begins(self) -> None:
        """See :class:`~embedsync.mailbox.Watch`."""
        self._flushed = self._hub.clock()
        self._hub.watchdog.begins(self)

    def turn_ends(self) -> None:
        """See :class:`~embedsync.mailbox.Watch`."""
        self._hub.watchdog.ends(self)

    # Watched, by the watchdog.

    def tell_busy(self, busy: bool) -> None:
        """See :class:`~embedsync.watchdog.Watched`."""
        if (core := self._core) is not None:
            core.notify(wire.Notice(kind=wire.NoticeKind.BUSY, busy=busy))

    def note_slow(self, seconds: float) -> None:
        """See :class:`~embedsync.watchdog.Watched`."""
        self._hub.counters.count("slow_turns")
        logger.warning(
            "app %r, session %s: its code has run for %.0f s ('slow_turn'), and is here:\n%s",
            self.app.name,
            self.id,
            seconds,
            self._mailbox.stack(),
        )

    def give_up(self, seconds: float) -> None:
        """See :class:`~embedsync.watchdog.Watched`."""
        self._hub.counters.count("turns_given_up")
        logger.error(
            "app %r, session %s: gave up on code that has run for %.0f s ('turn_limit'), and is here:\n%s",
            self.app.name,
            self.id,
            seconds,
            self._mailbox.stack(),
        )
        if not self._end(wire.Close.TOO_SLOW, self._give_up):
            # It has ended already, and not even its last hooks come back.
            self._lose(self._mailbox.abandon())
            self._finish()

    def report(self, error: BaseException, what: str) -> None:
        """Log an exception of app code under an id, and tell the browsers the id."""
        error_id = self._hub.random_id()[:8]
        logger.error(
            "app %r, session %s: %s failed (error %s)", self.app.name, self.id, what, error_id, exc_info=error
        )
        if (core := self._core) is not None:
            core.notify(wire.Notice(kind=wire.NoticeKind.ERROR, error=error_id))

    # The end.

    def end(self, code: int = wire.Close.ENDED, *, error: str = "", detail: str = "") -> None:
        """End the session: browsers are told, hooks run as the last turn, everything is let go."""
        self._end(code, self._close_mailbox, error=error, detail=detail)

    def _end_if_deserted(self) -> None:
        self.evict()

    def evict(self) -> bool:
        """End the session if nobody is here. Says whether it ends by this."""
        return self._end(wire.Close.SESSION_GONE, self._close_mailbox, if_deserted=True)

    def drain(self) -> None:
        """End the session when what waits now is done, so that nothing of it is lost."""
        try:
            self._mailbox.post(lambda: self.end(wire.Close.DRAIN))
        except MailboxFull:
            self.end(wire.Close.DRAIN)
        except SessionEnded:
            logger.debug("session %s ends already", self.id)

    def _close_mailbox(self) -> None:
        self._mailbox.close(self._last_turn, self._last_turn_failed)

    def _give_up(self) -> None:
        self._lose(self._mailbox.give_up(self._last_turn, self._last_turn_failed))

    def _lose(self, thread: int | None) -> None:
        if thread is not None:
            self._hub.pool.lose(thread)

    def _end(
        self,
        code: int,
        close: Callable[[], None],
        *,
        error: str = "",
        detail: str = "",
        if_deserted: bool = False,
    ) -> bool:
        """Begin to end, once. Says whether it was this call that began."""
        with self._lock:
            if self._ended or (if_deserted and self._attached):
                return False
            self._ended = True
            attached, self._attached = list(self._attached), {}
        self._on_ending(self)
        self._hub.orphans.remove(self)
        self._cancel_grace()
        if (core := self._core) is not None:
            core.close(code)
        for attachment in attached:
            attachment.close(code, error=error, detail=detail)
        close()
        return True

    # Turns.

    def _build(self) -> Generator[Awaitable[Any], Any, None]:
        document, snapshot = self._document, self._snapshot
        if document is None:
            document = yield from self.app.recipe.build(self, self.info)
        else:
            cast("Meeting", document).meet(self.info)
        self._core = Session(
            self.id,
            self._hub.random_id(),
            document,
            self._hub.settings,
            script_url=lambda name: self._hub.assets.script_url(document.kind, name),
            on_refused=self._refused,
            recover=self.app.recover and not self._meeting,
            lock=threading.RLock(),
            snapshot=snapshot,
        )
        self._document = self._snapshot = None

    def _fail(self, error: BaseException) -> None:
        """The document could not be built."""
        for drawn in self._drawn:
            _settle(drawn, error)
        self.end(wire.Close.BUILD_FAILED, **self._noted(error, "could not fill a document"))

    def _cannot_show(self, attachment: Attachment, replica: Replica, error: BaseException) -> None:
        """The document could not be encoded, or what a site puts around turns has failed."""
        with self._lock:
            is_here = attachment in self._attached
        if is_here:
            noted = self._noted(error, "could not show its document")
            self._send_away(attachment, replica, wire.Close.BUILD_FAILED, **noted)

    def _noted(self, error: BaseException, what: str) -> dict[str, str]:
        """Log an exception, and say what a browser may know of it."""
        error_id = self._hub.random_id()[:8]
        logger.error("app %r %s (error %s)", self.app.name, what, error_id, exc_info=error)
        detail = shown_traceback(error) if self._hub.settings.debug else ""
        return {"error": error_id, "detail": detail}

    def _attach(self, attachment: Attachment, replica: Replica) -> None:
        core = self._core
        if attachment not in self._attached or core is None:
            return  # Its socket was lost meanwhile.
        attachment.grant()
        self._replicas[replica.id] = replica
        core.attach(replica, attachment, grace=self.grace)

    def _edit_turn(self, waiting: WaitingEdit) -> Iterator[Awaitable[Any]]:
        core = self._core
        if core is None:
            return iter(())  # Nobody is attached yet; this cannot be.
        return core.edit(waiting.replica, waiting.edit, waiting.buffers, waiting.merged)

    def _committing(self, turn: Turn) -> Generator[Awaitable[Any], Any, None]:
        try:
            yield from self._each(turn())
        finally:
            self._snapshot = None
            if (core := self._core) is not None:
                core.forget_snapshot()
                core.commit()

    def _each(self, steps: Iterator[Awaitable[Any]] | None) -> Generator[Awaitable[Any], Any, None]:
        """Pass on awaitables one by one; one that fails is reported, and the next is asked for."""
        for awaitable in steps or ():
            try:
                yield awaitable
            except Exception as error:  # noqa: BLE001  (whatever app code raises is reported)
                self.report(error, "asynchronous callback")

    def _last_turn(self) -> Generator[Awaitable[Any], Any, None]:
        try:
            if (document := document_of(self)) is not None:
                yield from self._each(self._tell_of_losses())
                yield from self._each(document.end())
        finally:
            self._finish()

    def _last_turn_failed(self, error: BaseException) -> None:
        self.report(error, "the end of the session")
        self._finish()

    def _finish(self) -> None:
        """Let go of everything, once, when it is this session's turn to."""
        with self._lock:
            if self._finished:
                return
            self._finished = True
        for drawn in self._drawn:
            _settle(drawn, SessionEnded("the session has ended"))
        self._hub.endings.submit(self._let_go)

    def _let_go(self) -> None:
        try:
            if (document := document_of(self)) is not None:
                document.destroy()
        finally:
            # Whoever still knows this session keeps no log of it, nor the bytes in there.
            self._core = self._document = self._snapshot = None
            self._replicas.clear()
            for replica in list(self._absence_timers):
                self._cancel_absence(replica)
            self._on_ended(self)
            logger.info("app %r: session %s ended", self.app.name, self.id)

    def _context(self) -> AbstractContextManager[Any]:
        request, document = self.info.request, document_of(self)
        if document is None:
            return request.context(request)
        if request.context is nullcontext:
            return document.context()
        return _both(request.context(request), document.context)

    # Frames of browsers. On threads that read sockets.

    def _receive(self, attachment: Attachment, replica: Replica, received: Received) -> None:
        if isinstance(received.frame, wire.Detach):
            self._remove(attachment, replica)
            return
        core = self._core
        if core is None:
            return
        match received.frame:
            case wire.Edit() as edit:
                self._receive_edit(core, attachment, replica, edit, received)
            case wire.Ack() as ack:
                core.acknowledge(replica, ack.cseq)
            case wire.Resync() as resync:
                if resync.reason:
                    logger.log(
                        self._hub.audit.level(attachment.endpoint),
                        "session %s: a browser asks for a snapshot: %s",
                        self.id,
                        legible(resync.reason),
                    )
                core.distrust(replica, resync.cseq)
                self._resync(replica)

    def _receive_edit(
        self,
        core: Session,
        attachment: Attachment,
        replica: Replica,
        edit: wire.Edit,
        received: Received,
    ) -> None:
        def take() -> None:
            outline = core.document.outline(edit.events)
            self._mailbox.post_edit(replica, edit, received.buffers, outline, received.size)

        try:
            core.accept(replica, edit, take)
        except ProtocolError as error:
            logger.log(self._hub.audit.level(attachment.endpoint), "session %s: %s", self.id, error)
            self._hub.audit.write_end(
                attachment.endpoint, attachment.request, error.code, str(error), self.app.name, self.id
            )
            self._send_away(attachment, replica, error.code)
        except MailboxFull as full:
            logger.warning("session %s: cut off a browser: %s", self.id, full)
            attachment.endpoint.close(wire.Close.TOO_MANY_EDITS, str(full))
        except SessionEnded:
            attachment.close(wire.Close.SESSION_GONE)

    def _resync(self, replica: Replica) -> None:
        """A browser asks for the whole document, which costs much: not more often than once in a while."""
        if replica.snapshot_waits:
            return
        now = self._hub.clock()
        wait = replica.snapshot_at + self._hub.settings.resync_interval - now
        replica.snapshot_at = now + max(0.0, wait)
        if wait <= 0:
            self._catch_up(replica, CatchUp.SNAPSHOT)
        else:
            replica.snapshot_waits = True
            self.call_later(wait, lambda: self._post_snapshot(replica))

    def _refused(self, replica: Replica, refused: Refused) -> None:
        self._hub.counters.count("edits_refused")
        why = legible(refused)
        # Whoever drags what is refused is refused at every step.
        is_known = why in self._reasons or len(self._reasons) >= _MOST_REASONS
        level = logging.DEBUG if is_known else logging.WARNING
        if not is_known:
            self._reasons.add(why)
        logger.log(
            level, "app %r, session %s: refused an edit of %s: %s", self.app.name, self.id, replica.id, why
        )
        if isinstance(viewer := replica.viewer, Attachment):
            self._audit(Event.DENY, viewer, refused.code, refused.where)
        else:  # It has left meanwhile.
            gone = Request(user_key=replica.user_key)
            said = {"app": self.app.name, "session": self.id, "reason": refused.code, "detail": refused.where}
            self._hub.audit.write(Event.DENY, gone, **said)

    def _audit(self, event: Event, attachment: Attachment, reason: str = "", detail: str = "") -> None:
        self._hub.audit.write(
            event,
            attachment.request,
            attachment.endpoint,
            app=self.app.name,
            session=self.id,
            reason=reason,
            detail=detail,
        )

    def _drained(self, replica: Replica) -> None:
        if (core := self._core) is not None:
            self._catch_up(replica, core.drained(replica))

    def _catch_up(self, replica: Replica, todo: CatchUp) -> None:
        if todo is CatchUp.SNAPSHOT and not replica.snapshot_waits:
            replica.snapshot_waits = True
            self._post_snapshot(replica)

    def _post_snapshot(self, replica: Replica) -> None:
        core = self._core
        if core is None:
            return
        self._hub.counters.count("snapshots_resent")
        try:
            self._mailbox.post(
                lambda: core.send_snapshot(replica), lambda error: self._cannot_resend(replica, error)
            )
        except (MailboxFull, SessionEnded) as error:
            logger.warning("session %s: no snapshot for %s: %s", self.id, replica.id, error)
            replica.snapshot_waits = False
            self._send_away_replica(replica, wire.Close.BUSY)

    def _cannot_resend(self, replica: Replica, error: BaseException) -> None:
        noted = self._noted(error, "could not show its document")
        self._send_away_replica(replica, wire.Close.BUILD_FAILED, **noted)

    # Who is here.

    def _join(self, attachment: Attachment, replica: Replica) -> bool:
        """Let an attachment take part. Says whether it is the very first.

        Raises:
            SessionEnded: it has come too late.
        """
        self._cancel_grace()
        self._cancel_absence(replica)
        attachment.on_frame = lambda received: self._receive(attachment, replica, received)
        attachment.on_drained = lambda: self._drained(replica)
        attachment.on_lost = lambda: self._lost(attachment, replica)
        attachment.on_dismissed = lambda code: self._dismiss(attachment, replica, code)
        attachment.app = self.app
        with self._lock:
            if self._ended:
                raise SessionEnded("the session has ended")
            for ghost in [each for each, its in self._attached.items() if its is replica]:
                del self._attached[ghost]
            self._attached[attachment] = replica
            first, self._begun = not self._begun, True
            self._unclaimed = False
        self._hub.orphans.remove(self)
        if attachment.lost:
            # Its socket went before we could be told.
            self._lost(attachment, replica)
        return first

    def _leave(self, attachment: Attachment) -> None:
        """An attachment takes part no more; the app is told, once."""
        with self._lock:
            if self._attached.pop(attachment, None) is None or self._core is None:
                return
            self._losses += 1
        try:
            self._mailbox.post(lambda: self._committing(self._tell_of_losses))
        except (MailboxFull, SessionEnded) as error:
            logger.debug("session %s: its app is told of a lost browser later: %s", self.id, error)

    def _tell_of_losses(self) -> Iterator[Awaitable[Any]]:
        """Tell the app of browsers that were lost since; the last turn does it for those that are left."""
        with self._lock:
            losses, self._losses = self._losses, 0
        core = self._core
        for _ in range(losses):
            yield from core.document.viewer_lost() if core is not None else ()

    def _send_away(self, attachment: Attachment, replica: Replica, code: int, **noted: str) -> None:
        """Close an attachment from this side; its browser may come back."""
        self._lost(attachment, replica)
        attachment.close(code, **noted)

    def _send_away_replica(self, replica: Replica, code: int, **noted: str) -> None:
        with self._lock:
            here = [each for each, its in self._attached.items() if its is replica]
        for attachment in here:
            self._send_away(attachment, replica, code, **noted)

    def _remove(self, attachment: Attachment, replica: Replica) -> None:
        """A replica goes for good; a session that nobody else can come back to goes with it."""
        self._leave(attachment)
        if (core := self._core) is not None:
            core.remove(replica)
        self._replicas.pop(replica.id, None)
        self._cancel_absence(replica)
        self._when_deserted()

    def _dismiss(self, attachment: Attachment, replica: Replica, code: int) -> None:
        self._remove(attachment, replica)
        attachment.close(code)

    def _lost(self, attachment: Attachment, replica: Replica) -> None:
        self._leave(attachment)
        core = self._core
        absence = core.detach(replica, attachment) if core is not None else None
        if absence is not None:
            self._forget_later(replica, absence)
        self._when_deserted()

    def _forget_later(self, replica: Replica, absence: int) -> None:
        self._cancel_absence(replica)
        # The timer holds this session, so it must not outlive it.
        timer = self._hub.scheduler.call_later(self.grace, lambda: self._forget(replica, absence))
        with self._lock:
            if self._finished:
                timer.cancel()
            else:
                self._absence_timers[replica] = timer
        self._forget_the_first()

    def _forget_the_first(self) -> None:
        """Whoever comes and goes again and again, under new names, is not waited for as often."""
        with self._lock:
            absent = list(self._absence_timers)
        for each in absent[: -self._hub.settings.absent_browsers]:
            self._cancel_absence(each)
            self._forget(each, each.absences)

    def _forget(self, replica: Replica, absence: int) -> None:
        """A replica whose browser has not come back in time is not kept, though others are here."""
        core = self._core
        if core is not None and core.forget(replica, absence):
            self._replicas.pop(replica.id, None)
            self._absence_timers.pop(replica, None)

    def _when_deserted(self) -> None:
        """With nobody here, end after the grace, unless somebody comes; at once if nobody can."""
        grace = self.grace if self._replicas or self._meeting else 0.0
        if self._unclaimed:
            grace = max(grace, self._hub.settings.unclaimed)
        with self._lock:
            if self._attached or self._ended:
                return
            self._cancel_grace()
            self._grace_timer = self._hub.scheduler.call_later(grace, self._end_if_deserted)
        if grace <= 0:
            return
        self._hub.orphans.add(self)
        with self._lock:
            is_orphan = not self._attached and not self._ended
        if not is_orphan:
            # Somebody has come back, or it has ended, just before.
            self._hub.orphans.remove(self)

    def _cancel_absence(self, replica: Replica) -> None:
        timer = self._absence_timers.pop(replica, None)
        if timer is not None:
            timer.cancel()

    def _cancel_grace(self) -> None:
        timer, self._grace_timer = self._grace_timer, None
        if timer is not None:
            timer.cancel()


@contextmanager
def _both(
    outer: AbstractContextManager[Any], inner: Callable[[], AbstractContextManager[Any]]
) -> Iterator[None]:
    with outer, inner():
        yield


def _settle(future: Future[str | None], outcome: str | BaseException | None) -> None:
    """Tell who waits, unless that was done; or nobody waits any more."""
    with contextlib.suppress(InvalidStateError):
        if isinstance(outcome, BaseException):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)


def _knows_secret(replica: Replica, shown: str) -> bool:
    known = [replica.secret, replica.previous_secret]
    return any(hmac.compare_digest(each.encode(), shown.encode()) for each in known if each)


def document_of(live: LiveSession) -> Document | None:
    """The document of a live session, once it is built. For a turn of that session only."""
    core = live._core
    return core.document if core is not None else live._document
