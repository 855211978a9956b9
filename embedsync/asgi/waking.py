"""Waking the writers of many sockets from other threads, once for all of them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections import deque
from collections.abc import Callable
from weakref import WeakKeyDictionary

__all__ = ["Waker", "waker_of"]

logger = logging.getLogger("embedsync.asgi")

_AT_ONCE = 64
"""Sockets that are served before the loop sees to other things."""


class Waker:
    """Calls functions on an event loop, for any thread.

    To wake a loop takes a system call. Whoever tells a hundred browsers the same wakes it once.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._lock = threading.Lock()
        self._waiting: deque[Callable[[], None]] = deque()
        self._is_awake = False

    def call(self, function: Callable[[], None]) -> None:
        """Call ``function`` on the loop soon; nothing if the loop is closed."""
        with self._lock:
            self._waiting.append(function)
            if self._is_awake:
                return
            self._is_awake = True
        with contextlib.suppress(RuntimeError):  # The loop is closed: nobody is left to be called.
            self._loop.call_soon_threadsafe(self._run)

    def _run(self) -> None:
        for _ in range(_AT_ONCE):
            with self._lock:
                if not self._waiting:
                    self._is_awake = False
                    return
                function = self._waiting.popleft()
            try:
                function()
            except Exception:
                # The others are to be called all the same.
                logger.exception("a socket could not be written to")
        self._loop.call_soon(self._run)


_wakers: WeakKeyDictionary[asyncio.AbstractEventLoop, Waker] = WeakKeyDictionary()


def waker_of(loop: asyncio.AbstractEventLoop) -> Waker:
    """The waker of a loop. To be called on it."""
    waker = _wakers.get(loop)
    if waker is None:
        waker = _wakers[loop] = Waker(loop)
    return waker
