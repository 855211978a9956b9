"""How browsers come into a session: with a ticket for the first time, or back to where they were."""

from __future__ import annotations

import hmac
import logging
import threading
from collections.abc import Callable

from embedsync import wire
from embedsync.audit import Event, Reason
from embedsync.endpoint import Attachment
from embedsync.equipment import Equipment
from embedsync.errors import MailboxFull, SessionEnded
from embedsync.live.built import Built
from embedsync.live.catching_up import CatchingUp
from embedsync.live.failures import Failures
from embedsync.live.known_replicas import KnownReplicas
from embedsync.live.leaving import Leaving
from embedsync.live.presence import Presence
from embedsync.live.receiving import Receiving
from embedsync.live.records import Records
from embedsync.live.visit import Visit
from embedsync.live.watched import WatchedTurns
from embedsync.mailbox import Mailbox
from embedsync.replica import Replica
from embedsync.session import CatchUp

__all__ = ["Entrance"]

logger = logging.getLogger("embedsync.session")


class Entrance:
    """Lets browsers in.

    Args:
        equipment: the process's.
        visit: the app, and the session's id.
        built: the document that is shown.
        mailbox: runs the turns that show it.
        begin: sees that it is built.
        grace: seconds for which browsers may stay away.
        presence: who is here.
        known: who may come back.
        receiving: takes the frames of those who are let in.
        catching_up: sends those who come back what they have missed.
        leaving: how they leave again.
        watched: knows whether the session is busy.
        records: takes down who came.
        failures: takes what hinders a document from being shown.
    """

    def __init__(
        self,
        equipment: Equipment,
        visit: Visit,
        built: Built,
        mailbox: Mailbox,
        begin: Callable[[], None],
        *,
        grace: float,
        presence: Presence,
        known: KnownReplicas,
        receiving: Receiving,
        catching_up: CatchingUp,
        leaving: Leaving,
        watched: WatchedTurns,
        records: Records,
        failures: Failures,
    ) -> None:
        self._equipment = equipment
        self._visit = visit
        self._built = built
        self._mailbox = mailbox
        self._begin = begin
        self._grace = grace
        self._presence = presence
        self._known = known
        self._receiving = receiving
        self._catching_up = catching_up
        self._leaving = leaving
        self._watched = watched
        self._records = records
        self._failures = failures
        self._resuming = threading.Lock()

    def open(self, attachment: Attachment) -> None:
        """Let a browser in that has a ticket: it gets the whole document, once that is built."""
        new_id, new_secret = self._equipment.random_id(), self._equipment.random_id()
        replica = Replica(
            new_id, new_secret, user_key=attachment.request.user_key, simple=attachment.endpoint.is_simple
        )
        try:
            self._join(attachment, replica)
            self._begin()
            self._mailbox.post(
                lambda: self._show(attachment, replica),
                lambda error: self._cannot_show(attachment, replica, error),
            )
        except SessionEnded:
            attachment.close(wire.Close.SESSION_GONE)
        except MailboxFull as full:
            logger.warning("session %s: a visitor was turned away: %s", self._visit.id, full)
            self._records.note(Event.LIMIT, attachment, full.setting)
            self._leaving.send_away(attachment, replica, wire.Close.BUSY)
        else:
            self._records.note(Event.OPEN, attachment)

    def recognises(self, attachment: Attachment, position: wire.Resume) -> bool:
        """Whether a browser is who it says; if not, it is told."""
        replica = self._known.get(position.client)
        if self._built.core is None or replica is None:
            self._records.note(Event.REFUSE, attachment, Reason.SESSION_GONE)
            attachment.close(wire.Close.SESSION_GONE)
            return False
        if not _knows_secret(replica, position.secret):
            self._records.note(Event.REFUSE, attachment, Reason.RESUME_SECRET)
            attachment.close(wire.Close.SESSION_GONE)
            return False
        if attachment.request.user_key != replica.user_key:
            level = self._equipment.audit.level(attachment.endpoint)
            logger.log(level, "session %s: refused to resume for another user", self._visit.id)
            self._records.note(Event.REFUSE, attachment, Reason.OTHER_USER)
            attachment.close(wire.Close.FORBIDDEN)
            return False
        return True

    def resume(self, attachment: Attachment, position: wire.Resume) -> None:
        """Let a browser go on from where it was; answers at once, whatever callbacks are running."""
        core, replica = self._built.core, self._known.get(position.client)
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
            secret = self._equipment.random_id()
            todo = core.resume(replica, attachment, position, secret, grace=self._grace)
        # Apart from each other, so that it shows if nobody is ever given what was missed only.
        self._equipment.counters.count("resumes_by_snapshot" if todo is CatchUp.SNAPSHOT else "resumes")
        self._records.note(Event.RESUME, attachment)
        if todo is CatchUp.SNAPSHOT:
            # A position that nothing leads from, be it true or not, is a way to ask for the whole document.
            self._catching_up.resync(replica)
        if self._watched.is_busy:
            attachment.push(wire.encode_payload(wire.Notice(kind=wire.NoticeKind.BUSY, busy=True)))

    def _join(self, attachment: Attachment, replica: Replica) -> None:
        """Let an attachment take part.

        Raises:
            SessionEnded: it has come too late.
        """
        self._presence.stop_waiting()
        self._known.is_back(replica)
        attachment.on_frame = lambda received: self._receiving.receive(attachment, replica, received)
        attachment.on_drained = lambda: self._catching_up.drained(replica)
        attachment.on_lost = lambda: self._leaving.lost(attachment, replica)
        attachment.on_dismissed = lambda code: self._leaving.dismiss(attachment, replica, code)
        attachment.app = self._visit.app
        self._presence.enter(attachment, replica)
        if attachment.lost:
            # Its socket went before we could be told.
            self._leaving.lost(attachment, replica)

    def _show(self, attachment: Attachment, replica: Replica) -> None:
        core = self._built.core
        if attachment not in self._presence or core is None:
            return  # Its socket was lost meanwhile.
        attachment.grant()
        self._known.add(replica)
        core.attach(replica, attachment, grace=self._grace)

    def _cannot_show(self, attachment: Attachment, replica: Replica, error: BaseException) -> None:
        """The document could not be encoded, or what a site puts around turns has failed."""
        if attachment in self._presence:
            noted = self._failures.noted(error, "could not show its document")
            self._leaving.send_away(attachment, replica, wire.Close.BUILD_FAILED, **noted)


def _knows_secret(replica: Replica, shown: str) -> bool:
    known = [replica.secret, replica.previous_secret]
    return any(hmac.compare_digest(each.encode(), shown.encode()) for each in known if each)
