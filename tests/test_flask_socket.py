"""The socket of the Flask extension, over a pair of sockets in place of a server."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from typing import Any, cast

import pytest
from simple_websocket import Server

from embedsync import wire
from embedsync.endpoint import Endpoint
from embedsync.hub import Hub
from embedsync.request import Request
from embedsync.settings import Settings
from embedsync_flask.socket import serve_socket
from tests.support.raw import BINARY, CLOSE, encode_frame


class LeavingBrowser:
    """A server side whose browser says goodbye and leaves, just before it is asked whether it is there."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock: Any = sock
        self.input_buffer: list[bytes] = [b"hello"]
        self.event = threading.Event()
        self.event.set()
        self.thread = threading.Thread(target=lambda: None)
        self.thread.start()
        self._has_left = False

    @property
    def connected(self) -> bool:
        if not self._has_left:
            self._has_left = True
            self.input_buffer.append(b"goodbye")
        return False


class Witness:
    """An endpoint that notes what comes."""

    close_code = None
    abandoned = False

    def __init__(self) -> None:
        self.noted: list[bytes | str] = []

    def take(self) -> list[bytes]:
        return []

    def receive(self, message: bytes) -> None:
        self.noted.append(message)

    def lost(self) -> None:
        self.noted.append("lost")


@pytest.fixture
def sock() -> Iterator[socket.socket]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours


def test_what_a_browser_says_as_it_leaves_is_heard(sock: socket.socket) -> None:
    witness = Witness()
    serve_socket(cast(Any, LeavingBrowser(sock)), cast(Endpoint, witness), Settings())
    assert witness.noted == [b"hello", b"goodbye", "lost"]


HANDSHAKE = {
    "HTTP_HOST": "localhost",
    "HTTP_CONNECTION": "Upgrade",
    "HTTP_UPGRADE": "websocket",
    "HTTP_SEC_WEBSOCKET_KEY": "AAAAAAAAAAAAAAAAAAAAAA==",
    "HTTP_SEC_WEBSOCKET_VERSION": "13",
}


def test_what_a_session_says_too_late_does_not_cut_the_goodbye_off() -> None:
    """A session on another thread may have something for the socket while that is closed."""
    ours, theirs = socket.socketpair()
    theirs.settimeout(20)
    hub = Hub("key", Settings())
    endpoint = hub.connect(Request())
    lose = endpoint.lost

    def lost_with_a_late_word() -> None:
        lose()
        endpoint.notify(wire.Notice(kind=wire.NoticeKind.BUSY))

    endpoint.lost = lost_with_a_late_word  # type: ignore[method-assign]
    try:
        server = Server({"werkzeug.socket": ours, **HANDSHAKE})
        theirs.sendall(encode_frame(BINARY, b"no message of ours"))
        serving = threading.Thread(target=serve_socket, args=(server, endpoint, Settings()))
        serving.start()
        received, goodbye = b"", struct.pack(">H", wire.Close.BAD_MESSAGE)
        while chunk := theirs.recv(4096):
            received += chunk
            if received.endswith(goodbye):
                theirs.sendall(encode_frame(CLOSE, goodbye))
        serving.join(20)
    finally:
        hub.stop()
        theirs.close()
    assert received.split(b"\r\n\r\n", 1)[1] == b"\x88\x02" + goodbye
