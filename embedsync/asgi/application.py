"""The ASGI application: which request goes where, and what holds for all of them."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Callable, Sequence

from embedsync.asgi.hosts import is_known_host
from embedsync.asgi.http import BodyTooLongError, DisconnectedError, read_body, send_response, text_response
from embedsync.asgi.page_options import PageOptions
from embedsync.asgi.pages import ENDPOINT, DrawnPage, Pages
from embedsync.asgi.protocol import Receive, Scope, Send
from embedsync.asgi.scope import path_below, request_of
from embedsync.asgi.socket import refuse, serve_socket, serve_stock_socket
from embedsync.asgi.users import UserLoader, asked_again, load_user, user_of_scope
from embedsync.errors import ConfigurationError
from embedsync.hub import Hub
from embedsync.legible import legible
from embedsync.request import Request
from embedsync.routes import Response, Routes
from embedsync.stock.pages import StockPages

__all__ = ["Application", "application"]

logger = logging.getLogger("embedsync.asgi")


def application(
    hub: Hub,
    *,
    user_loader: UserLoader | None = None,
    pages: bool = False,
    prefix: str = "",
    hosts: Sequence[str] = (),
    content_policy: str | None = None,
    allow_eval: bool = False,
    page_options: PageOptions | None = None,
    shown: Callable[[Request], Request] | None = None,
) -> Application:
    """Make the ASGI application of a hub, to be served on its own or mounted into a site.

    It honours ``root_path``. It takes ``lifespan`` events, starts the hub and stops it at shutdown; where a
    framework does not pass those on to what it mounts, the site calls :meth:`Hub.start` and :meth:`Hub.stop`
    itself.

    Args:
        hub: its apps and sessions.
        user_loader: tells the user of a scope; by default what ``scope["user"]`` holds. It is asked again
            each ``revalidation`` seconds while a socket is open, whose user then has to be the same.
        pages: also serve an index at ``/`` and a page for each app at ``/<app>``. The endpoint,
            otherwise right at the mount, is then at ``/_embedsync``.
        prefix: path below the mount at which everything begins, such as ``"/apps"``.
        hosts: names, without port, under which requests are answered; all if empty. Guards a
            server that only this machine can reach against pages that make their own name point at it.
        content_policy: ``Content-Security-Policy`` of the pages in place of our own; none if empty.
        allow_eval: let our own policy allow the JavaScript that some Bokeh models hold as text, also for apps
            that were not seen to have any.
        page_options: what else there is to decide about the pages.
        shown: makes, of the request of a page or a socket, the one that apps are shown; it may leave out
            headers and cookies.

    Raises:
        ConfigurationError: ``prefix`` is not a path.
    """
    return Application(
        hub,
        user_loader=user_loader or user_of_scope,
        pages=Pages(hub, content_policy, allow_eval=allow_eval, options=page_options) if pages else None,
        prefix=prefix,
        hosts=hosts,
        shown=shown,
    )


class Application:
    """An ASGI 3 application; made by :func:`application`."""

    def __init__(
        self,
        hub: Hub,
        *,
        user_loader: UserLoader,
        pages: Pages | None,
        prefix: str,
        hosts: Sequence[str],
        shown: Callable[[Request], Request] | None,
    ) -> None:
        if prefix and (not prefix.startswith("/") or prefix.endswith("/")):
            raise ConfigurationError(f"prefix {prefix!r} must begin with a slash and not end with one")
        self._hub = hub
        self._routes = Routes(hub)
        self._stock = StockPages(hub)
        self._user_loader = user_loader
        self._pages = pages
        self._prefix = prefix
        self._hosts = frozenset(hosts)
        self._shown = shown

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one scope."""
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        else:
            raise ValueError(f"embedsync does not serve {scope['type']!r}")

    # HTTP

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            response = await self._respond(scope, receive)
        except DisconnectedError:
            return
        except BodyTooLongError:
            response = text_response(413, "the request is too long")
        except Exception:
            logger.exception("a request failed: %s", legible(f"{scope['method']} {scope['path']}"))
            detail = traceback.format_exc() if self._hub.settings.debug else "something went wrong here"
            response = text_response(500, detail)
        await send_response(send, response, head=scope["method"] == "HEAD")

    async def _respond(self, scope: Scope, receive: Receive) -> Response:
        request = request_of(scope, await load_user(self._user_loader, scope))
        if not self._knows(request):
            return text_response(421, "this server does not answer under that name")
        method, path = scope["method"], path_below(scope, self._prefix)
        if path is None:
            return text_response(404, "not found")
        if self._stock.is_on:
            query = scope.get("query_string", b"").decode("latin-1")
            below = path.removeprefix("/")
            answer = await asyncio.to_thread(self._stock.respond, method, below, query, request)
            if answer is not None:
                return answer
        endpoint_path = self._below_endpoint(path)
        if endpoint_path is None:
            shown = request if self._shown is None else self._shown(request)
            page = await asyncio.to_thread(self._page, method, path, scope, shown)
            return await page.response() if isinstance(page, DrawnPage) else page
        body = await read_body(receive, self._routes.body_limit) if method == "POST" else b""
        return await asyncio.to_thread(self._routes.respond, method, endpoint_path, request, body)

    def _page(self, method: str, path: str, scope: Scope, request: Request) -> Response | DrawnPage:
        if self._pages is None:
            return text_response(404, "not found")
        query = scope.get("query_string", b"").decode("latin-1")
        return self._pages.respond(method, path, query, request)

    def _below_endpoint(self, path: str) -> str | None:
        """The path below the endpoint without leading slash; ``None`` if it is that of a page."""
        if self._pages is None:
            return path.removeprefix("/")
        first, _, rest = path.removeprefix("/").partition("/")
        return rest if first == ENDPOINT else None

    def _knows(self, request: Request) -> bool:
        if not self._hosts or is_known_host(request.host, self._hosts):
            return True
        self._hub.counters.count("hosts_refused")
        logger.warning(
            "refused a request for host %r; if people should reach this server by it, allow its origin",
            request.host[:200],
        )
        return False

    # WebSockets

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()  # It is `websocket.connect`.
        path = path_below(scope, self._prefix) or ""
        stock_app = self._stock.socket_app(path.removeprefix("/"))
        if stock_app is None and self._below_endpoint(path) != "socket":
            await refuse(scope, send, 404)
            return
        request = request_of(scope, await load_user(self._user_loader, scope))
        if not self._knows(request):
            await refuse(scope, send, 403)
            return
        if self._shown is not None:
            request = self._shown(request)
        request = asked_again(request, self._user_loader, scope)
        if stock_app is not None:
            await serve_stock_socket(self._hub, stock_app, request, scope, receive, send)
        else:
            await serve_socket(self._hub, request, scope, receive, send)

    # The process

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self._hub.start()
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                await asyncio.to_thread(self._hub.stop)
                await send({"type": "lifespan.shutdown.complete"})
                return
