"""A WebSocket over ASGI: carries messages between a browser and its endpoint."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Sequence
from typing import Any

from embedsync import wire
from embedsync.asgi.direct import Direct
from embedsync.asgi.direct_daphne import DirectToDaphne
from embedsync.asgi.promptly import await_within
from embedsync.asgi.protocol import Message, Receive, Scope, Send
from embedsync.asgi.taken import Taken
from embedsync.asgi.waking import waker_of
from embedsync.endpoint import Endpoint
from embedsync.hub import Hub
from embedsync.pool import Pool
from embedsync.request import Request
from embedsync.routes import Routes
from embedsync.settings import Settings
from embedsync.stock.door import PROTOCOL, Door

__all__ = ["Socket", "refuse", "serve_socket", "serve_stock_socket"]

logger = logging.getLogger("embedsync.asgi")

_LARGE = 64 * 1024
"""Bytes from which decoding a message takes long enough to be felt by the other sockets."""

_LAST_WORDS = 1.0
"""Seconds to read what a browser has said before it left. It has arrived; a server hands it out at once."""


async def serve_socket(hub: Hub, request: Request, scope: Scope, receive: Receive, send: Send) -> None:
    """Serve a WebSocket whose ``websocket.connect`` was received, if its page may connect.

    Args:
        hub: its sessions.
        request: the handshake.
        scope: of the handshake, and so ``receive`` and ``send``.
    """
    if not Routes(hub).admits("socket", request):
        await refuse(scope, send, 403)
        return
    await send({"type": "websocket.accept"})
    await Socket(hub.connect(request), receive, send, hub.settings, hub.pool).run()


async def serve_stock_socket(
    hub: Hub, app: str, request: Request, scope: Scope, receive: Receive, send: Send
) -> None:
    """Serve a WebSocket of a client that speaks Bokeh's protocol, if its token grants it a session.

    Args:
        hub: its sessions.
        app: name of the app.
        request: the handshake.
        scope: of the handshake, and so ``receive`` and ``send``.
    """
    query = scope.get("query_string", b"").decode("latin-1")
    door = Door(hub)
    offered = scope.get("subprotocols", [])
    grant = await asyncio.to_thread(door.admit, app, offered, query, request)
    if grant is None:
        await refuse(scope, send, 403)
        return
    await send({"type": "websocket.accept", "subprotocol": PROTOCOL})
    await Socket(door.connect(grant, request), receive, send, hub.settings).run()


async def refuse(scope: Scope, send: Send, status: int) -> None:
    """Refuse a handshake. Servers that cannot send a status of our choice send 403."""
    # What all servers can say is said the plain way: uvicorn takes the other one for a mistake, and logs it.
    if status == 403 or "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close"})
        return
    await send({"type": "websocket.http.response.start", "status": status, "headers": []})
    await send({"type": "websocket.http.response.body", "body": b""})


class Socket:
    """Reads and writes one accepted WebSocket until either side ends it.

    Args:
        endpoint: takes and gives the messages.
        receive: of the scope.
        send: of the scope.
        settings: how long sending may take.
        pool: its threads read and write the socket where they can, in place of the loop.

    To be made on the loop that serves it.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        receive: Receive,
        send: Send,
        settings: Settings,
        pool: Pool | None = None,
    ) -> None:
        self._endpoint = endpoint
        self._receive = receive
        self._send = send
        self._settings = settings
        self._pool = pool if pool is not None and pool.can_watch else None
        self._taken: Taken | None = None
        self._is_leaving = False
        self._waker = waker_of(asyncio.get_running_loop())
        self._direct = Direct.past(send, self._waker.framing) or DirectToDaphne.past(
            send, self._waker.framing
        )
        self._ready = asyncio.Event()
        self._over = asyncio.Event()
        self._writer: asyncio.Task[None] | None = None
        self._woken = False
        self._is_writing = False
        self._is_reading = True
        self._left: Sequence[bytes | str] = ()

    async def run(self) -> None:
        """Serve the socket; returns when it is gone."""
        self._endpoint.call_on_writer = self._waker.call
        self._endpoint.on_ready = self._wake
        if self._direct is not None:
            self._direct.read(self._take_at_once, self._receive)
        reader = self._begin(self._read())
        try:
            await self._over.wait()
            if not reader.done() and self._endpoint.close_code is None:
                # Nobody took a message. That was noticed before it was read that the browser took its leave.
                await asyncio.wait({reader}, timeout=_LAST_WORDS)
        finally:
            # Also when this task is cancelled: then the server is stopping in a hurry.
            self._give_back()
            if self._direct is not None:
                self._direct.leave()
            self._endpoint.lost()
            tasks = [each for each in (reader, self._writer) if each is not None]
            if running := [each for each in tasks if not each.done()]:
                for task in running:
                    task.cancel()
                await asyncio.gather(*running, return_exceptions=True)
        for task in tasks:
            if not task.cancelled():
                task.result()

    def _begin(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Begin with something at whose end all is over."""
        task = asyncio.create_task(work)
        task.add_done_callback(lambda _task: self._over.set())
        return task

    async def _read(self) -> None:
        while True:
            self._is_reading = False
            message = await self._receive()
            self._is_reading = True
            if message["type"] == "websocket.disconnect":
                return
            content = message.get("bytes")
            if content is None:
                content = message.get("text") or ""
            if len(content) < _LARGE:
                self._endpoint.receive(content)
            else:
                await asyncio.to_thread(self._endpoint.receive, content)

    def _take_at_once(self, message: bytes) -> bool:
        """Take a message that nothing goes before, and that is soon decoded. Says whether it was taken."""
        if self._is_reading or len(message) >= _LARGE:
            return False
        self._take(message)
        if self._pool is not None and not self._is_leaving:
            self._is_leaving = True
            # Not before the other messages that have come with this one.
            asyncio.get_running_loop().call_soon(self._leave_to_pool)
        return True

    def _take(self, message: bytes) -> None:
        try:
            self._endpoint.receive(message)
        except Exception:
            # Here it would be the server's transport that fails, and the log would say nothing of us.
            logger.exception("a message could not be taken")
            self._endpoint.close(wire.Close.INTERNAL_ERROR)

    def _wake(self) -> None:
        """There is something to take. On any thread."""
        if self._woken:
            return  # What has come since will be taken as well.
        self._woken = True
        taken, pool = self._taken, self._pool
        if taken is not None and pool is not None and taken.is_clear and self._endpoint.close_code is None:
            pool.leave_errand(self._flush_in_pool)
        else:
            self._waker.call(self._flush)

    def _leave_to_pool(self) -> None:
        """Have the threads of the pool read and write the socket, if nothing is under way."""
        self._is_leaving = False
        direct, pool, endpoint = self._direct, self._pool, self._endpoint
        if pool is None or not pool.can_watch or self._taken is not None or self._over.is_set():
            return
        if direct is None or (socket := direct.socket) is None:
            self._pool = None  # It never can.
            return
        if self._is_reading or self._is_writing or self._left or endpoint.close_code is not None:
            return
        if not direct.at_rest:
            return
        try:
            self._taken = Taken(
                direct,
                socket,
                endpoint,
                self._take,
                pool,
                return_to_loop=lambda: self._waker.call(self._give_back),
                lost=self._give_back,
            )
        except OSError as error:
            logger.warning("a socket is left to the event loop: %s", error)
            self._pool = None
        else:
            endpoint.call_on_writer = None

    def _flush_in_pool(self) -> None:
        """Write what there is, on a thread of the pool."""
        self._woken = False
        taken = self._taken
        if taken is None or not taken.write():
            self._woken = True
            self._waker.call(self._flush)

    def _give_back(self) -> None:
        """Have the loop read and write the socket again."""
        taken, self._taken = self._taken, None
        if taken is not None:
            self._endpoint.call_on_writer = self._waker.call
            self._left = taken.give_back()

    def _flush(self) -> None:
        """Write what there is, where that can be done at once; otherwise leave it to the writer."""
        self._woken = False
        if self._taken is not None:
            if self._taken.write():
                return
            self._give_back()
        if self._direct is None or self._is_writing or self._left:
            # What is left comes first, and is the writer's, which may not have begun yet.
            self._leave_to_writer()
            return
        # In this order: once there is a code, nothing is queued any more.
        endpoint, direct = self._endpoint, self._direct
        code = endpoint.close_code
        while messages := endpoint.take():
            if not direct.write(messages):
                self._left = messages
                self._leave_to_writer()
                return
            if not endpoint.ready:
                break
        if code is not None:
            self._leave_to_writer()

    def _leave_to_writer(self) -> None:
        # It begins when it is needed first: most sockets never have to wait, and many may end at once.
        if self._writer is None and not self._over.is_set():
            self._writer = self._begin(self._write())
        self._ready.set()

    async def _write(self) -> None:
        while True:
            await self._ready.wait()
            self._ready.clear()
            self._is_writing = True
            if not await self._written():
                return
            self._is_writing = False

    async def _written(self) -> bool:
        """Write all that there is, waiting where that is needed; says whether to go on."""
        while True:
            # In this order: once there is a code, nothing is queued any more.
            code = self._endpoint.close_code
            messages, self._left = self._left or self._endpoint.take(), ()
            for message in messages:
                kind = "text" if isinstance(message, str) else "bytes"
                if not await self._sent({"type": "websocket.send", kind: message}):
                    return False
            if messages:
                continue
            if code is not None:
                await self._sent({"type": "websocket.close", "code": int(code)})
            return code is None

    async def _sent(self, message: Message) -> bool:
        """Send a message; says whether somebody was there to take it, and in time."""
        seconds = (
            self._settings.send_timeout
            + len(message.get("bytes") or message.get("text") or b"") / self._settings.slowest_link
        )
        try:
            await await_within(seconds, self._send(message))
        except (OSError, RuntimeError):
            # Servers differ in what they raise for a browser that has left; a timeout is an OSError.
            return False
        return True
