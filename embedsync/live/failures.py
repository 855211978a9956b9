"""Exceptions of app code: logged under an id, which is all that browsers are told outside of debug mode."""

from __future__ import annotations

import logging
from collections.abc import Callable

from embedsync import wire
from embedsync.live.built import Built
from embedsync.live.visit import Visit
from embedsync.shown_traceback import shown_traceback

__all__ = ["Failures"]

logger = logging.getLogger("embedsync.session")


class Failures:
    """Logs what app code raises.

    Args:
        visit: knows the names of the app and the session.
        built: the way to the browsers.
        random_id: makes the ids of errors.
        debug: browsers may see tracebacks.
    """

    def __init__(self, visit: Visit, built: Built, random_id: Callable[[], str], *, debug: bool) -> None:
        self._visit = visit
        self._built = built
        self._random_id = random_id
        self._debug = debug

    def report(self, error: BaseException, what: str) -> None:
        """Log an exception under an id, and tell the browsers the id; the session goes on."""
        error_id = self._random_id()[:8]
        app, session = self._visit.app.name, self._visit.id
        logger.error("app %r, session %s: %s failed (error %s)", app, session, what, error_id, exc_info=error)
        self._built.notify(wire.Notice(kind=wire.NoticeKind.ERROR, error=error_id, detail=self._shown(error)))

    def noted(self, error: BaseException, what: str) -> dict[str, str]:
        """Log an exception, and give what a browser that is sent away for it may know."""
        error_id = self._random_id()[:8]
        logger.error("app %r %s (error %s)", self._visit.app.name, what, error_id, exc_info=error)
        return {"error": error_id, "detail": self._shown(error)}

    def _shown(self, error: BaseException) -> str:
        return shown_traceback(error) if self._debug else ""
