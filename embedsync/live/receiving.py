"""Frames of the browsers of a session. On threads that read sockets."""

from __future__ import annotations

import logging

from embedsync import wire
from embedsync.audit import Audit
from embedsync.connection import Received
from embedsync.endpoint import Attachment
from embedsync.errors import MailboxFull, ProtocolError, SessionEnded
from embedsync.legible import legible
from embedsync.live.built import Built
from embedsync.live.catching_up import CatchingUp
from embedsync.live.leaving import Leaving
from embedsync.live.visit import Visit
from embedsync.mailbox import Mailbox
from embedsync.replica import Replica
from embedsync.session import Session

__all__ = ["Receiving"]

logger = logging.getLogger("embedsync.session")


class Receiving:
    """Takes frames: edits to the mailbox, and the rest to whom it concerns.

    Args:
        visit: knows the names of the app and the session.
        built: has the core's session.
        mailbox: takes edits.
        catching_up: sends what a browser asks for.
        leaving: takes browsers out that go, or that break the rules.
        audit: the process's.
    """

    def __init__(
        self,
        visit: Visit,
        built: Built,
        mailbox: Mailbox,
        catching_up: CatchingUp,
        leaving: Leaving,
        audit: Audit,
    ) -> None:
        self._visit = visit
        self._built = built
        self._mailbox = mailbox
        self._catching_up = catching_up
        self._leaving = leaving
        self._audit = audit

    def receive(self, attachment: Attachment, replica: Replica, received: Received) -> None:
        """Take a frame."""
        core = self._built.core
        match received.frame:
            case wire.Edit() as edit if core is not None:
                self._receive_edit(core, attachment, replica, edit, received)
            case wire.Detach():
                self._leaving.remove(attachment, replica)
            case wire.Ack() as ack if core is not None:
                core.acknowledge(replica, ack.cseq)
            case wire.Resync() as resync if core is not None:
                if resync.reason:
                    logger.log(
                        self._audit.level(attachment.endpoint),
                        "session %s: a browser asks for a snapshot: %s",
                        self._visit.id,
                        legible(resync.reason),
                    )
                core.distrust(replica, resync.cseq)
                self._catching_up.resync(replica)

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
            app, session = self._visit.app.name, self._visit.id
            logger.log(self._audit.level(attachment.endpoint), "session %s: %s", session, error)
            self._audit.write_end(
                attachment.endpoint, attachment.request, error.code, str(error), app, session
            )
            self._leaving.send_away(attachment, replica, error.code)
        except MailboxFull as full:
            logger.warning("session %s: cut off a browser: %s", self._visit.id, full)
            attachment.endpoint.close(wire.Close.TOO_MANY_EDITS, str(full))
        except SessionEnded:
            attachment.close(wire.Close.SESSION_GONE)
