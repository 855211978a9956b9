"""A live session: the core's session with its mailbox, its timers and its way to the browsers."""

from __future__ import annotations

import hmac
import logging
import threading
import traceback
from collections.abc import Awaitable, Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from embedsync import wire
from embedsync.app import App, SessionInfo
from embedsync.connection import Received
from embedsync.document import Cancel, Document
from embedsync.endpoint import Attachment
from embedsync.errors import MailboxFull, ProtocolError, Refused, SessionEnded
from embedsync.inbox import WaitingEdit
from embedsync.mailbox import Mailbox, Turn
from embedsync.replica import Replica
from embedsync.scheduler import Timer
from embedsync.session import Accepted, CatchUp, Session

if TYPE_CHECKING:
    from embedsync.hub import Hub

__all__ = ["LiveSession"]

logger = logging.getLogger("embedsync.session")


class LiveSession:
    """One running document in a process, from its first visit to its end.

    It is the :class:`~embedsync.document.DocumentHost` of its document.

    Args:
        hub: the process it lives in.
        app: what fills the document.
        info: what the app may know about the visit.
        on_ended: told once, when nothing of the session is left.
    """

    def __init__(
        self, hub: Hub, app: App, info: SessionInfo, *, on_ended: Callable[[LiveSession], None]
    ) -> None:
        self.app = app
        self.info = info
        self.grace = hub.settings.grace if app.grace is None else app.grace
        self._hub = hub
        self._on_ended = on_ended
        self._lock = threading.Lock()
        self._core: Session | None = None
        self._attached: dict[Attachment, Replica] = {}
        self._replicas: dict[str, Replica] = {}
        self._grace_timer: Timer | None = None
        self._begun = False
        self._ended = False
        self._mailbox = Mailbox(
            hub.pool,
            hub.loop,
            hub.settings.mailbox_limit,
            edit_turn=self._edit_turn,
            context=self._context,
            report=self.report,
            thread_context=lambda: info.request.thread_context(info.request),
            awaiting=lambda awaitable: info.request.awaiting(info.request, awaitable),
            watch=self,
        )
        self._flushed = 0.0

    @property
    def id(self) -> str:
        """The session's id."""
        return self.info.id

    @property
    def viewers(self) -> int:
        """How many browsers are attached, or about to be."""
        return len(self._attached)

    # From the hub: attachments come and go. On threads that read sockets.

    def open(self, attachment: Attachment) -> None:
        """Let a browser in that has a ticket: it gets the whole document, once that is built."""
        new_id, new_secret = self._hub.random_id(), self._hub.random_id()
        replica = Replica(new_id, new_secret, user_key=attachment.request.user_key)
        try:
            if self._join(attachment, replica):
                self._mailbox.post(self._build)
            self._mailbox.post(lambda: self._attach(attachment, replica))
        except SessionEnded:
            attachment.close(wire.Close.SESSION_GONE)
        except MailboxFull as full:
            logger.warning("session %s: a visitor was turned away: %s", self.id, full)
            attachment.close(wire.Close.BUSY)

    def recognises(self, attachment: Attachment, position: wire.Resume) -> bool:
        """Whether a browser is who it says; if not, it is told."""
        replica = self._replicas.get(position.client)
        if self._core is None or replica is None or not _knows_secret(replica, position.secret):
            attachment.close(wire.Close.SESSION_GONE)
            return False
        if attachment.request.user_key != replica.user_key:
            logger.warning("session %s: refused to resume for another user", self.id)
            attachment.close(wire.Close.FORBIDDEN)
            return False
        return True

    def resume(self, attachment: Attachment, position: wire.Resume) -> None:
        """Let a browser go on from where it was; answers at once, whatever callbacks are running."""
        core, replica = self._core, self._replicas.get(position.client)
        if core is None or replica is None or not self.recognises(attachment, position):
            attachment.close(wire.Close.SESSION_GONE)
            return
        for other, its in list(self._attached.items()):
            if its is replica:
                self._leave(other)
        try:
            self._join(attachment, replica)
        except SessionEnded:
            attachment.close(wire.Close.SESSION_GONE)
            return
        attachment.grant()
        todo = core.resume(replica, attachment, position, self._hub.random_id(), grace=self.grace)
        self._catch_up(replica, todo)
        if self._hub.watchdog.is_busy(self):
            attachment.push(wire.encode_payload(wire.Notice(kind=wire.NoticeKind.BUSY, busy=True)))

    def update(self, function: Callable[[Any], Any]) -> bool:
        """Run ``function(doc)`` as a turn. Says whether there will be one."""

        def turn() -> Iterator[Awaitable[Any]] | None:
            return self._core.document.visit(function) if self._core is not None else None

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
        if self._core is not None and self._mailbox.is_turn:
            self._core.commit()

    def progress(self) -> None:
        """See :class:`~embedsync.document.DocumentHost`."""
        interval = self._hub.settings.flush_interval
        if interval is None or self._core is None or not self._mailbox.is_turn:
            return
        now = self._hub.clock()
        if now >= self._flushed + interval:
            self._flushed = now
            self._core.commit()

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
        if self._core is not None:
            self._core.notify(wire.Notice(kind=wire.NoticeKind.BUSY, busy=busy))

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
        self._end(wire.Close.TOO_SLOW, self._give_up)

    def report(self, error: BaseException, what: str) -> None:
        """Log an exception of app code under an id, and tell the browsers the id."""
        error_id = self._hub.random_id()[:8]
        logger.error(
            "app %r, session %s: %s failed (error %s)", self.app.name, self.id, what, error_id, exc_info=error
        )
        if self._core is not None:
            self._core.notify(wire.Notice(kind=wire.NoticeKind.ERROR, error=error_id))

    # The end.

    def end(self, code: int = wire.Close.ENDED, *, error: str = "", detail: str = "") -> None:
        """End the session: browsers are told, hooks run as the last turn, everything is let go."""
        self._end(code, lambda: self._mailbox.close(self._last_turn), error=error, detail=detail)

    def _give_up(self) -> None:
        thread = self._mailbox.give_up(self._last_turn)
        if thread is not None:
            self._hub.pool.lose(thread)

    def _end(self, code: int, close: Callable[[], None], *, error: str = "", detail: str = "") -> None:
        with self._lock:
            if self._ended:
                return
            self._ended = True
            attached, self._attached = list(self._attached), {}
        self._cancel_grace()
        if self._core is not None:
            self._core.close(code)
        for attachment in attached:
            attachment.close(code, error=error, detail=detail)
        close()

    # Turns.

    def _build(self) -> Generator[Awaitable[Any], Any, None]:
        try:
            document = yield from self.app.recipe.build(self, self.info)
        except Exception as error:  # noqa: BLE001  (whatever app code raises is logged, and told)
            self._fail(error)
            return
        self._core = Session(
            self.id,
            self._hub.random_id(),
            document,
            self._hub.settings,
            script_url=lambda name: self._hub.assets.script_url(document.kind, name),
            on_refused=self._refused,
            lock=threading.RLock(),
        )

    def _fail(self, error: Exception) -> None:
        error_id = self._hub.random_id()[:8]
        logger.error("app %r could not fill a document (error %s)", self.app.name, error_id, exc_info=error)
        detail = "".join(traceback.format_exception(error)) if self._hub.settings.debug else ""
        self.end(wire.Close.BUILD_FAILED, error=error_id, detail=detail)

    def _attach(self, attachment: Attachment, replica: Replica) -> None:
        if attachment not in self._attached or self._core is None:
            return  # Its socket was lost meanwhile.
        attachment.grant()
        self._replicas[replica.id] = replica
        self._core.attach(replica, attachment, grace=self.grace)

    def _edit_turn(self, waiting: WaitingEdit) -> Iterator[Awaitable[Any]]:
        if self._core is None:
            return iter(())  # Nobody is attached yet; this cannot be.
        return self._core.edit(waiting.replica, waiting.edit, waiting.buffers, waiting.merged)

    def _committing(self, turn: Turn) -> Generator[Awaitable[Any], Any, None]:
        try:
            yield from self._each(turn())
        finally:
            if self._core is not None:
                self._core.commit()

    def _each(self, steps: Iterator[Awaitable[Any]] | None) -> Generator[Awaitable[Any], Any, None]:
        """Pass on awaitables one by one; one that fails is reported, and the next is asked for."""
        for awaitable in steps or ():
            try:
                yield awaitable
            except Exception as error:  # noqa: BLE001  (whatever app code raises is reported)
                self.report(error, "asynchronous callback")

    def _last_turn(self) -> Generator[Awaitable[Any], Any, None]:
        try:
            if self._core is not None:
                yield from self._each(self._core.document.end())
        finally:
            if self._core is not None:
                self._core.document.destroy()
            self._replicas.clear()
            self._on_ended(self)
            logger.info("app %r: session %s ended", self.app.name, self.id)

    @contextmanager
    def _context(self) -> Iterator[None]:
        with ExitStack() as stack:
            stack.enter_context(self.info.request.context(self.info.request))
            if self._core is not None:
                stack.enter_context(self._core.document.context())
            yield

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
                self._receive_edit(core, attachment, replica, edit, received.buffers)
            case wire.Ack() as ack:
                core.acknowledge(replica, ack.cseq)
            case wire.Resync() as resync:
                logger.warning("session %s: a browser asks for a snapshot: %r", self.id, resync.reason)
                self._catch_up(replica, CatchUp.SNAPSHOT)

    def _receive_edit(
        self,
        core: Session,
        attachment: Attachment,
        replica: Replica,
        edit: wire.Edit,
        buffers: dict[str, bytes],
    ) -> None:
        try:
            if core.accept(replica, edit) is Accepted.SEEN:
                return
            self._mailbox.post_edit(replica, edit, buffers, core.document.outline(edit.events))
        except ProtocolError as error:
            logger.warning("session %s: %s", self.id, error)
            self._leave(attachment)
            attachment.close(error.code)
        except MailboxFull as full:
            logger.warning("session %s: cut off a browser: %s", self.id, full)
            attachment.endpoint.close(wire.Close.TOO_MANY_EDITS, str(full))
        except SessionEnded:
            attachment.close(wire.Close.SESSION_GONE)

    def _refused(self, replica: Replica, refused: Refused) -> None:
        self._hub.counters.count("edits_refused")
        logger.warning("session %s: refused an edit of %s: %s", self.id, replica.id, refused)

    def _drained(self, replica: Replica) -> None:
        if self._core is not None:
            self._catch_up(replica, self._core.drained(replica))

    def _catch_up(self, replica: Replica, todo: CatchUp) -> None:
        core = self._core
        if todo is not CatchUp.SNAPSHOT or core is None:
            return
        self._hub.counters.count("snapshots_resent")
        try:
            self._mailbox.post(lambda: core.send_snapshot(replica))
        except (MailboxFull, SessionEnded) as error:
            logger.warning("session %s: no snapshot for %s: %s", self.id, replica.id, error)
            if replica.viewer is not None:
                replica.viewer.close(wire.Close.BUSY)

    # Who is here.

    def _join(self, attachment: Attachment, replica: Replica) -> bool:
        """Let an attachment take part. Says whether it is the very first.

        Raises:
            SessionEnded: it has come too late.
        """
        self._cancel_grace()
        attachment.on_frame = lambda received: self._receive(attachment, replica, received)
        attachment.on_drained = lambda: self._drained(replica)
        attachment.on_lost = lambda: self._lost(attachment, replica)
        attachment.on_dismissed = lambda code: self._dismiss(attachment, replica, code)
        attachment.app = self.app
        with self._lock:
            if self._ended:
                raise SessionEnded("the session has ended")
            self._attached[attachment] = replica
            first, self._begun = not self._begun, True
            return first

    def _leave(self, attachment: Attachment) -> None:
        with self._lock:
            self._attached.pop(attachment, None)

    def _remove(self, attachment: Attachment, replica: Replica) -> None:
        """A replica goes for good; a session that nobody else can come back to goes with it."""
        self._leave(attachment)
        if self._core is not None:
            self._core.remove(replica)
        self._replicas.pop(replica.id, None)
        self._when_deserted(0 if not self.app.shared and not self._replicas else self.grace)

    def _dismiss(self, attachment: Attachment, replica: Replica, code: int) -> None:
        self._remove(attachment, replica)
        attachment.close(code)

    def _lost(self, attachment: Attachment, replica: Replica) -> None:
        self._leave(attachment)
        if self._core is not None:
            self._core.detach(replica, attachment)
        self._when_deserted(self.grace)

    def _when_deserted(self, grace: float) -> None:
        """With nobody here, end after the grace, unless somebody comes."""
        with self._lock:
            if self._attached or self._ended:
                return
            self._cancel_grace()
            self._grace_timer = self._hub.scheduler.call_later(grace, self._end_if_deserted)

    def _end_if_deserted(self) -> None:
        with self._lock:
            deserted = not self._attached
        if deserted:
            self.end()

    def _cancel_grace(self) -> None:
        timer, self._grace_timer = self._grace_timer, None
        if timer is not None:
            timer.cancel()


def _knows_secret(replica: Replica, shown: str) -> bool:
    known = [replica.secret, replica.previous_secret]
    return any(hmac.compare_digest(each.encode(), shown.encode()) for each in known if each)


def document_of(live: LiveSession) -> Document | None:
    """The document of a live session, once it is built. For a turn of that session only."""
    return live._core.document if live._core is not None else None
