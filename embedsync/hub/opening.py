"""What a socket brings: a ticket is shown, a session is resumed, frames are passed on to it."""

from __future__ import annotations

import logging
from collections.abc import Callable

from embedsync import wire
from embedsync.admission import Admission
from embedsync.app import App
from embedsync.audit import Event, Reason
from embedsync.connection import Received
from embedsync.endpoint import Attachment
from embedsync.equipment import Equipment
from embedsync.errors import TicketExpired, TicketInvalid, UnknownApp
from embedsync.hub.apps import Apps
from embedsync.hub.sessions import Sessions
from embedsync.legible import legible
from embedsync.live import LiveSession
from embedsync.request import Request
from embedsync.tickets import Grant, Tickets
from embedsync.used_tickets import UsedTickets
from embedsync.visitors import EditsByUser

__all__ = ["Opening"]

logger = logging.getLogger("embedsync.hub")


class Opening:
    """Brings attachments to their sessions. On threads that read sockets.

    Args:
        equipment: the process's.
        apps: what tickets are for.
        tickets: reads them.
        admission: knows who may use an app.
        sessions: where they go.
        wall_clock: seconds since 1970, for the age of tickets.
    """

    def __init__(
        self,
        equipment: Equipment,
        apps: Apps,
        tickets: Tickets,
        admission: Admission,
        sessions: Sessions,
        *,
        wall_clock: Callable[[], float],
    ) -> None:
        settings = equipment.settings
        self._counters = equipment.counters
        self._audit = equipment.audit
        self._apps = apps
        self._tickets = tickets
        self._used_tickets = UsedTickets(
            settings.used_tickets,
            settings.ticket_age,
            now=wall_clock,
            on_full=lambda: self._counters.count("used_tickets_forgotten"),
        )
        self._admission = admission
        self._sessions = sessions
        self._edits = EditsByUser(settings.user_edits_per_second, equipment.clock)
        self._stopped = False

    def received(self, attachment: Attachment, received: Received) -> None:
        """Take a frame that has arrived for an attachment."""
        frame = received.frame
        if type(frame) is wire.Edit:
            if self._edits.allow(attachment.request.user_key):
                attachment.receive(received)
            else:
                reason = "too many edits of one user ('user_edits_per_second')"
                attachment.endpoint.close(wire.Close.TOO_MANY_EDITS, reason)
        elif isinstance(frame, wire.Open):
            self._open(attachment, frame)
        else:
            attachment.receive(received)
            if isinstance(frame, wire.Detach):
                attachment.endpoint.forget(attachment.number)

    def enter(self, attachment: Attachment, grant: Grant) -> None:
        """Let in who has shown a grant in the handshake; a permission is asked first."""
        app = self._apps.app(grant.app)
        self._admission.admit(app, attachment, lambda: self._enter(attachment, app, grant))

    def stop(self) -> None:
        """Let nobody in any more: the process stops."""
        self._stopped = True

    def _open(self, attachment: Attachment, frame: wire.Open) -> None:
        if self._stopped:
            attachment.close(wire.Close.DRAIN)
        elif frame.resume is not None:
            self._resume(attachment, frame.resume)
        else:
            self._show_ticket(attachment, frame.ticket or "")

    def _resume(self, attachment: Attachment, position: wire.Resume) -> None:
        live = self._sessions.get(position.session)
        if live is None:
            self._audit_refusal(attachment, Reason.SESSION_GONE)
            attachment.close(wire.Close.SESSION_GONE)
        elif live.recognises(attachment, position):
            # Edits follow a resume at once, and may be large.
            attachment.grant()
            self._admission.admit(live.app, attachment, lambda: live.resume(attachment, position))

    def _show_ticket(self, attachment: Attachment, ticket: str) -> None:
        try:
            grant = self._tickets.read(ticket)
            app = self._apps.app(grant.app)
        except TicketExpired:
            self._audit_refusal(attachment, Reason.TICKET_EXPIRED)
            attachment.close(wire.Close.TICKET_EXPIRED)
        except TicketInvalid as error:
            self._refuse(attachment, wire.Close.FORBIDDEN, Reason.TICKET_INVALID, str(error))
        except UnknownApp as error:
            self._refuse(attachment, wire.Close.UNKNOWN_APP, Reason.UNKNOWN_APP, str(error))
        else:
            if grant.user_key != attachment.request.user_key:
                # Somebody logged in or out since the page was made. Renewal decides what they may.
                self._audit_refusal(attachment, Reason.OTHER_USER, app.name)
                attachment.close(wire.Close.TICKET_EXPIRED)
                return
            self._admission.admit(app, attachment, lambda: self._enter(attachment, app, grant))

    def _enter(self, attachment: Attachment, app: App, grant: Grant) -> None:
        # Those that speak Bokeh's protocol come back with the token that they had; it has no nonce.
        if grant.nonce and not self._used_tickets.use(grant.nonce, grant.made):
            # A page that was kept by the browser, or whose first socket was cut: it asks for a fresh one.
            self._counters.count("tickets_shown_again")
            attachment.close(wire.Close.TICKET_EXPIRED)
            return
        failure = self._sessions.failure(grant)
        if failure is not None:
            attachment.close(wire.Close.BUILD_FAILED, **failure)
            return
        live = self._sessions.open(app, grant, attachment.request, attachment.endpoint)
        if live is None:
            self._used_tickets.give_back(grant.nonce)
            attachment.close(wire.Close.BUSY)
            return
        if grant.session_id and not app.shared and not _is_of(live, attachment.request):
            reason = Reason.OTHER_USER
            self._refuse(attachment, wire.Close.FORBIDDEN, reason, "the session belongs to another user")
            return
        live.open(attachment)

    def _refuse(self, attachment: Attachment, code: wire.Close, reason: Reason, detail: str) -> None:
        self._counters.count("opens_refused")
        logger.log(self._audit.level(attachment.endpoint), "refused a visitor: %s", legible(detail))
        self._audit_refusal(attachment, reason)
        attachment.close(code)

    def _audit_refusal(self, attachment: Attachment, reason: Reason, app: str = "") -> None:
        self._audit.write(Event.REFUSE, attachment.request, attachment.endpoint, app=app, reason=reason)


def _is_of(live: LiveSession, request: Request) -> bool:
    return live.info.request.user_key == request.user_key
