"""Handlers of Tornado's, which authentication modules are written with, without a server of Tornado's."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, NamedTuple

from tornado.httputil import (
    HTTPConnection,
    HTTPHeaders,
    HTTPServerRequest,
    RequestStartLine,
    ResponseStartLine,
)
from tornado.web import Application, RequestHandler

from embedsync.asgi.protocol import Scope
from embedsync.routes import Response

__all__ = ["Handlers"]


class Handlers:
    """Runs handlers.

    Args:
        handlers: path and class of each.
        cookie_secret: signs cookies, where handlers want that.
        xsrf_cookies: whether what is posted must carry Tornado's token.
    """

    def __init__(
        self, handlers: Sequence[tuple[str, Any]], *, cookie_secret: str | None, xsrf_cookies: bool
    ) -> None:
        self._application = Application(
            list(handlers), cookie_secret=cookie_secret, xsrf_cookies=xsrf_cookies
        )

    def handler(self, scope: Scope) -> RequestHandler:
        """A handler with a request, to be asked for cookies and headers; it answers nobody."""
        return RequestHandler(self._application, _request(scope, b"", _Connection(scope)))

    async def respond(self, scope: Scope, body: bytes) -> Response:
        """Let the handler of a path answer a request."""
        connection = _Connection(scope)
        request = _request(scope, body, connection)
        request._parse_body()
        self._application.find_handler(request).execute()
        return await connection.response


class _Context(NamedTuple):
    remote_ip: str
    protocol: str


class _Connection(HTTPConnection):
    """Collects what a handler answers."""

    def __init__(self, scope: Scope) -> None:
        client = scope.get("client")
        secure = scope.get("scheme") in ("https", "wss")
        self.context = _Context(client[0] if client else "", "https" if secure else "http")
        self.response: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        self._status = 500
        self._headers: list[tuple[str, str]] = []
        self._body = b""

    def set_close_callback(self, callback: Any) -> None:
        """Nobody is told that a visitor has left."""

    def write_headers(
        self,
        start_line: RequestStartLine | ResponseStartLine,
        headers: HTTPHeaders,
        chunk: bytes | None = None,
    ) -> asyncio.Future[None]:
        """Take status and headers."""
        if isinstance(start_line, ResponseStartLine):
            self._status = start_line.code
        # The length is told by who sends it.
        self._headers = [pair for pair in headers.get_all() if pair[0].lower() != "content-length"]
        return self.write(chunk or b"")

    def write(self, chunk: bytes) -> asyncio.Future[None]:
        """Take a part of the body."""
        self._body += chunk
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done

    def finish(self) -> None:
        """The answer is complete."""
        if not self.response.done():
            self.response.set_result(Response(self._status, self._body, self._headers))


def _request(scope: Scope, body: bytes, connection: _Connection) -> HTTPServerRequest:
    headers = HTTPHeaders()
    for name, value in scope["headers"]:
        headers.add(name.decode("latin-1"), value.decode("latin-1"))
    query = scope.get("query_string", b"").decode("latin-1")
    uri = f"{scope['path']}?{query}" if query else scope["path"]
    return HTTPServerRequest(
        start_line=RequestStartLine(scope.get("method", "GET"), uri, "HTTP/1.1"),
        headers=headers,
        body=body,
        connection=connection,
    )
