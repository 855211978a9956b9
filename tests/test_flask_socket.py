"""The socket of the Flask extension, with simple-websocket's part played by the test."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from typing import Any, cast

import pytest

from embedsync.endpoint import Endpoint
from embedsync.settings import Settings
from embedsync_flask.socket import serve_socket


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
