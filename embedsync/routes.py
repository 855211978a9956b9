"""The HTTP side of an endpoint, for adapters: which path is what, and who may ask for it.

All adapters serve the same routes through :meth:`Routes.respond`; only the socket is theirs.
"""

from __future__ import annotations

import enum
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from embedsync import wire
from embedsync.errors import TicketError
from embedsync.request import Request

if TYPE_CHECKING:
    from embedsync.hub import Hub

__all__ = ["POLICIES", "Policy", "Response", "Routes"]

logger = logging.getLogger("embedsync.routes")

_FOR_EVER = "public, max-age=31536000, immutable"
_TICKET_BYTES = 20 * 1024


class Policy(enum.Enum):
    """Who may use a route."""

    PUBLIC = "public"
    """Everybody: the same bytes for all."""
    OWN_PAGES = "own pages"
    """Pages of the site and of the origins that it allows; the socket and what speaks of users."""


POLICIES: dict[str, Policy] = {
    "health": Policy.PUBLIC,
    "static": Policy.PUBLIC,
    "scripts": Policy.PUBLIC,
    "ticket": Policy.OWN_PAGES,
    "socket": Policy.OWN_PAGES,
}
"""The policy of each route; a route without one is refused."""


@dataclass(frozen=True, slots=True)
class Response:
    """An HTTP response in words of no framework."""

    status: int
    body: bytes = b""
    headers: Sequence[tuple[str, str]] = field(default_factory=tuple)


class Routes:
    """Answers HTTP requests below the URL at which an adapter mounted a hub."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def admits(self, route: str, request: Request) -> bool:
        """The one gate that every request passes, socket handshakes included."""
        policy = POLICIES.get(route)
        if policy is Policy.PUBLIC:
            return True
        return policy is Policy.OWN_PAGES and self._hub.origin_allowed(request)

    def respond(self, method: str, path: str, request: Request, body: bytes = b"") -> Response:
        """Answer a request.

        Args:
            method: in upper case.
            path: below the endpoint, without leading slash.
            request: the request; its headers say which encodings the browser takes.
            body: at most what :attr:`body_limit` says.
        """
        route = self._route(path)
        if not self.admits(route, request):
            return _json(403, {"code": int(wire.Close.FORBIDDEN)})
        if route == "ticket":
            if method != "POST":
                return Response(405, headers=[("Allow", "POST")])
            return self._renew_ticket(request, body)
        if method not in ("GET", "HEAD"):
            return Response(405, headers=[("Allow", "GET, HEAD")])
        if route == "health":
            return _json(200, self._hub.status())
        if route == "socket":
            return _text(426, "this is a WebSocket", ("Upgrade", "websocket"))
        return self._asset(path, request)

    @property
    def body_limit(self) -> int:
        """Bytes of a request body that are worth reading; longer ones are to be refused with 413."""
        return _TICKET_BYTES

    def _route(self, path: str) -> str:
        area = path.partition("/")[0]
        return area if area in POLICIES and area != "scripts" else "scripts"

    def _renew_ticket(self, request: Request, body: bytes) -> Response:
        try:
            shown = json.loads(body)["ticket"]
            fresh = self._hub.renew_ticket(str(shown), request)
        except (ValueError, KeyError, TypeError):
            return _json(400, {"code": int(wire.Close.BAD_MESSAGE)})
        except TicketError as error:
            logger.warning("a ticket was not renewed: %s", error)
            return _json(403, {"code": int(wire.Close.FORBIDDEN)})
        return _json(200, {"ticket": fresh})

    def _asset(self, path: str, request: Request) -> Response:
        asset = self._hub.assets.find(path)
        if asset is None:
            return _text(404, "not found")
        headers = [
            ("Content-Type", asset.content_type),
            ("Cache-Control", _FOR_EVER),
            ("Vary", "Accept-Encoding"),
            ("X-Content-Type-Options", "nosniff"),
        ]
        if _takes_gzip(request.headers.get("Accept-Encoding", "")):
            return Response(200, asset.compressed, [*headers, ("Content-Encoding", "gzip")])
        return Response(200, asset.content, headers)


def _takes_gzip(accepted: str) -> bool:
    for each in accepted.split(","):
        name, _, parameters = each.strip().partition(";")
        if name.strip() == "gzip":
            return parameters.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


def _json(status: int, value: object) -> Response:
    headers = [("Content-Type", "application/json"), ("Cache-Control", "no-store")]
    return Response(status, json.dumps(value).encode(), headers)


def _text(status: int, text: str, *headers: tuple[str, str]) -> Response:
    return Response(status, text.encode(), [("Content-Type", "text/plain; charset=utf-8"), *headers])
