"""Tells pages which start of the server answers them, so that they notice the next one."""

from __future__ import annotations

import asyncio
import contextlib

from embedsync.asgi.pages import ENDPOINT
from embedsync.asgi.protocol import ASGIApplication, Receive, Scope, Send
from embedsync.asgi.scope import path_below

__all__ = ["Generation"]

_HEADERS = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-store")]
_RETRY = 200
"""Milliseconds after which a page asks again when the server is gone."""


class Generation:
    """Answers at ``_embedsync/generation`` with events; all else goes to the application.

    Args:
        application: what is served.
        prefix: where it begins.
        name: of this start of the server.
    """

    def __init__(self, application: ASGIApplication, prefix: str, name: str) -> None:
        self._application = application
        self._path = f"/{ENDPOINT}/generation"
        self._prefix = prefix
        self._name = name
        self._ending = asyncio.Event()

    def end(self) -> None:
        """The server stops: let go of the pages that listen."""
        self._ending.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one scope."""
        if scope["type"] == "http" and path_below(scope, self._prefix) == self._path:
            await self._tell(receive, send)
        else:
            await self._application(scope, receive, send)

    async def _tell(self, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
        event = f"retry: {_RETRY}\ndata: {self._name}\n\n".encode()
        await send({"type": "http.response.body", "body": event, "more_body": True})
        tasks = [asyncio.create_task(self._ending.wait()), asyncio.create_task(_left(receive))]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for each in tasks:
            each.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await each
        await send({"type": "http.response.body", "body": b""})


async def _left(receive: Receive) -> bool:
    while True:
        if (await receive())["type"] == "http.disconnect":
            return True
