"""Live apps for a project that has no routing of sockets yet: one line in its ``asgi.py``."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

from django.core.handlers.asgi import ASGIHandler
from django.http import HttpRequest
from django.urls import ResolverMatch, get_resolver, set_urlconf

from embedsync.asgi.protocol import Message, Receive, Scope, Send
from embedsync.asgi.scope import path_below
from embedsync.asgi.socket import refuse
from embedsync_django.configuration import url_prefix
from embedsync_django.consumers import LiveConsumer, StockConsumer
from embedsync_django.registry import embed
from embedsync_django.requests import script_prefix_of
from embedsync_django.unserved import UnservedFiles

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


class _LiveHandler(ASGIHandler):
    """Answers with our view, behind the project's middleware, whose names of URLs stay valid."""

    def resolve_request(self, request: HttpRequest) -> ResolverMatch:
        """See ``BaseHandler``."""
        if hasattr(request, "urlconf"):
            set_urlconf(request.urlconf)
        match = get_resolver("embedsync_django.urls").resolve(request.path_info)
        request.resolver_match = match
        return match


class LiveApplication:
    """An ASGI application; made by :func:`with_live_apps`."""

    def __init__(self, site: Any) -> None:
        self.site = site
        self._http: Any = _LiveHandler()
        self._socket = LiveConsumer.as_asgi()
        self._stock = StockConsumer.as_asgi()
        self._prefix = f"/{url_prefix()}/"
        self._unserved = UnservedFiles()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one scope."""
        if scope["type"] == "lifespan":
            await _Lifespan(self.site, receive, send).run(scope)
        elif (below := self._path_below(scope)) is None:
            await self._serve_site(scope, receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)
        elif below == "socket":
            await self._socket(scope, receive, send)
        elif below.endswith("/ws"):
            route = {"args": (), "kwargs": {"app": below.removesuffix("/ws")}}
            await self._stock({**scope, "url_route": route}, receive, send)
        else:
            await receive()
            await refuse(scope, send, 404)

    def _path_below(self, scope: Scope) -> str | None:
        for path in self._paths_in_site(scope):
            if path.startswith(self._prefix):
                return path.removeprefix(self._prefix)
        return None

    def _paths_in_site(self, scope: Scope) -> Iterator[str]:
        """The path below the site, if the proxy in front has left the site's own path on it, or not."""
        root = script_prefix_of(scope).rstrip("/")
        yield path_below({**scope, "root_path": root}) or ""
        yield scope["path"]

    async def _serve_site(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket" and isinstance(self.site, ASGIHandler):
            # Django itself has no sockets, and would take this one for a mistake of the server.
            await receive()
            await refuse(scope, send, 404)
        else:
            await self.site(scope, receive, self._unserved.watched(scope, send))


class _Lifespan:
    """Beginning and end of the process: the site's own, if it has any, and that of the live apps."""

    def __init__(self, site: Any, receive: Receive, send: Send) -> None:
        self._site = site
        self._receive = receive
        self._send = send
        self._site_takes_part = False

    async def run(self, scope: Scope) -> None:
        """Serve the scope."""
        try:
            await self._site(scope, self._received, self._send)
        except Exception:
            # Most sites have no lifespan, and say so at once by raising; Django among them.
            if self._site_takes_part:
                raise
        if not self._site_takes_part:
            await self._alone()

    async def _received(self) -> Message:
        self._site_takes_part = True
        message = await self._receive()
        if message["type"] == "lifespan.shutdown":
            await asyncio.to_thread(embed.stop)
        return message

    async def _alone(self) -> None:
        while True:
            message = await self._receive()
            if message["type"] == "lifespan.startup":
                await self._send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                await asyncio.to_thread(embed.stop)
                await self._send({"type": "lifespan.shutdown.complete"})
                return
