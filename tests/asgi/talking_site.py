"""For daphne: sockets that talk past it, each by its path."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from embedsync.asgi.direct_daphne import DirectToDaphne
from embedsync.asgi.protocol import Receive, Scope, Send

SIZES = (1, 125, 126, 16 * 1024, 16 * 1024 + 1, 65535, 65536, 300_000)
EVERY_KIND: list[bytes | str] = [
    *(bytes([each % 256]) * size for each, size in enumerate(SIZES)),
    *("ä" * size for size in SIZES),
]
TOGETHER: list[bytes | str] = [b"one", "two", b"x" * 20_000, "three"]
LIMIT = 1_000_000
"""Bytes that daphne is told to send at the most."""


_after_all: asyncio.Queue[str] = asyncio.Queue()
"""What is below sockets whose browsers have left."""


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Talk once, and close."""
    await receive()
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": b""})
        return
    await send({"type": "websocket.accept"})
    direct = DirectToDaphne.past(send)
    if direct is not None:
        await _TALKS[scope["path"]](direct, receive, send)
    with contextlib.suppress(RuntimeError):  # It was closed.
        await send({"type": "websocket.close"})


async def _every_kind(direct: DirectToDaphne, receive: Receive, send: Send) -> None:
    for each in EVERY_KIND:
        if not direct.write([each]):
            await send({"type": "websocket.send", "text" if isinstance(each, str) else "bytes": each})


async def _together(direct: DirectToDaphne, receive: Receive, send: Send) -> None:
    await receive()  # The handshake has been sent.
    assert direct.write(TOGETHER)
    await send({"type": "websocket.send", "text": "the usual way"})
    # Twisted holds that until the loop comes round.
    assert not direct.write([b"too early"])
    await receive()
    assert direct.write([b"last"])


async def _without_end(direct: DirectToDaphne, receive: Receive, send: Send) -> None:
    await receive()
    written = 0
    while direct.write([b"x" * 100_000]):
        written += 1
        assert written < 10_000, "it is written to without end"
    await send({"type": "websocket.send", "text": str(written)})


async def _closed(direct: DirectToDaphne, receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "websocket.close"})
    assert not direct.write([b"too late"])


async def _too_large(direct: DirectToDaphne, receive: Receive, send: Send) -> None:
    await receive()
    written = [direct.write([each]) for each in (b"x" * (LIMIT + 1), "x" * LIMIT)]
    await send({"type": "websocket.send", "text": str(written)})


async def _listening(direct: DirectToDaphne, receive: Receive, send: Send) -> None:
    """Say each message again, and by which way it has come; at ``over``, say no more."""
    ready = True

    def take(message: bytes) -> bool:
        # What was said the usual way may still wait in Twisted, until the loop comes round.
        return ready and message != b"over" and direct.write([b"past: " + message])

    direct.read(take, receive)
    while True:
        message = await receive()
        ready = False
        content = message.get("bytes") or message.get("text", "").encode()
        if content == b"over" or message["type"] == "websocket.disconnect":
            break
        await send({"type": "websocket.send", "bytes": b"usual: " + content})
        ready = True
    direct.leave()


async def _behind(direct: DirectToDaphne, receive: Receive, send: Send) -> None:
    """Listen with somebody in between."""

    async def seen() -> Any:
        return await receive()

    await _listening(direct, seen, send)


async def _left(direct: DirectToDaphne, receive: Receive, send: Send) -> None:
    """Listen until the browser has left."""
    direct.read(lambda message: False, receive)
    assert direct.socket is not None
    while (await receive())["type"] != "websocket.disconnect":
        pass
    _after_all.put_nowait(str(getattr(direct, "socket", "fails")))


async def _who_left(direct: DirectToDaphne, receive: Receive, send: Send) -> None:
    await send({"type": "websocket.send", "text": await _after_all.get()})


_TALKS: dict[str, Any] = {
    "/every-kind": _every_kind,
    "/together": _together,
    "/without-end": _without_end,
    "/closed": _closed,
    "/too-large": _too_large,
    "/listening": _listening,
    "/behind": _behind,
    "/left": _left,
    "/who-left": _who_left,
}
