"""How browsers leave a session: lost, for good, or sent away; the app is told of those that were lost."""

from __future__ import annotations

import logging
import threading
from collections.abc import Awaitable, Iterator
from typing import Any

from embedsync.endpoint import Attachment
from embedsync.errors import MailboxFull, SessionEnded
from embedsync.live.built import Built
from embedsync.live.known_replicas import KnownReplicas
from embedsync.live.presence import Presence
from embedsync.live.turns import Turns
from embedsync.live.visit import Visit
from embedsync.mailbox import Mailbox
from embedsync.replica import Replica

__all__ = ["Leaving"]

logger = logging.getLogger("embedsync.session")


class Leaving:
    """Takes browsers out of a session.

    Args:
        visit: knows the session's id.
        built: keeps what belongs to replicas.
        presence: who is here.
        known: who may come back.
        mailbox: runs the turn that tells the app.
        turns: makes it.
    """

    def __init__(
        self,
        visit: Visit,
        built: Built,
        presence: Presence,
        known: KnownReplicas,
        mailbox: Mailbox,
        turns: Turns,
    ) -> None:
        self._visit = visit
        self._built = built
        self._presence = presence
        self._known = known
        self._mailbox = mailbox
        self._turns = turns
        self._lock = threading.Lock()
        self._losses = 0

    def lost(self, attachment: Attachment, replica: Replica) -> None:
        """A socket was lost; its browser may come back."""
        self._leave(attachment)
        core = self._built.core
        absence = core.detach(replica, attachment) if core is not None else None
        if absence is not None:
            self._known.is_away(replica, absence)
        self._presence.wait_if_deserted()

    def remove(self, attachment: Attachment, replica: Replica) -> None:
        """A replica goes for good; a session that nobody else can come back to goes with it."""
        self._leave(attachment)
        if (core := self._built.core) is not None:
            core.remove(replica)
        self._known.remove(replica)
        self._presence.wait_if_deserted()

    def dismiss(self, attachment: Attachment, replica: Replica, code: int) -> None:
        """A visitor may not be here any more."""
        self.remove(attachment, replica)
        attachment.close(code)

    def send_away(self, attachment: Attachment, replica: Replica, code: int, **noted: str) -> None:
        """Close an attachment from this side; its browser may come back."""
        self.lost(attachment, replica)
        attachment.close(code, **noted)

    def send_replica_away(self, replica: Replica, code: int, **noted: str) -> None:
        """Close the attachment of a replica from this side."""
        for attachment in self._presence.places_of(replica):
            self.send_away(attachment, replica, code, **noted)

    def tell_of_losses(self) -> Iterator[Awaitable[Any]]:
        """Tell the app of browsers that were lost since; the last turn does it for those that are left."""
        with self._lock:
            losses, self._losses = self._losses, 0
        core = self._built.core
        for _ in range(losses):
            yield from core.document.viewer_lost() if core is not None else ()

    def _leave(self, attachment: Attachment) -> None:
        """An attachment takes part no more; the app is told, once."""
        if not self._presence.leave(attachment) or self._built.core is None:
            return
        with self._lock:
            self._losses += 1
        try:
            self._mailbox.post(lambda: self._turns.committing(self.tell_of_losses))
        except (MailboxFull, SessionEnded) as error:
            logger.debug("session %s: its app is told of a lost browser later: %s", self._visit.id, error)
