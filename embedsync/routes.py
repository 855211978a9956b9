"""The HTTP side of an endpoint, for adapters: which path is what, and who may ask for it.

All adapters serve the same routes through :meth:`Routes.respond`; only the socket is theirs.
"""

from __future__ import annotations

import enum
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from embedsync import origins, wire
from embedsync.audit import Event, Reason
from embedsync.errors import ConfigurationError, TicketError, TicketOfAnother, UnknownApp
from embedsync.legible import legible
from embedsync.request import Request

if TYPE_CHECKING:
    from embedsync.app import App
    from embedsync.hub import Hub

__all__ = ["POLICIES", "READING", "Policy", "Response", "Routes", "read_body", "sealed"]

logger = logging.getLogger("embedsync.routes")

READING = ("GET", "HEAD", "OPTIONS")
"""Methods by which nothing happens. Browsers name no origin with them on pages of the same origin."""

_FOR_EVER = "public, max-age=31536000, immutable"
_TICKET_BYTES = 20 * 1024
_WITH_COOKIES = (
    ("Access-Control-Allow-Credentials", "true"),
    ("Access-Control-Allow-Methods", "POST"),
    ("Access-Control-Allow-Headers", "Content-Type"),
    ("Access-Control-Max-Age", "600"),
)


class Policy(enum.Enum):
    """Who may use a route."""

    PUBLIC = "public"
    """Everybody: the same bytes for all."""
    OWN_PAGES = "own pages"
    """Pages of the site and of the origins that it allows; the socket and what speaks of users."""
    PERMITTED = "permitted"
    """Whoever may use the app, as its permission says."""


POLICIES: dict[str, Policy] = {
    "embed.js": Policy.PUBLIC,
    "health": Policy.PUBLIC,
    "static": Policy.PUBLIC,
    "extensions": Policy.PUBLIC,
    "scripts": Policy.PUBLIC,
    "ticket": Policy.OWN_PAGES,
    "socket": Policy.OWN_PAGES,
    # Of Bokeh's server, for clients that know that one.
    "stock-files": Policy.PUBLIC,
    "stock-script": Policy.OWN_PAGES,
    "stock-metadata": Policy.OWN_PAGES,
    "stock-app-files": Policy.PERMITTED,
    "stock-socket": Policy.OWN_PAGES,
}
"""The policy of each route; a route without one is refused."""

_AREAS = ("embed.js", "health", "static", "extensions", "ticket", "socket")
"""Routes that are named by the first part of their path; every other path is one of ``scripts``."""


@dataclass(frozen=True, slots=True)
class Response:
    """An HTTP response in words of no framework."""

    status: int
    body: bytes = b""
    headers: Sequence[tuple[str, str]] = field(default_factory=tuple)


class Readable(Protocol):
    """A stream of bytes."""

    def read(self, size: int, /) -> bytes:
        """At most so many bytes; none at the end."""


def read_body(stream: Readable, limit: int) -> bytes | None:
    """Read the body of a request, or ``None`` if it is longer than ``limit`` bytes.

    No more than needed is read, whatever length was declared, if any was.
    """
    body = b""
    while len(body) <= limit:
        part = stream.read(limit + 1 - len(body))
        if not part:
            return body
        body += part
    return None


