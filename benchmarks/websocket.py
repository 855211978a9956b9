"""A WebSocket client that costs as little as can be, so that what is measured is the server."""

from __future__ import annotations

import asyncio
import base64
import os
import socket
import struct
from collections.abc import Callable

_TEXT, _BINARY, _CLOSE, _PING, _PONG = 1, 2, 8, 9, 10
# A mask of zeros is a mask: the payload need not be touched.
_NO_MASK = bytes(4)


class ClosedError(ConnectionError):
    """The server has ended the socket, or did not let us in."""


_ROOM = memoryview(bytearray(1 << 18))
"""Where what comes is put for the moment: one for all sockets costs less than new memory for each read."""
_LARGE = 64 * 1024
"""Messages from here are read to where they stay, or, if only their beginning is kept, not kept beyond it. To
put them together and take them out again takes longer than all that the kernel does to receive them, and a
server would wait for its visitors."""


class WebSocket(asyncio.BufferedProtocol):
    """One socket; offers no compression.

    Args:
        on_message: called with each message.
        on_closed: called when the socket is gone.
    """

    def __init__(self, on_message: Callable[[bytes], None], on_closed: Callable[[], None]) -> None:
        self._on_message = on_message
        self._on_closed = on_closed
        self._buffer = bytearray()
        self._large: bytearray | None = None
        self._large_first = self._large_filled = self._large_length = 0
        self._fragments: list[bytes] = []
        self._transport: asyncio.Transport | None = None
        self._socket: socket.socket | None = None
        self._opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._open = False
        self.closed = False
        self.received = 0
        """Bytes that came, all in all."""
        self.keeps_all = True
        """Whether large messages are handed over whole. Else only their beginning is; the rest is counted."""

    async def connect(self, address: tuple[str, int], path: str, protocols: tuple[str, ...] = ()) -> None:
        """Open the socket. Messages may come before this returns.

        Raises:
            ClosedError: the server does not let us in.
        """
        loop = asyncio.get_running_loop()
        await loop.create_connection(lambda: self, *address)
        host = f"{address[0]}:{address[1]}"
        lines = [
            f"GET {path} HTTP/1.1",
            f"Host: {host}",
            f"Origin: http://{host}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
            "Sec-WebSocket-Version: 13",
        ]
        if protocols:
            lines.append(f"Sec-WebSocket-Protocol: {', '.join(protocols)}")
        self.write("\r\n".join([*lines, "", ""]).encode())
        async with asyncio.timeout(120):
            await self._opened

    def send(self, payload: bytes, *, text: bool = False) -> None:
        """Send one message."""
        self.write(encode(payload, text=text))

    def write(self, frames: bytes) -> None:
        """Send messages that are encoded already."""
        assert self._transport is not None
        self._transport.write(frames)

    def confirm_at_once(self) -> None:
        """Let the kernel confirm what comes at once, and not wait 40 ms whether there is something to say.

        For measuring what a server can do: one that leaves Nagle's algorithm on waits for confirmations.
        """
        assert self._transport is not None
        self._socket = self._transport.get_extra_info("socket")

    def pause(self) -> None:
        """Take nothing any more, like a browser that has stalled."""
        assert self._transport is not None
        self._transport.pause_reading()

    def close(self) -> None:
        """Leave, as a browser does whose page is closed."""
        self.closed = True
        if self._transport is not None:
            self._transport.write(_head(_CLOSE, 2) + struct.pack("!H", 1001))
            self._transport.close()

    def abort(self) -> None:
        """Drop the socket at once."""
        self.closed = True
        if self._transport is not None:
            self._transport.abort()

    # What the loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, error: Exception | None) -> None:
        self.closed = True
        if not self._opened.done():
            self._opened.set_exception(ClosedError("the socket was closed before it was open"))
        self._on_closed()

    def get_buffer(self, sizehint: int) -> memoryview:
        if self._large is None:
            return _ROOM
        if self._large_filled >= len(self._large):
            return _ROOM[: self._large_length - self._large_filled]
        return memoryview(self._large)[self._large_filled :]

    def buffer_updated(self, nbytes: int) -> None:
        self.received += nbytes
        if self._socket is not None:
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)  # The kernel soon forgets it.
        if self._large is not None:
            self._fill_large(self._large, nbytes)
            return
        data = _ROOM[:nbytes]
        if self._open and not self._buffer:
            # The usual case: whole messages, which need not be put together.
            self._buffer += data[self._take_frames(data) :]
            return
        self._buffer += data
        if self._open or self._take_answer():
            with memoryview(self._buffer) as view:
                taken = self._take_frames(view)
            del self._buffer[:taken]

    def _take_answer(self) -> bool:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return False
        answer = bytes(self._buffer[:end])
        del self._buffer[: end + 4]
        if b" 101 " not in answer.split(b"\r\n", 1)[0]:
            self._opened.set_exception(ClosedError(answer.decode("latin-1")))
            self.close()
            return False
        self._open = True
        self._opened.set_result(None)
        return True

    def _take_frames(self, view: memoryview) -> int:
        """Take all that are whole; the number of bytes that they were."""
        position, end = 0, len(view)
        while end - position >= 2:
            length, start = view[position + 1] & 127, position + 2
            if length == 126:
                if end < start + 2:
                    break
                length, start = int.from_bytes(view[start : start + 2]), start + 2
            elif length == 127:
                if end < start + 8:
                    break
                length, start = int.from_bytes(view[start : start + 8]), start + 8
            if end < start + length:
                if length >= _LARGE:
                    self._begin_large(view[position], length, view[start:])
                    return end
                break
            first, payload = view[position], bytes(view[start : start + length])
            position = start + length
            self._take_frame(first, payload)
        return position

    def _begin_large(self, first: int, length: int, part: memoryview) -> None:
        self._large_first, self._large_length, self._large_filled = first, length, len(part)
        self._large = bytearray(length if self.keeps_all else _LARGE)
        kept = part[: len(self._large)]
        self._large[: len(kept)] = kept

    def _fill_large(self, message: bytearray, nbytes: int) -> None:
        self._large_filled += nbytes
        if self._large_filled == self._large_length:
            self._large = None
            self._take_frame(self._large_first, message)

    def _take_frame(self, first: int, payload: bytes | bytearray) -> None:
        kind = first & 15
        if kind == _PING:
            self.write(_head(_PONG, len(payload)) + payload)
        elif kind == _CLOSE:
            self.close()
        elif kind != _PONG:
            if first & 128 and not self._fragments:
                self._on_message(payload)
                return
            self._fragments.append(payload)
            if first & 128:
                whole, self._fragments = b"".join(self._fragments), []
                self._on_message(whole)


def encode(payload: bytes, *, text: bool = False) -> bytes:
    """A message as bytes on the wire."""
    return _head(_TEXT if text else _BINARY, len(payload)) + payload


def _head(kind: int, length: int) -> bytes:
    if length < 126:
        return bytes((128 | kind, 128 | length)) + _NO_MASK
    if length < 1 << 16:
        return bytes((128 | kind, 254)) + struct.pack("!H", length) + _NO_MASK
    return bytes((128 | kind, 255)) + struct.pack("!Q", length) + _NO_MASK


async def fetch(address: tuple[str, int], path: str, headers: tuple[str, ...] = ()) -> bytes:
    """The body of a page.

    Raises:
        ClosedError: the server answers with anything but the page.
    """
    async with asyncio.timeout(120):
        reader, writer = await asyncio.open_connection(*address)
        lines = [f"GET {path} HTTP/1.1", f"Host: {address[0]}:{address[1]}", "Connection: close", *headers]
        writer.write("\r\n".join([*lines, "", ""]).encode())
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        writer.close()
    if b" 200 " not in head.split(b"\r\n", 1)[0]:
        raise ClosedError(f"{path}: {head.decode('latin-1')}")
    return body
