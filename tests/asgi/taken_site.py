"""For daphne: a socket that answers each message with what it is, and some with something else."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any, cast

from embedsync import Hub, Settings
from embedsync.asgi.protocol import Receive, Scope, Send
from embedsync.asgi.socket import Socket
from tests.asgi.hearing import Hearing

STATE, POUR, GOODBYE = b"whose?", b"pour", b"goodbye"
PING, PINGED, AWAITED, NOTHING = b"ping", b"pinged", b"what is awaited?", b"nothing"
TAKEN = b"the pool's"
LARGE = [bytes([number]) * 100_000 for number in range(200)]

_hub = Hub("only for tests")


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Talk as long as the browser does."""
    await receive()
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": b""})
        return
    await send({"type": "websocket.accept"})

    [protocol] = cast("partial[Any]", send).args
    loop = asyncio.get_running_loop()

    def ping() -> None:
        """Ping a browser that never hears of it."""
        protocol.sendPing = lambda payload: None
        protocol._sendAutoPing()
        del protocol.sendPing
        endpoint.say(PINGED)

    def answers(message: bytes) -> list[bytes]:
        if message == STATE:
            return [TAKEN if socket._taken is not None else b"the loop's"]
        if message == PING:
            loop.call_soon_threadsafe(ping)
            return []
        if message == AWAITED:
            return [NOTHING if protocol.autoPingTimeoutCall is None else b"a pong"]
        if message == GOODBYE:
            endpoint.close(4300)
            return [b"last"]
        return LARGE if message == POUR else [message]

    endpoint: Any = Hearing(answers)
    socket = Socket(endpoint, receive, send, Settings(), _hub.pool)
    await socket.run()
