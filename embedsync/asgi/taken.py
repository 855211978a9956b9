"""A plain socket of uvicorn or daphne that the threads of the pool read and write, in place of an event loop.

The loop would read a message, have a thread run what it leads to, be woken by that, and write: two changes of
threads for each event. Whatever is not usual goes back to the loop, and the socket with it: messages that are
large or come in parts, pings and goodbyes, an end, and what there is no room for.
"""

from __future__ import annotations

import socket as sockets
import threading
from collections.abc import Callable, Sequence

from embedsync.asgi.direct import Direct
from embedsync.asgi.direct_daphne import DirectToDaphne
from embedsync.asgi.unframing import unframed
from embedsync.endpoint import Endpoint
from embedsync.framing import rest_of, send_together
from embedsync.pool import Pool

__all__ = ["Taken"]

_PIECE = 64 * 1024
"""Bytes that are read before other sockets have their turn."""


class Taken:
    """The socket, from when it is made, on its loop, until :meth:`give_back`.

    Args:
        direct: the way past the server, at rest.
        socket: below it, a plain one.
        endpoint: gives messages.
        take: takes a message, on any thread of the pool. It must not raise.
        pool: whose threads read it.
        return_to_loop: called on any thread of the pool when the loop is to take it back.
        lost: called on the loop when the connection is lost, before its socket is closed.

    Raises:
        OSError: the process has no more files.
    """

    def __init__(
        self,
        direct: Direct | DirectToDaphne,
        socket: sockets.socket,
        endpoint: Endpoint,
        take: Callable[[bytes], object],
        pool: Pool,
        *,
        return_to_loop: Callable[[], None],
        lost: Callable[[], None],
    ) -> None:
        self._direct = direct
        self._endpoint = endpoint
        self._take = take
        self._pool = pool
        self._return_to_loop = return_to_loop
        self._socket = socket
        self._file = socket.fileno()
        self._reading = threading.Lock()
        self._writing = threading.Lock()
        self._is_read_here = True
        self._unread = b""
        self._unsent: Sequence[bytes | memoryview] = ()
        self._left: Sequence[bytes | str] = ()
        self.is_clear = True
        """Whether nothing waits before what is to be sent."""
        direct.detach(self._write_of_loop, lost)
        try:
            pool.watch(self._file, self._read)
        except BaseException:
            direct.attach()
            raise

    # On threads of the pool.

    def _read(self) -> None:
        """There is something to be read."""
        with self._reading:
            if not self._is_read_here:
                return
            try:
                data = self._socket.recv(_PIECE)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                data = b""  # The loop finds out for itself.
            # Any message may end what the server has begun to wait for, such as an answer to its ping.
            messages = unframed(data) if data and self._direct.begins_with_a_message else None
            if messages is None:
                self._unread = data
                self._leave()
                self._return_to_loop()
                return
            for message in messages:
                self._take(message)

    def write(self) -> bool:
        """Write what the endpoint gives. Says whether that is all; else the loop has something to do."""
        endpoint = self._endpoint
        with self._writing:
            if not self.is_clear or self._direct.is_ending:
                return False
            while messages := endpoint.take():
                pieces = self._direct.framed(messages)
                if pieces is None:
                    self._left = messages
                else:
                    self._unsent = self._sent(pieces)
                if self._left or self._unsent:
                    self.is_clear = False
                    return False
                if not endpoint.ready:
                    break
        return endpoint.close_code is None

    def _sent(self, pieces: Sequence[bytes | memoryview]) -> Sequence[bytes | memoryview]:
        try:
            return rest_of(pieces, send_together(self._socket, pieces))
        except OSError:
            return pieces  # It is full, or lost.

    # On the loop.

    def give_back(self) -> Sequence[bytes | str]:
        """Have the loop read and write it again. Returns messages that the server is to send its own way."""
        with self._reading:
            if self._is_read_here:
                self._leave()
            unread, self._unread = self._unread, b""
        with self._writing:
            self.is_clear = False
            self._direct.attach()
            self._send_unsent()
            left, self._left = self._left, ()
        if unread:
            self._direct.receive(unread)
        return left

    def _write_of_loop(self, data: bytes) -> None:
        """In place of the transport's, for what the server itself has to say."""
        with self._writing:
            self._send_unsent()
            self._direct.write_behind(data)
            self.is_clear = self.is_clear and not self._direct.waits

    def _send_unsent(self) -> None:
        unsent, self._unsent = self._unsent, ()
        for piece in unsent:
            self._direct.write_behind(piece)

    def _leave(self) -> None:
        self._is_read_here = False
        self._pool.forget(self._file)
