"""The Channels consumer: carries messages between a browser and its endpoint, and no more."""

from __future__ import annotations

import asyncio
import logging
from types import MethodType
from typing import Any

from channels.consumer import AsyncConsumer
from channels.sessions import InstanceSessionWrapper
from django.core.exceptions import DisallowedHost

from embedsync.asgi.protocol import Receive, Scope, Send
from embedsync.asgi.socket import refuse, serve_socket, serve_stock_socket
from embedsync.legible import legible
from embedsync.request import Request
from embedsync.stock.pages import StockPages
from embedsync_django.daphne import is_stopping, taking_leave
from embedsync_django.registry import embed
from embedsync_django.requests import handshake_of

__all__ = ["LiveConsumer", "StockConsumer", "past_sessions"]

logger = logging.getLogger("embedsync.django")


class LiveConsumer(AsyncConsumer):  # type: ignore[misc]  # Channels ships no types.
    """The socket of all live documents of a page.

    It finds out by itself who connects; a middleware that puts a ``user`` into the scope is believed.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one WebSocket. It needs no channel layer."""
        await receive()  # It is `websocket.connect`.
        request = await _who_connects(scope, send)
        if request is not None:
            async with taking_leave(receive) as received:
                await serve_socket(embed.hub, request, scope, received, past_sessions(send))


class StockConsumer(AsyncConsumer):  # type: ignore[misc]  # Channels ships no types.
    """The socket of one client that speaks Bokeh's own protocol; its URL names the ``app``."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one WebSocket. It needs no channel layer."""
        await receive()  # It is `websocket.connect`.
        app = scope["url_route"]["kwargs"]["app"]
        if StockPages(embed.hub).socket_app(f"{app}/ws") is None:
            await refuse(scope, send, 404)
            return
        request = await _who_connects(scope, send)
        if request is not None:
            async with taking_leave(receive) as received:
                await serve_stock_socket(embed.hub, app, request, scope, received, past_sessions(send))


def past_sessions(send: Send) -> Send:
    """What Channels' middleware for sessions sends by: with messages of sockets it does nothing else.

    Where it stands in between, messages could not go past the server, which costs more than all the rest.
    """
    while isinstance(send, MethodType) and send.__func__ is InstanceSessionWrapper.send:
        wrapper: Any = send.__self__
        if type(wrapper) is not InstanceSessionWrapper or any(map(_of_sockets, wrapper.save_message_types)):
            break
        send = wrapper.real_send
    return send


def _of_sockets(kind: str) -> bool:
    return kind.startswith("websocket.")


async def _who_connects(scope: Scope, send: Send) -> Request | None:
    """The handshake; ``None`` if it was refused: it is not known who makes it, or daphne is stopping."""
    try:
        request = await asyncio.to_thread(handshake_of, scope)
    except DisallowedHost as error:
        logger.warning("refused a socket: %s", legible(error))
        await refuse(scope, send, 400)
    except Exception:
        # The browser tries again after a while, as when the server is not there.
        logger.exception("a socket was refused, because it is not known who connects")
        await refuse(scope, send, 503)
    else:
        if not is_stopping():
            return request
        await refuse(scope, send, 503)
    return None
