"""Who came, and what was refused: a line for each, for those who look after the site.

Each line of the logger ``embedsync.audit`` is one JSON object, because collectors read that without a
grammar of ours, and because its strings say where they end, whatever a stranger has put into them.
"""

from __future__ import annotations

import enum
import hashlib
import hmac
import json
import logging
import secrets
import threading
import weakref
from collections.abc import Callable, Hashable
from dataclasses import dataclass, fields

from embedsync.bucket import Bucket
from embedsync.errors import TicketError, TicketExpired, TicketOfAnother, UnknownApp
from embedsync.legible import legible
from embedsync.request import Request
from embedsync.settings import Settings
from embedsync.wire import Close

__all__ = ["FIELDS", "Audit", "Event", "Reason"]

logger = logging.getLogger("embedsync.audit")

FIELDS = ("event", "socket", "user", "address", "app", "session", "reason", "detail", "left_out")
"""What each line has, in this order. All are text but the last, and empty where there is nothing to say."""

_PURPOSE = b"embedsync.audit"
_DIGITS = 16
_AT_ONCE = 20
"""Lines of one socket in its first moments: a page with a few apps connects, and opens each."""
_SECONDS_AT_ONCE = 10
"""As many lines of all sockets may come at once as may come in this time."""
_BOUNDS = (Close.TOO_BIG, Close.SLOW, Close.TOO_MANY_EDITS, Close.HANDSHAKE_TIMEOUT)
_SETTINGS = frozenset(each.name for each in fields(Settings))


class Event(enum.StrEnum):
    """What has happened."""

    CONNECT = "connect"
    """A socket was taken."""
    OPEN = "open"
    """A ticket has opened, or joined, a session."""
    RESUME = "resume"
    """A browser has come back to its session."""
    REFUSE = "refuse"
    """Somebody was not let in, or sent away for what they sent."""
    DENY = "deny"
    """An edit was refused. ``reason`` is one of :class:`embedsync.wire.Refusal`."""
    REVOKE = "revoke"
    """Somebody who was in may be in no more."""
    LIMIT = "limit"
    """A bound was reached. ``reason`` is the setting."""


class Reason(enum.StrEnum):
    """Why somebody was refused, or sent away."""

    ORIGIN = "origin"
    TICKET_EXPIRED = "ticket_expired"
    TICKET_INVALID = "ticket_invalid"
    UNKNOWN_APP = "unknown_app"
    OTHER_USER = "other_user"
    PERMISSION = "permission"
    SESSION_GONE = "session_gone"
    RESUME_SECRET = "resume_secret"  # noqa: S105  (the name of a reason)
    BAD_MESSAGE = "bad_message"
    LOGGED_OUT = "logged_out"

    @classmethod
    def of(cls, error: TicketError | UnknownApp) -> Reason:
        """Why a ticket opens nothing."""
        if isinstance(error, UnknownApp):
            return cls.UNKNOWN_APP
        if isinstance(error, TicketOfAnother):
            return cls.OTHER_USER
        return cls.TICKET_EXPIRED if isinstance(error, TicketExpired) else cls.TICKET_INVALID


@dataclass
class _Quota:
    """What is written about one socket."""

    name: str
    lines: Bucket
    warnings: Bucket


class Audit:
    """Writes the lines, and no more of them than a log can take.

    What would identify a person or open a session is written as a keyed hash: the same one each time, on
    all processes of a site, and no more than that for who has only the log.

    Args:
        key: the site's secret key.
        settings: how many lines there may be.
        clock: seconds that never go back.
        count: told of what was left out, by the name of a counter.
    """

    def __init__(
        self,
        key: str | bytes,
        settings: Settings,
        *,
        clock: Callable[[], float],
        count: Callable[[str], None],
    ) -> None:
        self._key = hmac.digest(key.encode() if isinstance(key, str) else key, _PURPOSE, "sha256")
        self._settings = settings
        self._clock = clock
        self._count = count
        self._lock = threading.Lock()
        rate = settings.audit_lines
        self._lines = Bucket(rate, max(1.0, rate * _SECONDS_AT_ONCE), clock())
        self._left_out = 0
        self._quotas: weakref.WeakKeyDictionary[Hashable, _Quota] = weakref.WeakKeyDictionary()

    def hashed(self, text: str) -> str:
        """How a user's key, or a session's id, is written in the lines; empty for empty text."""
        if not text:
            return ""
        return hmac.new(self._key, text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[
            :_DIGITS
        ]

    def write(
        self,
        event: Event,
        request: Request,
        socket: Hashable | None = None,
        *,
        app: str = "",
        session: str = "",
        reason: str = "",
        detail: object = "",
    ) -> None:
        """Write a line, unless there are too many; then the next one says how many were left out.

        Args:
            event: what has happened.
            request: of whom it was; for a socket, its handshake.
            socket: the endpoint, if there is one.
            app: name of the app.
            session: id of the session.
            reason: why, in a word that the documentation lists.
            detail: what helps, and holds nothing that belongs to the visitor.
        """
        if not logger.isEnabledFor(logging.INFO):
            return
        quota = self._quota(socket) if socket is not None else None
        # That somebody was sent away is the site's own doing, and missing for nobody's noise.
        left_out = self._room(quota, certain=event is Event.REVOKE)
        if left_out is None:
            self._count("audit_lines_left_out")
            return
        said = (
            event.value,
            quota.name if quota is not None else "",
            self.hashed(request.user_key),
            legible(request.remote_address),
            legible(app),
            self.hashed(session),
            str(reason),
            legible(detail),
        )
        line = dict(zip(FIELDS, (*said, left_out), strict=True))
        logger.info("%s", json.dumps(line), extra={"audit": line})

    def write_end(
        self, socket: Hashable, request: Request, code: int | None, why: str, app: str = "", session: str = ""
    ) -> None:
        """Write that a socket, or one document on it, was closed, if its browser is to blame.

        Args:
            socket: the endpoint.
            request: its handshake.
            code: with which it was closed.
            why: for the log; it names the setting of a bound that was reached.
            app: name of the app, if it was one document.
            session: id of its session.
        """
        if code == Close.BAD_MESSAGE:
            # Why would quote what was sent.
            self.write(Event.REFUSE, request, socket, app=app, session=session, reason=Reason.BAD_MESSAGE)
        elif code in _BOUNDS:
            named = next((each for each in why.split("'") if each in _SETTINGS), Close(code).name.lower())
            self.write(Event.LIMIT, request, socket, app=app, session=session, reason=named)

    def level(self, socket: Hashable) -> int:
        """How loud to be about what a socket is to blame for: a warning, but not without end."""
        quota = self._quota(socket)
        with self._lock:
            is_loud = quota.warnings.take(self._clock())
        if not is_loud:
            self._count("warnings_left_out")
        return logging.WARNING if is_loud else logging.DEBUG

    def _room(self, quota: _Quota | None, *, certain: bool) -> int | None:
        """How many lines were left out before this one; ``None`` if this one has to be as well."""
        now = self._clock()
        with self._lock:
            has_room = quota is None or quota.lines.take(now)
            if not ((has_room and self._lines.take(now)) or certain):
                self._left_out += 1
                return None
            left_out, self._left_out = self._left_out, 0
            return left_out

    def _quota(self, socket: Hashable) -> _Quota:
        with self._lock:
            quota = self._quotas.get(socket)
            if quota is None:
                now, rate = self._clock(), self._settings.socket_lines
                quota = _Quota(secrets.token_hex(4), Bucket(rate, _AT_ONCE, now), Bucket(rate, _AT_ONCE, now))
                self._quotas[socket] = quota
            return quota
