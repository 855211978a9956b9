"""Who may use an app: asked when a session is opened or resumed, and again while it lasts.

Apps say it by their ``permission``, sites by ``Request.reload``. Both may ask a database, so they
run on the threads of app code, never on those that serve sockets.
"""

from __future__ import annotations

import inspect
import logging
import weakref
from collections.abc import Callable
from typing import Any

from embedsync import wire
from embedsync.app import App
from embedsync.audit import Audit, Event, Reason
from embedsync.endpoint import Attachment, Endpoint
from embedsync.pool import Pool
from embedsync.request import Request
from embedsync.scheduler import Scheduler

__all__ = ["Admission"]

logger = logging.getLogger("embedsync.admission")


class Admission:
    """Lets visitors in, and looks again whether they may stay.

    Args:
        pool: threads to ask on.
        scheduler: for looking again.
        interval: seconds between looks.
        audit: where it is written who was not let in, or sent away.
        on_refused: told of each of these.
    """

    def __init__(
        self,
        pool: Pool,
        scheduler: Scheduler,
        interval: float,
        audit: Audit,
        on_refused: Callable[[], None],
    ) -> None:
        self._pool = pool
        self._scheduler = scheduler
        self._interval = interval
        self._audit = audit
        self._on_refused = on_refused

    def permits(self, app: App, request: Request) -> bool:
        """Whether the maker of a request may use an app. A permission that raises says no."""
        try:
            return _ask(app, request)
        except Exception:
            logger.exception("app %r: its permission failed, so a visitor was refused", app.name)
            return False

    def admit(self, app: App, attachment: Attachment, enter: Callable[[], None]) -> None:
        """Let a visitor in, by ``enter``, if they may use the app; at once if everybody may.

        What the browser sends until that is decided is kept for later.
        """
        if app.permission is None:
            enter()
            return
        attachment.hold()
        self._pool.submit(lambda: self._decide(app, attachment, enter))

    def watch(self, endpoint: Endpoint) -> None:
        """Look again after a while, and then again, as long as the socket lives."""
        present = weakref.ref(endpoint)

        def look() -> None:
            endpoint = present()
            if endpoint is not None and not endpoint.is_lost:
                self._pool.submit(lambda: self._look_again(endpoint))

        self._scheduler.call_later(self._interval, look)

    def dismiss(self, endpoint: Endpoint) -> None:
        """The visitor has logged out. The browser may ask for fresh tickets, with what cookies it has."""
        self._on_refused()
        self._audit.write(Event.REVOKE, endpoint.request, endpoint, reason=Reason.LOGGED_OUT)
        endpoint.close(wire.Close.TICKET_EXPIRED, "the user is no longer logged in")
        for attachment in endpoint.attachments:
            attachment.on_dismissed(wire.Close.TICKET_EXPIRED)

    def _decide(self, app: App, attachment: Attachment, enter: Callable[[], None]) -> None:
        try:
            if self.permits(app, attachment.request):
                enter()
            else:
                self._refuse(app, attachment, Event.REFUSE)
        finally:
            attachment.release()

    def _look_again(self, endpoint: Endpoint) -> None:
        try:
            request = _present(endpoint.request)
            if request is None:
                self.dismiss(endpoint)
                return
            for attachment in endpoint.attachments:
                app = attachment.app
                if app is not None and not _ask(app, request):
                    self._refuse(app, attachment, Event.REVOKE)
        except Exception:
            # A database that does not answer for a moment is no reason to send everybody away.
            logger.exception("whether a visitor may stay is not known; it is asked again later")
        self.watch(endpoint)

    def _refuse(self, app: App, attachment: Attachment, event: Event) -> None:
        self._on_refused()
        socket = attachment.endpoint
        logger.log(self._audit.level(socket), "app %r: a visitor may not use it", app.name)
        self._audit.write(event, attachment.request, socket, app=app.name, reason=Reason.PERMISSION)
        attachment.on_dismissed(wire.Close.FORBIDDEN)


def _ask(app: App, request: Request) -> bool:
    if app.permission is None:
        return True
    with request.thread_context(request), request.context(request), request.permission_context(request):
        answer: Any = app.permission(request)
    if inspect.isawaitable(answer) or callable(answer):
        # A coroutine and a decorated function are true, and would let everybody in.
        if inspect.iscoroutine(answer):
            answer.close()
        raise TypeError(f"a permission must answer with True or False, not with a {type(answer).__name__}")
    return bool(answer)


def _present(request: Request) -> Request | None:
    """The request with its user as the site knows them now."""
    if request.reload is None:
        return request
    with request.thread_context(request):
        fresh = request.reload()
    return fresh if fresh is not None and fresh.user_key == request.user_key else None
