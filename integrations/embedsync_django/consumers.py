"""The Channels consumer: carries messages between a browser and its endpoint, and no more."""

from __future__ import annotations

import logging

from channels.consumer import AsyncConsumer
from django.core.exceptions import DisallowedHost

from embedsync.asgi.protocol import Receive, Scope, Send
from embedsync.asgi.socket import refuse, serve_socket
from embedsync_django.registry import embed
from embedsync_django.requests import handshake_of

__all__ = ["LiveConsumer"]

logger = logging.getLogger("embedsync.django")


class LiveConsumer(AsyncConsumer):  # type: ignore[misc]  # Channels ships no types.
    """The socket of all live documents of a page; to be routed inside ``AuthMiddlewareStack``."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one WebSocket. It needs no channel layer."""
        await receive()  # It is `websocket.connect`.
        if "user" not in scope:
            logger.error(
                "the live socket does not know who connects: wrap the URLRouter of asgi.py in "
                "channels.auth.AuthMiddlewareStack"
            )
        try:
            request = handshake_of(scope)
        except DisallowedHost as error:
            logger.warning("refused a socket: %s", error)
            await refuse(scope, send, 400)
            return
        await serve_socket(embed.hub, request, scope, receive, send)
