"""A TCP proxy in front of a server, whose connections a test can cut, slow down, hold, or mix up.

What happens to the bytes of one direction is the work of a *toxic* (`toxics.py`, `frames.py`)::

    proxy = Proxy(port)
    proxy.down = latency(0.1)     # what browsers get
    proxy.up = blackhole          # what the server gets
    proxy.heal()
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable
from typing import Protocol

__all__ = ["Proxy", "Pump", "Take", "Toxic", "through"]

Take = Callable[[bytes], None]
"""Takes the bytes of one direction as they come."""


class Pump(Protocol):
    """One direction of a connection, as a toxic sees it."""

    def send(self, data: bytes) -> None:
        """Pass bytes on."""

    def reset(self) -> None:
        """Cut the whole connection, as a crash would."""

    def wait(self, seconds: float | None) -> None:
        """Wait, but not beyond the end of the connection, nor beyond that of this toxic."""


Toxic = Callable[[Pump], Take]
"""Begins with one direction of one connection."""


def through(pump: Pump) -> Take:
    """No toxic at all."""
    return pump.send


class Proxy:
    """Forwards connections to a port of this machine.

    Args:
        port: where to forward to.
    """

    def __init__(self, port: int) -> None:
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self._lock = threading.Lock()
        self._links: set[_Link] = set()
        self.refusing = False
        """Whether new connections meet a reset."""
        self._up = self._down = through
        self.port = int(self._listener.getsockname()[1])
        self.accepted = 0
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def up(self) -> Toxic:
        """What happens to that which browsers send; from now on, on connections that exist as well."""
        return self._up

    @up.setter
    def up(self, toxic: Toxic) -> None:
        self._up = toxic
        for each in self._present():
            each.up.become(toxic)

    @property
    def down(self) -> Toxic:
        """What happens to that which the server sends."""
        return self._down

    @down.setter
    def down(self, toxic: Toxic) -> None:
        self._down = toxic
        for each in self._present():
            each.down.become(toxic)

    @property
    def open(self) -> int:
        """How many connections there are."""
        return len(self._present())

    def cut(self, *, refuse: bool = False) -> None:
        """Reset all connections; with ``refuse``, new ones too, until :meth:`heal`."""
        self.refusing = refuse
        for each in self._present():
            each.reset()

    def heal(self) -> None:
        """Let connections, and all that they carry, through again."""
        self.refusing = False
        self.up = self.down = through

    def close(self) -> None:
        # Closing alone would leave the thread that accepts where it waits.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut(refuse=True)

    def __enter__(self) -> Proxy:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _present(self) -> list[_Link]:
        with self._lock:
            return list(self._links)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.accepted += 1
            if self.refusing:
                _reset(client)
                continue
            try:
                server = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                _reset(client)
                continue
            for each in (client, server):
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            link = _Link(client, server, self._up, self._down, self._ended)
            with self._lock:
                self._links.add(link)
            link.start()

    def _ended(self, link: _Link) -> None:
        with self._lock:
            self._links.discard(link)


class _Link:
    """One connection: two sockets, and a pump for each direction."""

    def __init__(
        self,
        client: socket.socket,
        server: socket.socket,
        up: Toxic,
        down: Toxic,
        ended: Callable[[_Link], None],
    ) -> None:
        self._sockets = (client, server)
        self._ended = ended
        self.is_over = threading.Event()
        self.up = _Pump(self, client, server, up)
        self.down = _Pump(self, server, client, down)

    def start(self) -> None:
        for each in (self.up, self.down):
            threading.Thread(target=each.run, daemon=True).start()

    def reset(self) -> None:
        self._end(_reset)

    def close(self) -> None:
        self._end(_close)

    def _end(self, end: Callable[[socket.socket], None]) -> None:
        self.is_over.set()
        for each in self._sockets:
            end(each)
        for pump in (self.up, self.down):
            pump.wake()
        self._ended(self)


class _Pump:
    def __init__(self, link: _Link, source: socket.socket, sink: socket.socket, toxic: Toxic) -> None:
        self._link = link
        self._source = source
        self._sink = sink
        self._changed = threading.Event()
        self._toxic = toxic
        self._take = toxic(self)

    def become(self, toxic: Toxic) -> None:
        if toxic is not self._toxic:
            self._toxic = toxic
            self._take = toxic(self)
            self._changed.set()

    def wake(self) -> None:
        self._changed.set()

    def send(self, data: bytes) -> None:
        if data:
            self._sink.sendall(data)

    def reset(self) -> None:
        self._link.reset()

    def wait(self, seconds: float | None) -> None:
        self._changed.clear()
        if not self._link.is_over.is_set():
            self._changed.wait(seconds)

    def run(self) -> None:
        with contextlib.suppress(OSError):
            while data := self._source.recv(65536):
                self._take(data)
        self._link.close()


def _close(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()


def _reset(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()
