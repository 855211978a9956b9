"""Timers: one thread that waits, and calls short functions which post work to its owner."""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
from collections.abc import Callable

__all__ = ["Scheduler", "Timer"]

logger = logging.getLogger("embedsync.scheduler")


class Timer:
    """A call that is due at some time, and can be cancelled until then."""

    __slots__ = ("call", "due")

    def __init__(self, due: float, call: Callable[[], None]) -> None:
        self.due = due
        self.call: Callable[[], None] | None = call

    def cancel(self) -> None:
        """Do not call. Does nothing if it was called already."""
        self.call = None

    __call__ = cancel


class Scheduler:
    """Calls functions after a while, on a thread of its own that starts with the first timer.

    The functions must be short: they post turns or wake writers, and never run app code.

    Args:
        clock: seconds that never go back.
        name: name of the thread.
    """

    def __init__(self, clock: Callable[[], float], name: str = "embedsync-scheduler") -> None:
        self._clock = clock
        self._name = name
        self._condition = threading.Condition()
        self._heap: list[tuple[float, int, Timer]] = []
        self._order = itertools.count()
        self._thread: threading.Thread | None = None
        self._stopped = False

    def call_later(self, seconds: float, call: Callable[[], None]) -> Timer:
        """Call ``call`` in ``seconds``; returns what cancels it.

        Raises:
            RuntimeError: the process can start no more threads. The next call tries it again.
        """
        timer = Timer(self._clock() + seconds, call)
        with self._condition:
            if self._stopped:
                timer.cancel()
                return timer
            if self._thread is None:
                thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                thread.start()
                self._thread = thread
            heapq.heappush(self._heap, (timer.due, next(self._order), timer))
            if self._heap[0][2] is timer:
                self._condition.notify()
        return timer

    def stop(self) -> None:
        """Forget all timers and end the thread."""
        with self._condition:
            self._stopped = True
            self._heap.clear()
            self._condition.notify()
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    def _run(self) -> None:
        while (call := self._next()) is not None:
            try:
                call()
            except Exception:
                logger.exception("a timer failed")
            call = None  # What it kept must not live until the next timer is due.

    def _next(self) -> Callable[[], None] | None:
        """Wait for the next call that is due; ``None`` at the end."""
        with self._condition:
            while not self._stopped:
                while self._heap and self._heap[0][2].call is None:
                    heapq.heappop(self._heap)
                if not self._heap:
                    self._condition.wait()
                    continue
                due, _, timer = self._heap[0]
                wait = due - self._clock()
                if wait > 0:
                    self._condition.wait(min(wait, threading.TIMEOUT_MAX))
                    continue
                heapq.heappop(self._heap)
                call, timer.call = timer.call, None
                if call is not None:
                    return call
        return None
