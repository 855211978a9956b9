"""Live apps for a project that has no routing of sockets yet: one line in its ``asgi.py``."""

from __future__ import annotations

import asyncio
from typing import Any

from channels.auth import AuthMiddlewareStack
from django.conf import settings
from django.core.handlers.asgi import ASGIHandler, ASGIRequest

from embedsync.asgi.protocol import Receive, Scope, Send
from embedsync.asgi.scope import path_below
from embedsync.asgi.socket import refuse
from embedsync_django.configuration import url_prefix
from embedsync_django.consumers import LiveConsumer
from embedsync_django.registry import embed

__all__ = ["LiveApplication", "with_live_apps"]


def with_live_apps(site: Any) -> LiveApplication:
    """Serve live apps beside a Django site, below ``EMBEDSYNC["URL"]``.

    Args:
        site: the ASGI application so far, such as what ``get_asgi_application()`` returns.

    Raises:
        ConfigurationError: a setting or an app is wrong; better at the start than in front of visitors.
    """
    _ = embed.hub
    return LiveApplication(site)


class _LiveRequest(ASGIRequest):
    """A request that is answered by our URLs rather than by the project's, behind the same middleware."""

    urlconf = "embedsync_django.urls"


class _LiveHandler(ASGIHandler):
    request_class = _LiveRequest


class LiveApplication:
    """An ASGI application; made by :func:`with_live_apps`."""

    def __init__(self, site: Any) -> None:
        self.site = site
        self._http: Any = _LiveHandler()
        self._socket = AuthMiddlewareStack(LiveConsumer.as_asgi())
        self._prefix = f"/{url_prefix()}/"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one scope."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif (below := self._path_below(scope)) is None:
            await self._serve_site(scope, receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)
        elif below == "socket":
            await self._socket(scope, receive, send)
        else:
            await receive()
            await refuse(scope, send, 404)

    def _path_below(self, scope: Scope) -> str | None:
        root = (settings.FORCE_SCRIPT_NAME or scope.get("root_path", "")).rstrip("/")
        path = path_below({**scope, "root_path": root}) or ""
        return path.removeprefix(self._prefix) if path.startswith(self._prefix) else None

    async def _serve_site(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket" and isinstance(self.site, ASGIHandler):
            # Django itself has no sockets, and would take this one for a mistake of the server.
            await receive()
            await refuse(scope, send, 404)
        else:
            await self.site(scope, receive, send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                await asyncio.to_thread(embed.hub.stop)
                await send({"type": "lifespan.shutdown.complete"})
                return
