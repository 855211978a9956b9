"""Waking the writers of many sockets from other threads, once for all of them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from weakref import WeakKeyDictionary

from embedsync.framing import Framing

__all__ = ["Waker", "waker_of"]

logger = logging.getLogger("embedsync.asgi")

_AT_ONCE = 64
"""Sockets that are served before the loop sees to other things."""
_LONGEST = 0.005
"""Seconds after which it does so in any case: what is large takes long to hand to the operating system."""


class Waker:
    """Calls functions on an event loop, for any thread.

    To wake a loop takes a system call. Whoever tells a hundred browsers the same wakes it once.

    Attributes:
        framing: for what is written to the sockets of the loop.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._lock = threading.Lock()
        self._waiting: deque[Callable[[], None]] = deque()
        self._is_awake = False
        self.framing = Framing()

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
        waiting, end = self._waiting, time.monotonic() + _LONGEST
        for _ in range(_AT_ONCE):
            if not waiting:
                with self._lock:
                    if not waiting:  # Nobody has come meanwhile, and who comes now wakes it again.
                        self._is_awake = False
                        return
            try:
                waiting.popleft()()
            except Exception:
                # The others are to be called all the same.
                logger.exception("a socket could not be written to")
            if time.monotonic() > end:
                break
        self._loop.call_soon(self._run)


_wakers: WeakKeyDictionary[asyncio.AbstractEventLoop, Waker] = WeakKeyDictionary()


def waker_of(loop: asyncio.AbstractEventLoop) -> Waker:
    """The waker of a loop. To be called on it."""
    waker = _wakers.get(loop)
    if waker is None:
        waker = _wakers[loop] = Waker(loop)
    return waker
