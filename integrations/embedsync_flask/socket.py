"""One WebSocket of flask-sock: the thread of its request sends and receives, nobody else.

simple-websocket reads on a thread of its own, into a list without bound, and sends without lock
and perhaps in part. So all that is sent goes through :class:`GuardedSocket`, and reading pauses
while messages wait.
"""

from __future__ import annotations

import contextlib
import logging
import socket as sockets
import threading
from typing import Any

from flask import Response
from simple_websocket import ConnectionClosed, Server

from embedsync.endpoint import Endpoint
from embedsync.settings import Settings

__all__ = ["EndedSocket", "GuardedSocket", "serve_socket"]

logger = logging.getLogger("embedsync.flask")

_MESSAGES_AHEAD = 16
_CLOSING_TIME = 2.0


class GuardedSocket:
    """Stands in for the socket inside simple-websocket: whole sends, one at a time; paused reads.

    Args:
        socket: the connection.
        waiting: messages that were read and not taken.
    """

    def __init__(self, socket: sockets.socket, waiting: list[Any]) -> None:
        self._socket = socket
        self._waiting = waiting
        self._sending = threading.Lock()
        self._room = threading.Event()
        self._room.set()
        self._aborted = False
        with contextlib.suppress(OSError):  # a Unix socket has no such option
            socket.setsockopt(sockets.IPPROTO_TCP, sockets.TCP_NODELAY, 1)

    def send(self, data: bytes) -> None:
        """Send all of it, and nothing of another thread in between."""
        with self._sending:
            self._socket.sendall(data)

    def recv(self, size: int) -> bytes:
        """Read, once few enough messages wait."""
        while self._is_full:
            self._room.clear()
            if self._is_full:
                self._room.wait()
        return self._socket.recv(size)

    @property
    def _is_full(self) -> bool:
        # Nobody takes messages any more after the end, and one that was read already may hold many.
        return not self._aborted and len(self._waiting) >= _MESSAGES_AHEAD

    def taken(self) -> None:
        """Messages were taken; reading may go on."""
        self._room.set()

    def abort(self) -> None:
        """End it now, for both directions and for whoever waits on it, on any thread."""
        self._aborted = True
        self._waiting.clear()
        self._room.set()
        with contextlib.suppress(OSError):  # it is gone already
            self._socket.shutdown(sockets.SHUT_RDWR)

    def hurry(self) -> None:
        """What is sent from now on is sent within a moment, or not at all."""
        with contextlib.suppress(OSError):  # it is gone already
            self._socket.settimeout(_CLOSING_TIME)

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def fileno(self) -> int:
        """File descriptor of the socket."""
        return self._socket.fileno()


class EndedSocket(Response):
    """What a view returns whose socket is over: servers differ in how they want to hear of it.

    Args:
        server: the socket.
    """

    def __init__(self, server: Server) -> None:
        super().__init__()
        self._mode = server.mode

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        """Answer as a WSGI application."""
        if self._mode == "gunicorn":
            raise StopIteration  # It takes this for the end of a connection that is not its own any more.
        return super().__call__(*arguments, **named) if self._mode == "werkzeug" else []


def serve_socket(server: Server, endpoint: Endpoint, settings: Settings) -> None:
    """Move messages between a WebSocket and its endpoint until either is done."""
    guarded = server.sock = GuardedSocket(server.sock, server.input_buffer)
    server.max_message_size = settings.message_bytes

    leaving = threading.Event()

    def wake() -> None:
        server.event.set()
        # In this order: once we leave, the endpoint counts as abandoned, and nothing may cut off our goodbye.
        if endpoint.abandoned and not leaving.is_set():
            guarded.abort()  # The browser takes nothing: sending would wait for ever.

    endpoint.on_ready = wake
    try:
        _exchange(server, guarded, endpoint)
    except (ConnectionClosed, OSError) as error:
        logger.debug("a socket was lost: %s", error)
    finally:
        # The browser may have said something while it was being sent to, or as it left: that it will
        # not come back, say.
        _receive(server, guarded, endpoint)
        leaving.set()
        endpoint.lost()
        _close(server, guarded, endpoint.close_code)


def _exchange(server: Server, guarded: GuardedSocket, endpoint: Endpoint) -> None:
    while True:
        server.event.wait()
        server.event.clear()
        _receive(server, guarded, endpoint)
        while messages := endpoint.take():
            for message in messages:
                server.send(message)
                # Who has much to take may have something to say meanwhile.
                _receive(server, guarded, endpoint)
        if endpoint.close_code is not None or not server.connected:
            return


def _receive(server: Server, guarded: GuardedSocket, endpoint: Endpoint) -> None:
    while server.input_buffer:
        message = server.input_buffer.pop(0)
        guarded.taken()
        endpoint.receive(message)


def _close(server: Server, guarded: GuardedSocket, code: int | None) -> None:
    """Say goodbye where that is possible, and make sure that the reading thread ends."""
    guarded.hurry()
    with contextlib.suppress(ConnectionClosed, OSError):
        if code is not None and code != 1006:
            server.close(code)
    server.thread.join(_CLOSING_TIME if server.connected is False and code is not None else 0)
    guarded.abort()
