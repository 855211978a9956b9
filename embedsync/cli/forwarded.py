"""``--use-xheaders``: visitors are who a proxy says they are."""

from __future__ import annotations

import ipaddress

from embedsync.asgi.protocol import ASGIApplication, Receive, Scope, Send

__all__ = ["Forwarded"]


class Forwarded:
    """Puts the visitor's address and protocol, as headers tell them, into the scope of a request.

    ``X-Real-Ip`` counts before the last address of ``X-Forwarded-For``, ``X-Scheme`` before
    ``X-Forwarded-Proto``. What is no address, and no protocol of ours, is left out.
    """

    def __init__(self, application: ASGIApplication) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one scope."""
        if scope["type"] in ("http", "websocket"):
            scope = _as_forwarded(scope)
        await self._application(scope, receive, send)


def _as_forwarded(scope: Scope) -> Scope:
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    seen = dict(scope)
    address = _last(headers.get("x-real-ip") or headers.get("x-forwarded-for", ""))
    if _is_address(address):
        seen["client"] = (address, 0)
    scheme = _last(headers.get("x-scheme") or headers.get("x-forwarded-proto", "")).lower()
    if scheme in ("http", "https"):
        secure = {"http": "https", "websocket": "wss"}
        plain = {"http": "http", "websocket": "ws"}
        seen["scheme"] = (secure if scheme == "https" else plain)[scope["type"]]
    return seen


def _last(listed: str) -> str:
    # Each proxy adds at the end; only the last is known to be told by ours.
    return listed.rpartition(",")[2].strip()


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
