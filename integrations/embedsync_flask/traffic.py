"""One thread that reads and writes all sockets of a hub, where the server gives plain ones.

With threads of its own for each socket, every message would wake two of them, and an update that a hundred
browsers see a hundred. The thread waits for nobody: what may take long is left to helpers.
"""

from __future__ import annotations

import contextlib
import logging
import selectors
import socket as sockets
import sys
import threading
from collections import deque
from collections.abc import Callable
from typing import Protocol
from weakref import WeakKeyDictionary

from embedsync.framing import Framing
from embedsync.helpers import Helpers
from embedsync.hub import Hub
from embedsync_flask.capacity import most_files

__all__ = ["Traffic", "Traveller", "say_goodbye", "traffic_of"]

logger = logging.getLogger("embedsync.flask")

_DECODERS = 4
"""Threads for messages that are large. They compete for the interpreter: more would not be faster."""
_GOODBYES = 32
"""Threads for goodbyes, each of which may wait for its browser."""
_MOST_GOODBYES = 1000
"""Goodbyes that may wait for a thread. Who does not answer one takes seconds of it, and may come again."""
_OF_FILES = 5 / 8
"""Part of the process's files that sockets may hold until nobody waits for answers to goodbyes any more."""
_STOP_TIME = 5.0
"""Seconds that goodbyes have when the process ends: as long as a browser that is there may take for one."""


class Traveller(Protocol):
    """A socket that the thread looks after. Its methods are called on that thread."""

    def read(self) -> None:
        """There is something to be read, or the other side has ended it."""

    def write(self) -> None:
        """There is room for something that was left."""

    def fail(self) -> None:
        """One of the others, or a function given to :meth:`Traffic.call`, has raised."""


class Traffic:
    """The thread, which runs as long as there are sockets.

    Attributes:
        decoders: take messages that are large.
        goodbyes: say goodbye.
        framing: for what is written to them.
    """

    def __init__(self) -> None:
        self.decoders = _helpers(_DECODERS)
        self.goodbyes = _helpers(_GOODBYES)
        self.framing = Framing()
        self._lock = threading.Lock()
        self._left = threading.Condition(self._lock)
        self._sockets = 0
        self._crowd = (most_files() or sys.maxsize) * _OF_FILES
        self._runs = False
        self._waiting: deque[tuple[Traveller, Callable[[], None]]] = deque()
        self._is_awake = True
        self._selector: selectors.BaseSelector
        self._bell: sockets.socket
        self._heard: sockets.socket

    # From any thread.

    def enter(self, traveller: Traveller, begin: Callable[[], None]) -> None:
        """Look after one more; ``begin`` is called on the thread.

        Raises:
            OSError: the process has no more files for what the thread needs.
            RuntimeError: it can start no more threads.
        """
        with self._lock:
            if not self._runs:
                self._begin()
            self._sockets += 1
            self._waiting.append((traveller, begin))
            self._wake()

    def leave(self) -> None:
        """Look after one less."""
        with self._lock:
            self._sockets -= 1
            if not self._sockets:
                self._left.notify_all()
                if self._runs:
                    self._wake()

    @property
    def is_crowded(self) -> bool:
        """Whether so many sockets are here, open or on their way out, that none may stay for a goodbye."""
        return self._sockets > self._crowd or len(self.goodbyes) >= _MOST_GOODBYES

    def wait_until_all_have_left(self, timeout: float) -> bool:
        """Wait until there are no sockets, at most ``timeout`` seconds. Says whether there are none."""
        with self._left:
            return self._left.wait_for(lambda: not self._sockets, timeout)

    def call(self, traveller: Traveller, function: Callable[[], None]) -> None:
        """Call a function that concerns one of the sockets on the thread, soon; never if that has ended."""
        with self._lock:
            if self._runs:
                self._waiting.append((traveller, function))
                self._wake()

    # The lock is held.

    def _begin(self) -> None:
        with contextlib.ExitStack() as made:
            self._selector = made.enter_context(selectors.DefaultSelector())
            self._bell, self._heard = map(made.enter_context, sockets.socketpair())
            self._bell.setblocking(False)
            self._heard.setblocking(False)
            self._selector.register(self._heard, selectors.EVENT_READ)
            self._is_awake = True
            threading.Thread(target=self._run, name="embedsync-sockets", daemon=True).start()
            made.pop_all()
        self._runs = True  # Now: where it could not begin, the next socket tries again.

    def _end(self) -> None:
        self._runs = False
        self._selector.close()
        self._bell.close()
        self._heard.close()

    def _wake(self) -> None:
        if not self._is_awake:
            self._is_awake = True
            # It is full if nobody has listened yet, which is as good.
            with contextlib.suppress(BlockingIOError):
                self._bell.send(b"\0")

    # On the thread.

    def watch(self, socket: sockets.socket, traveller: Traveller, *, read: bool, write: bool) -> None:
        """Tell of a socket what it is ready for from now on."""
        events = selectors.EVENT_READ * read | selectors.EVENT_WRITE * write
        if not events:
            with contextlib.suppress(KeyError, ValueError):  # It was not watched.
                self._selector.unregister(socket)
        elif socket in self._selector.get_map():
            self._selector.modify(socket, events, traveller)
        else:
            self._selector.register(socket, events, traveller)

    def _run(self) -> None:
        while True:
            with self._lock:
                if not self._sockets and not self._waiting:
                    self._end()
                    return
                self._is_awake = bool(self._waiting)
                timeout = 0 if self._is_awake else None
            ready = self._selector.select(timeout)
            with self._lock:
                self._is_awake = True
            for key, events in ready:
                if key.data is None:
                    self._hush()
                    continue
                if events & selectors.EVENT_WRITE:
                    self._try(key.data, key.data.write)
                if events & selectors.EVENT_READ:
                    self._try(key.data, key.data.read)
            self._call_those_that_wait()

    def _call_those_that_wait(self) -> None:
        """Call what was asked for until now; what that asks for comes after another look at the sockets."""
        with self._lock:
            waiting, self._waiting = self._waiting, deque()
        for traveller, function in waiting:
            self._try(traveller, function)

    def _try(self, traveller: Traveller, function: Callable[[], None]) -> None:
        try:
            function()
        except Exception:
            # The others are to be served all the same.
            logger.exception("a socket could not be served")
            with contextlib.suppress(Exception):
                traveller.fail()

    def _hush(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._heard.recv(1024)


def _helpers(most: int) -> Helpers:
    return Helpers("embedsync-socket-helper", most=most, failed="a socket could not be helped")


_traffic: WeakKeyDictionary[Hub, Traffic] = WeakKeyDictionary()
_making = threading.Lock()


def traffic_of(hub: Hub) -> Traffic:
    """The thread of a hub; it is made when it is first needed, so that a server may fork before."""
    with _making:
        traffic = _traffic.get(hub)
        if traffic is None:
            traffic = _traffic[hub] = Traffic()
        return traffic


def say_goodbye(hub: Hub) -> None:
    """Wait a moment, until the sockets of a hub that has stopped have said goodbye."""
    traffic = _traffic.get(hub)
    if traffic is not None:
        traffic.wait_until_all_have_left(_STOP_TIME)
