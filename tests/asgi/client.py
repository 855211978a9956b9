"""A client that speaks frames over a real WebSocket, for tests of whatever serves one."""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from types import TracebackType
from typing import Any, Self, TypeVar

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from embedsync import wire
from tests.contract.client import origin_of
from tests.support import canaries

TIMEOUT = 20
"""Seconds after which what should come does not come any more."""
STARTING = 60
"""The same for the socket itself: with `--dev`, the server that is to answer is only starting."""

Frame = TypeVar("Frame", bound=wire.ServerFrame)


class Client:
    """One browser page with one socket; answers pings, as a browser does, while it waits."""

    def __init__(self, url: str, headers: Mapping[str, str] | None = None) -> None:
        self._stack = ExitStack()
        self.socket: ClientConnection = self._stack.enter_context(
            connect(
                url,
                additional_headers={"Origin": origin_of(url), **(headers or {})},
                proxy=None,
                compression=None,
                ping_interval=None,
                max_size=None,
                open_timeout=STARTING,
                close_timeout=1,
            )
        )
        self.pings = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Leave in good order, or at least leave."""
        self._stack.close()

    def send(self, attachment: int, frame: wire.ClientFrame) -> None:
        self.socket.send(wire.frame(attachment, wire.encode_payload(frame)))

    def open(self, ticket: str, attachment: int = 1) -> wire.Opened:
        self.send(attachment, wire.Open(protocol=wire.PROTOCOL_VERSION, ticket=ticket))
        canaries.plant("a ticket", ticket)
        opened = self.wait_for(wire.Opened)
        canaries.plant("the secret of a session", opened.secret)
        return opened

    def resume(self, opened: wire.Opened, seq: int, attachment: int = 1) -> wire.Opened:
        position = wire.Resume(
            session=opened.session, client=opened.client, secret=opened.secret, epoch=opened.epoch, seq=seq
        )
        self.send(attachment, wire.Open(protocol=wire.PROTOCOL_VERSION, resume=position))
        return self.wait_for(wire.Opened)

    def edit(self, opened: wire.Opened, cseq: int, *events: Any, base: int = 0, attachment: int = 1) -> None:
        self.send(attachment, wire.Edit(cseq=cseq, base=base, epoch=opened.epoch, events=list(events)))

    def wait_for(self, kind: type[Frame]) -> Frame:
        """The next frame of this kind; others before it are passed over."""
        while True:
            frame = self.receive()
            if isinstance(frame, kind):
                return frame

    def receive(self) -> wire.ServerFrame:
        message = self.socket.recv(timeout=TIMEOUT)
        assert isinstance(message, bytes)
        _, frame, _ = wire.decode_server_frame(message)
        if isinstance(frame, wire.Ping):
            self.pings += 1
            self.send(0, wire.Pong())
        return frame

    def close_code(self) -> int:
        """Wait until the server has closed the socket, and say with which code."""
        with suppress(ConnectionClosed):
            while True:
                self.receive()
        code = self.socket.close_code
        assert code not in (None, 1006), "the socket was cut without a word"
        return code

    def drop(self) -> None:
        """Cut the connection without a word, as a dead network would."""
        self.socket.socket.shutdown(socket.SHUT_RDWR)


def socket_url(endpoint: str) -> str:
    """The socket's URL below an endpoint's."""
    return f"{endpoint.replace('http', 'ws', 1)}/socket"


def content(op: wire.Op | wire.Result) -> list[dict[str, Any]]:
    """The events that a frame carries, decoded."""
    raw = op.events if isinstance(op, wire.Op) else op.values
    return [json.loads(bytes(each)) for each in raw]
