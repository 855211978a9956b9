"""Which pages may connect: those of the site itself, and of the origins that a setting names."""

from __future__ import annotations

import logging

from embedsync import origins
from embedsync.audit import Audit, Event, Reason
from embedsync.counters import Counters
from embedsync.request import Request
from embedsync.settings import Settings

__all__ = ["OriginCheck"]

logger = logging.getLogger("embedsync.hub")


class OriginCheck:
    """Judges requests by the page that makes them; those it refuses are logged and counted.

    Args:
        settings: name the origins.
        counters: the process's.
        audit: the process's.
    """

    def __init__(self, settings: Settings, counters: Counters, audit: Audit) -> None:
        self._settings = settings
        self._counters = counters
        self._audit = audit

    def allows(self, request: Request, *, reads_only: bool = False) -> bool:
        """See :meth:`embedsync.hub.Hub.origin_allowed`."""
        allowed = self._settings.allowed_origins
        if not origins.is_allowed(request, allowed):
            return self._refuse(
                request,
                "refused a page of origin %r to connect to %r; if it should, name it in 'allowed_origins'",
                (request.origin or "")[:200],
                f"{request.scheme}://{request.host}"[:200],
            )
        is_named = request.origin is not None or not request.cookies or self._settings.cookies_without_origin
        if not is_named and not reads_only and "*" not in allowed:
            return self._refuse(
                request,
                "refused a client that sends cookies and no 'Origin', which browsers always send: a script "
                "should name the site's, or be let in by 'cookies_without_origin'",
            )
        return True

    def _refuse(self, request: Request, message: str, *named: str) -> bool:
        self._counters.count("origins_refused")
        logger.warning(message, *named)
        self._audit.write(Event.REFUSE, request, reason=Reason.ORIGIN, detail=request.origin or "")
        return False
