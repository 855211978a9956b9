"""A WebSocket that the one thread of :mod:`embedsync_flask.traffic` reads and writes.

Its request is over as soon as it has begun, so that an open page holds no thread of the server. Helpers
take what is too long to be decoded beside the other sockets, and say goodbye, which may have to wait.
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket as sockets
import sys
import time
from collections import deque
from collections.abc import Mapping
from functools import partial
from typing import Any

from simple_websocket import Server
from wsproto.utilities import LocalProtocolError

from embedsync import wire
from embedsync.endpoint import Endpoint
from embedsync.framing import send_together
from embedsync_flask.traffic import Traffic

__all__ = ["CarriedSocket", "NoThread", "can_be_carried"]

logger = logging.getLogger("embedsync.flask")

_CLOSING_TIME = 2.0
"""Seconds for a goodbye, and again for its answer."""

_PIECE = 16 * 1024
"""Bytes that are read, at the most, before the other sockets have their turn."""
_FIRST_PIECE = 2 * 1024
_SMALLEST_PIECE = 256
_NOTICED = 1024
"""Bytes from which it is worth while to see how long they take."""
_SHARE = 0.002
"""Seconds of the processor for which a socket is read before the others have their turn. A piece may be
thousands of frames, which take far longer than as many bytes of one: then the next piece is smaller."""
_LARGE = 64 * 1024
"""Bytes from which decoding a message takes long enough to be felt by the other sockets."""
_MOST_ANSWERS = 64
"""Answers to pings that may wait; a browser that does not take them is not listened to."""
_MOST_PIECES = 64
"""Pieces that are read of a browser that has left."""
_UNSAID = 1006
"""A code that says that none was sent."""
_ENVIRONMENT = ("werkzeug.socket", "gunicorn.socket")
_KNOWN_OPTIONS = {"subprotocols", "receive_bytes", "max_message_size"}


def can_be_carried(environ: Mapping[str, Any], options: Mapping[str, Any]) -> bool:
    """Whether the socket of a request is a plain one of the operating system.

    One with encryption cannot be asked for what comes without waiting, and those of gevent and eventlet
    belong to their loops.

    Args:
        environ: of the request.
        options: for the socket, of simple-websocket.
    """
    socket = next((environ[each] for each in _ENVIRONMENT if each in environ), None)
    # gevent puts its own class into this module.
    is_plain = type(socket) is sockets.socket and sockets.socket.__module__ == "socket"
    can_be_taken = os.name == "posix"
    return is_plain and can_be_taken and options.keys() <= _KNOWN_OPTIONS


class NoThread:
    """In place of the thread on which simple-websocket reads: somebody else does."""

    def __init__(self, target: Any) -> None:
        self.name = ""

    def start(self) -> None:
        """Do nothing."""


class CarriedSocket:
    """Also stands in for the socket and the list of messages inside simple-websocket, which parses.

    Args:
        server: the WebSocket, made with :class:`NoThread`.
        endpoint: takes and gives the messages.
        traffic: reads and writes.
        opening_bytes: that are kept of a message that is not whole yet, while the endpoint has let nobody in.
    """

    def __init__(
        self, server: Server, endpoint: Endpoint, traffic: Traffic, opening_bytes: int = sys.maxsize
    ) -> None:
        self._server = server
        self._socket: sockets.socket = server.sock
        self._endpoint = endpoint
        self._traffic = traffic
        self._opening_bytes = opening_bytes
        self._piece = _FIRST_PIECE
        self._heard_out = 0
        self._woken = False
        self._left: deque[bytes | memoryview] = deque()
        self._answers = 0
        self._large: deque[bytes | str] = deque()
        self._is_helped = False
        self._watched = (False, False)
        self._is_broken = False
        self._is_over = False
        self._is_hurried = False
        server.sock = server.input_buffer = self

    def serve(self) -> None:
        """Take the socket away from its server, and serve it until either side ends it. Returns at once.

        Raises:
            OSError: the process has no more files for it.
            RuntimeError: it can start no more threads.
        """
        with contextlib.ExitStack() as undone:
            undone.callback(self._endpoint.lost)
            self._socket = undone.enter_context(_taken(self._socket))
            self._socket.settimeout(0)
            with contextlib.suppress(OSError):  # a Unix socket has no such option
                self._socket.setsockopt(sockets.IPPROTO_TCP, sockets.TCP_NODELAY, 1)
            self._traffic.enter(self, self._begin)
            undone.pop_all()
        # Not before: the thread would be asked to end what it does not look after yet.
        self._endpoint.call_on_writer = partial(self._traffic.call, self)
        self._endpoint.on_ready = self._wake

    def _wake(self) -> None:
        """There is something to take. On any thread."""
        if not self._woken:  # Otherwise what has come since will be taken as well.
            self._woken = True
            self._traffic.call(self, self._flush)

    # For simple-websocket, on the thread that parses or says goodbye.

    def send(self, data: bytes) -> None:
        """Send a whole frame: after what is left, and as soon as there is room."""
        if self._is_over:
            self._socket.sendall(data)
        elif not self._is_broken:
            self._left.append(data)
            self._answers += 1
            if len(self._left) == 1:
                self._write_left()

    def append(self, message: bytes | str) -> None:
        """A message has come."""
        if self._is_over:
            return
        if self._large or len(message) >= _LARGE:
            self._large.append(message)  # What has come with it comes after it.
        else:
            self._endpoint.receive(message)

    # On the thread that reads and writes.

    def read(self) -> None:
        """See :class:`~embedsync_flask.traffic.Traveller`."""
        if not self._is_over and not self._is_helped and not self._read_piece():
            self._end()

    def write(self) -> None:
        """See :class:`~embedsync_flask.traffic.Traveller`."""
        if not self._is_over and self._write_left():
            self._flush()

    def fail(self) -> None:
        """See :class:`~embedsync_flask.traffic.Traveller`."""
        self._is_broken = True
        self._end()

    def _begin(self) -> None:
        self._watch()
        self._flush()

    def _read_piece(self) -> bool:
        """Read what there is, or a part of it, and hand it over. Says whether there may be more some time."""
        try:
            data = self._socket.recv(self._piece)
        except (BlockingIOError, InterruptedError):
            return not self._is_broken  # Nothing comes any more after what has come.
        except OSError as error:
            logger.debug("a socket was lost: %s", error)
            return False
        if not data:
            return False
        is_open = self._parse_for_a_while(data)
        if self._large:
            self._traffic.decoders.submit(self._help)
            self._is_helped = True
            self._watch()
        return is_open

    def _parse_for_a_while(self, data: bytes) -> bool:
        """Hand over the messages in it, and see how much of the kind can be read at once."""
        if len(data) < min(self._piece, _NOTICED):
            is_open = self._parse(data)
        else:
            began = time.thread_time()
            is_open = self._parse(data)
            taken = time.thread_time() - began
            most = len(data) * _SHARE / taken if taken > 0 else _PIECE
            # Step by step: what comes next may be of another kind.
            self._piece = int(min(max(most, _SMALLEST_PIECE), 2 * self._piece, _PIECE))
        if self._server.incoming_message_len > self._opening_bytes and not self._endpoint.is_open:
            reason = f"a message began of more than {self._opening_bytes} bytes ('opening_message_bytes')"
            self._endpoint.close(wire.Close.TOO_BIG, reason)
            return False
        return is_open

    def _parse(self, data: bytes) -> bool:
        """Hand over the messages in it. Says whether more may come."""
        server = self._server
        try:
            server.ws.receive_data(data)
            server.connected = server._handle_events()
        except LocalProtocolError:
            server.connected = False
        return bool(server.connected)

    def _flush(self) -> None:
        """Write what there is, as far as there is room."""
        self._woken = False
        if self._is_over:
            return
        endpoint = self._endpoint
        if endpoint.abandoned:
            self.fail()  # The browser takes nothing: no goodbye either.
            return
        # In this order: once there is a code, nothing is queued any more.
        code = endpoint.close_code
        while not self._left and not self._is_broken:
            messages = endpoint.take()
            if not messages:
                if code is not None:
                    self._end()
                return
            self._left.extend(self._traffic.framing.framed(messages))
            self._write_left()

    def _write_left(self) -> bool:
        """Write what is left, as far as there is room. Says whether nothing is left."""
        left = self._left
        try:
            while left:
                sent = send_together(self._socket, left)
                while left and sent >= len(left[0]):
                    sent -= len(left.popleft())
                if sent:
                    left[0] = memoryview(left[0])[sent:]
        except (BlockingIOError, InterruptedError):
            self._watch()
            return False
        except OSError as error:
            logger.debug("a socket was lost: %s", error)
            self._is_broken = True
            left.clear()
            # Not here: it may be in the middle of parsing.
            self._traffic.call(self, self._hear_out)
            return False
        self._answers = 0
        self._watch()
        return True

    def _hear_out(self) -> None:
        """The browser has left. It may have said something before, such as that it will not come back."""
        if self._is_over:
            return
        self._heard_out += 1
        if self._is_helped or self._heard_out > _MOST_PIECES or not self._read_piece():
            self._end()
        else:
            self._traffic.call(self, self._hear_out)  # The others have their turn in between.

    def _watch(self) -> None:
        read = not self._is_over and not self._is_helped and self._answers <= _MOST_ANSWERS
        write = not self._is_over and bool(self._left)
        if self._watched != (read, write):
            self._watched = (read, write)
            self._traffic.watch(self._socket, self, read=read, write=write)

    def _helped(self) -> None:
        self._is_helped = False
        if self._is_over:
            self._part()
        else:
            self._watch()

    def _end(self) -> None:
        if not self._is_over:
            self._is_over = True
            try:
                self._watch()
            finally:
                if not self._is_helped:  # Otherwise what is large comes first.
                    self._part()

    def _part(self) -> None:
        """The endpoint hears that it is over, and the browser as well."""
        try:
            self._endpoint.lost()
        finally:
            if self._traffic.is_crowded:
                self._is_hurried = True
                self._leave()
            else:
                self._leave_soon()

    def _leave_soon(self) -> None:
        try:
            self._traffic.goodbyes.submit(self._leave)
        except RuntimeError:
            self._is_broken = True  # There is no thread for a goodbye.
            self._leave()

    # On threads of helpers, or, in a hurry, on the thread that reads and writes.

    def _help(self) -> None:
        """Take what is large."""
        try:
            while self._large:
                self._endpoint.receive(self._large.popleft())
        except Exception:
            logger.exception("a message could not be taken")
            self._large.clear()
            self._traffic.call(self, self.fail)
        self._traffic.call(self, self._helped)

    def _leave(self) -> None:
        try:
            self._say_goodbye(self._endpoint.close_code)
        finally:
            with contextlib.suppress(OSError):  # it is gone already
                self._socket.shutdown(sockets.SHUT_RDWR)
            self._socket.close()
            self._traffic.leave()

    def _say_goodbye(self, code: int | None) -> None:
        """Say goodbye where that is possible, within a moment; at once or not at all, in a hurry."""
        if self._is_broken:
            return
        with contextlib.suppress(LocalProtocolError, OSError):
            self._socket.settimeout(0 if self._is_hurried else _CLOSING_TIME)
            self._socket.sendall(b"".join(self._left))
            if self._server.connected and code != _UNSAID:
                self._server.close(code)
                if not self._is_hurried:
                    self._await_answer()

    def _await_answer(self) -> None:
        """Read until the browser has left: what nobody has read would cut off what it is being told.

        No longer than for a moment, and no more than one message may have: who goes on is cut off.
        """
        end = time.monotonic() + _CLOSING_TIME
        unheard = self._server.max_message_size or _PIECE
        while unheard > 0 and (rest := end - time.monotonic()) > 0:
            self._socket.settimeout(rest)
            data = self._socket.recv(_PIECE)
            if not data or not self._parse(data):
                return
            unheard -= len(data)
            # Nobody hears it any more, however long it becomes.
            self._server.incoming_message, self._server.incoming_message_len = None, 0


def _taken(socket: sockets.socket) -> sockets.socket:
    """The connection for us alone.

    Servers end a connection when its request is over, and all who share it would feel that. So the server
    gets one that has ended already, under the same number.

    Raises:
        OSError: the process has no more files.
    """
    ended, other = sockets.socketpair()
    with ended, other:
        ours = socket.dup()
        os.dup2(ended.fileno(), socket.fileno(), inheritable=False)
    return ours
