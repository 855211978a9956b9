"""A WebSocket client that does nothing by itself: it reads when told to, and sends whatever it is given."""

from __future__ import annotations

import base64
import contextlib
import os
import socket
import struct
from types import TracebackType
from typing import Self, TypeVar
from urllib.parse import urlsplit

from embedsync import wire
from embedsync.document import Buffer

__all__ = ["BINARY", "CLOSE", "PING", "PONG", "TEXT", "RawSocket", "encode_frame"]

Frame = TypeVar("Frame", bound=wire.ServerFrame)

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


def encode_frame(
    opcode: int,
    payload: bytes = b"",
    *,
    fin: bool = True,
    reserved: int = 0,
    masked: bool = True,
    length: int | None = None,
    form: int | None = None,
) -> bytes:
    """One frame, as wrong as is asked for.

    Args:
        opcode: what it is.
        payload: what it carries.
        fin: the last of its message.
        reserved: the three reserved bits.
        masked: as a browser must.
        length: to be declared in place of the payload's.
        form: 7, 16 or 64 bits for the length, in place of the shortest that will do.
    """
    size = len(payload) if length is None else length
    first = (fin << 7) | (reserved << 4) | opcode
    bits = form or (7 if size < 126 else 16 if size < 65536 else 64)
    mask = masked << 7
    if bits == 7:
        head = struct.pack(">BB", first, mask | size)
    elif bits == 16:
        head = struct.pack(">BBH", first, mask | 126, size)
    else:
        head = struct.pack(">BBQ", first, mask | 127, size)
    # A mask of zeros is a mask.
    return head + (b"\0\0\0\0" if masked else b"") + payload


class RawSocket:
    """A connection to a site's socket.

    Args:
        endpoint: URL of the endpoint.
        receive_buffer: bytes that the kernel takes before anybody reads.
        offer: extensions of WebSockets that the client has.

    Attributes:
        head: what the server has answered to the handshake.
    """

    def __init__(
        self, endpoint: str, *, receive_buffer: int | None = None, timeout: float = 20.0, offer: str = ""
    ) -> None:
        parts = urlsplit(endpoint)
        self.socket = socket.socket()
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(timeout)
        self.socket.connect((parts.hostname, parts.port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._read = b""
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(
            f"GET {parts.path}socket HTTP/1.1\r\nHost: {parts.netloc}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
            f"{f'Sec-WebSocket-Extensions: {offer}' if offer else 'X-Nothing: offered'}\r\n\r\n".encode()
        )
        while b"\r\n\r\n" not in self._read:
            self._read += self._some()
        self.head, self._read = self._read.split(b"\r\n\r\n", 1)
        assert self.head.startswith(b"HTTP/1.1 101"), self.head

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def send_frame(
        self, frame: wire.ClientFrame, buffers: list[Buffer] | None = None, number: int = 1
    ) -> None:
        """Send a frame of our protocol."""
        self.send(encode_frame(BINARY, wire.frame(number, wire.encode_payload(frame, buffers or []))))

    def receive(self) -> tuple[int, bytes]:
        """The next frame of the server: opcode and payload.

        Raises:
            EOFError: there is none any more.
        """
        first, second = self._take(2)
        size = second & 127
        if size == 126:
            (size,) = struct.unpack(">H", self._take(2))
        elif size == 127:
            (size,) = struct.unpack(">Q", self._take(8))
        return first & 15, self._take(size)

    def wait_for(self, kind: type[Frame]) -> Frame:
        """Read until a frame of this kind comes; pings are answered."""
        while True:
            opcode, payload = self.receive()
            if opcode != BINARY:
                continue
            _, frame, _ = wire.decode_server_frame(payload)
            if isinstance(frame, wire.Ping):
                self.send_frame(wire.Pong(), number=0)
            elif isinstance(frame, kind):
                return frame

    def ending(self) -> int:
        """Read until the server ends the connection; returns the code of its closing frame, or 1006.

        The closing frame is answered, as browsers do.
        """
        code = 1006
        with contextlib.suppress(EOFError, ConnectionError):
            while True:
                opcode, payload = self.receive()
                if opcode == CLOSE and len(payload) >= 2:
                    (code,) = struct.unpack(">H", payload[:2])
                    self.send(encode_frame(CLOSE, payload[:2]))
        return code

    def wait_for_more(self) -> None:
        """Wait until the server has sent something that was not read yet."""
        if not self._read:
            self._read = self._some()

    @property
    def port(self) -> int:
        return int(self.socket.getsockname()[1])

    def reset(self) -> None:
        """Be gone as after a crash."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def close(self) -> None:
        self.socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _take(self, size: int) -> bytes:
        while len(self._read) < size:
            self._read += self._some()
        taken, self._read = self._read[:size], self._read[size:]
        return taken

    def _some(self) -> bytes:
        data = self.socket.recv(65536)
        if not data:
            raise EOFError("the server has ended the connection")
        return data