class Routes:
    """Answers HTTP requests below the URL at which an adapter mounted a hub."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def admits(
        self, route: str, request: Request, *, reads_only: bool = False, app: App | None = None
    ) -> bool:
        """The one gate that every request passes, socket handshakes included.

        Args:
            route: its name in :data:`POLICIES`.
            request: the request.
            reads_only: it is a plain ``GET``, and no handshake.
            app: which app it is about, where it is about one.
        """
        policy = POLICIES.get(route)
        if policy is Policy.PUBLIC:
            return True
        if policy is Policy.OWN_PAGES:
            return self._hub.origin_allowed(request, reads_only=reads_only)
        return policy is Policy.PERMITTED and app is not None and self._hub.permits(app, request)

    def is_public(self, path: str) -> bool:
        """Whether a request is answered with the same bytes, whoever makes it."""
        return POLICIES.get(self._route(path)) is Policy.PUBLIC

    def respond(self, method: str, path: str, request: Request, body: bytes = b"") -> Response:
        """Answer a request.

        Args:
            method: in upper case.
            path: below the endpoint, without leading slash.
            request: the request; its headers say which encodings the browser takes.
            body: at most what :attr:`body_limit` says.
        """
        route = self._route(path)
        if not self.admits(route, request, reads_only=method in READING):
            return sealed(_json(403, {"code": int(wire.Close.FORBIDDEN)}))
        answer = self._answer(route, method, path, request, body)
        return sealed(replace(answer, headers=[*answer.headers, *self._sharing(route, request)]))

    @property
    def body_limit(self) -> int:
        """Bytes of a request body that are worth reading; longer ones are to be refused with 413."""
        return _TICKET_BYTES

    def _route(self, path: str) -> str:
        area = path.partition("/")[0]
        return area if area in _AREAS else "scripts"

    def _answer(self, route: str, method: str, path: str, request: Request, body: bytes) -> Response:
        if route == "ticket":
            if method == "OPTIONS":
                return Response(204)
            if method != "POST":
                return Response(405, headers=[("Allow", "POST")])
            return self._ticket(request, body)
        if method not in ("GET", "HEAD"):
            return Response(405, headers=[("Allow", "GET, HEAD")])
        if route == "health":
            return _json(200, self._hub.status())
        if route == "socket":
            self._explain_handshake(request)
            return _text(426, "this is a WebSocket", ("Upgrade", "websocket"))
        if route == "embed.js":
            return _script(self._hub.assets.script_tag())
        return self._asset(path, request)

    def _explain_handshake(self, request: Request) -> None:
        """Say why a WebSocket of a browser has arrived as something else."""
        if not request.headers.get("Sec-Websocket-Key"):
            return
        if not self._hub.counters.count_first("handshakes_stripped"):
            return
        logger.warning(
            "a WebSocket has arrived as a plain request. Either this server knows no WebSockets (uvicorn "
            "needs 'pip install websockets'), or a proxy in front has taken off 'Upgrade'. In nginx: "
            "proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "
            '"upgrade"; (later ones are counted, as handshakes_stripped)'
        )

    def _sharing(self, route: str, request: Request) -> Sequence[tuple[str, str]]:
        """What lets pages of other origins that the site names, and no others, use a route."""
        hub = self._hub
        if route not in ("static", "extensions", "ticket") or not hub.settings.allowed_origins:
            return ()
        headers = [("Vary", "Origin")]
        if request.origin is not None and origins.is_named(request.origin, hub.settings.allowed_origins):
            headers.append(("Access-Control-Allow-Origin", request.origin))
            if route == "ticket":
                headers += _WITH_COOKIES
        return headers

    def _ticket(self, request: Request, body: bytes) -> Response:
        """A fresh ticket for an old one, or for a page that names an app by a script tag."""
        try:
            asked = json.loads(body)
            if "ticket" in asked:
                ticket = self._hub.renew_ticket(str(asked["ticket"]), request)
            else:
                arguments = dict(asked.get("arguments") or {})
                ticket = self._hub.ticket_for_script_tag(str(asked["app"]), arguments, request)
        except UnknownApp as error:
            self._refused(request, error)
            return _json(404, {"code": int(wire.Close.UNKNOWN_APP)})
        except TicketError as error:
            self._refused(request, error)
            logged_out = isinstance(error, TicketOfAnother) and request.user_key == ""
            return _json(403, {"code": int(wire.Close.LOGGED_OUT if logged_out else wire.Close.FORBIDDEN)})
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError, ConfigurationError):
            return _json(400, {"code": int(wire.Close.BAD_MESSAGE)})
        return _json(200, {"ticket": ticket})

    def _refused(self, request: Request, error: TicketError | UnknownApp) -> None:
        logger.warning("no ticket was given: %s", legible(error))
        self._hub.audit.write(Event.REFUSE, request, reason=Reason.of(error))

    def _asset(self, path: str, request: Request) -> Response:
        asset = self._hub.assets.find(path)
        if asset is None:
            return _text(404, "not found")
        headers = [
            ("Content-Type", asset.content_type),
            ("Cache-Control", _FOR_EVER),
            ("X-Content-Type-Options", "nosniff"),
        ]
        content, encoding = asset.encoded(request.headers.get("Accept-Encoding", ""))
        return Response(200, content, [*headers, *encoding])


def sealed(response: Response, *, referrer: str = "no-referrer") -> Response:
    """A response that tells nobody where its reader came from, and is taken for nothing but what it says.

    Args:
        response: as it is made.
        referrer: its ``Referrer-Policy``.
    """
    present = {name.lower() for name, _ in response.headers}
    wanted = (("Referrer-Policy", referrer), ("X-Content-Type-Options", "nosniff"))
    missing = [each for each in wanted if each[0].lower() not in present]
    return replace(response, headers=[*response.headers, *missing])


def _script(content: bytes) -> Response:
    headers = [
        ("Content-Type", "text/javascript; charset=utf-8"),
        ("Cache-Control", "no-cache"),  # It names files that the next version does not have.
        ("X-Content-Type-Options", "nosniff"),
    ]
    return Response(200, content, headers)


def _json(status: int, value: object) -> Response:
    headers = [("Content-Type", "application/json"), ("Cache-Control", "no-store")]
    return Response(status, json.dumps(value).encode(), headers)


def _text(status: int, text: str, *headers: tuple[str, str]) -> Response:
    return Response(status, text.encode(), [("Content-Type", "text/plain; charset=utf-8"), *headers])
