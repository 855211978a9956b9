"""What a session writes down of its browsers: who came, and what was refused."""

from __future__ import annotations

import logging

from embedsync.audit import Audit, Event
from embedsync.counters import Counters
from embedsync.endpoint import Attachment
from embedsync.errors import Refused
from embedsync.legible import legible
from embedsync.live.visit import Visit
from embedsync.replica import Replica
from embedsync.request import Request

__all__ = ["Records"]

logger = logging.getLogger("embedsync.session")

_MOST_REASONS = 100
"""Different refusals of one session that are warnings in the log, once each; all others have level debug."""


class Records:
    """Writes to the audit and the log, with the names of the app and the session.

    Args:
        visit: knows these names.
        audit: the process's.
        counters: the process's.
    """

    def __init__(self, visit: Visit, audit: Audit, counters: Counters) -> None:
        self._visit = visit
        self._audit = audit
        self._counters = counters
        self._reasons: set[str] = set()

    def note(self, event: Event, attachment: Attachment, reason: str = "", detail: str = "") -> None:
        """Write to the audit what has become of a browser."""
        self._audit.write(
            event,
            attachment.request,
            attachment.endpoint,
            app=self._visit.app.name,
            session=self._visit.id,
            reason=reason,
            detail=detail,
        )

    def refused(self, replica: Replica, refused: Refused) -> None:
        """An edit was refused."""
        self._counters.count("edits_refused")
        app, session, why = self._visit.app.name, self._visit.id, legible(refused)
        # Whoever drags what is refused is refused at every step.
        is_known = why in self._reasons or len(self._reasons) >= _MOST_REASONS
        level = logging.DEBUG if is_known else logging.WARNING
        if not is_known:
            self._reasons.add(why)
        logger.log(level, "app %r, session %s: refused an edit of %s: %s", app, session, replica.id, why)
        if isinstance(viewer := replica.viewer, Attachment):
            self.note(Event.DENY, viewer, refused.code, refused.where)
        else:  # It has left meanwhile.
            gone = Request(user_key=replica.user_key)
            said = {"app": app, "session": session, "reason": refused.code, "detail": refused.where}
            self._audit.write(Event.DENY, gone, **said)
