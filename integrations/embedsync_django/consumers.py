"""The Channels consumer: carries messages between a browser and its endpoint, and no more."""

from __future__ import annotations

import asyncio
import logging

from channels.consumer import AsyncConsumer
from django.core.exceptions import DisallowedHost

from embedsync.asgi.protocol import Receive, Scope, Send
from embedsync.asgi.socket import refuse, serve_socket
from embedsync.legible import legible
from embedsync_django.daphne import is_stopping, taking_leave
from embedsync_django.registry import embed
from embedsync_django.requests import handshake_of

__all__ = ["LiveConsumer"]

logger = logging.getLogger("embedsync.django")


class LiveConsumer(AsyncConsumer):  # type: ignore[misc]  # Channels ships no types.
    """The socket of all live documents of a page.

    It finds out by itself who connects; a middleware that puts a ``user`` into the scope is believed.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one WebSocket. It needs no channel layer."""
        await receive()  # It is `websocket.connect`.
        try:
            request = await asyncio.to_thread(handshake_of, scope)
        except DisallowedHost as error:
            logger.warning("refused a socket: %s", legible(error))
            await refuse(scope, send, 400)
            return
        except Exception:
            # The browser tries again after a while, as when the server is not there.
            logger.exception("a socket was refused, because it is not known who connects")
            await refuse(scope, send, 503)
            return
        if is_stopping():
            await refuse(scope, send, 503)
            return
        async with taking_leave(receive) as received:
            await serve_socket(embed.hub, request, scope, received, send)
