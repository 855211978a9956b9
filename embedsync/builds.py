"""The order in which documents are built: one after the other, while that keeps a processor busy.

Where many visitors come at once, documents that are built side by side take the interpreter from each other
again and again, and all are ready late. One after the other, the first are ready soon.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from functools import partial

from embedsync.pool import Pool
from embedsync.processor_use import ProcessorUse
from embedsync.scheduler import Timer

__all__ = ["Builds"]

_LOOK = 0.01
"""Seconds between looks at a build for which others wait."""
_BUSY = 0.8
"""Part of a processor that this process takes at least while one computes."""
_LONG = 0.1
"""Seconds after which a build holds up no others any more, whatever it does."""


class Builds:
    """Runs steps that build documents on a pool; side by side if they take long or wait for something else.

    Each session has one such step, so no more wait than there may be sessions.

    Args:
        pool: where they run.
        clock: seconds that never go back.
        call_later: the scheduler.
        processor_time: seconds of processors that this process has taken.
    """

    def __init__(
        self,
        pool: Pool,
        *,
        clock: Callable[[], float],
        call_later: Callable[[float, Callable[[], None]], Timer],
        processor_time: Callable[[], float] = time.process_time,
    ) -> None:
        self._pool = pool
        self._clock = clock
        self._call_later = call_later
        self._use = ProcessorUse(processor_time)
        self._lock = threading.Lock()
        self._waiting: deque[Callable[[], None]] = deque()
        self._current: object | None = None  # Stands for the build that others wait for.
        self._begun = 0.0
        self._look: Timer | None = None

    def submit(self, step: Callable[[], None]) -> None:
        """Run ``step`` on the pool, when no other one holds it up."""
        with self._lock:
            self._waiting.append(step)
            if self._current is None:
                self._begin_next()
            elif self._look is None:
                self._use.look(self._clock())
                self._look = self._call_later(_LOOK, self._look_again)

    def _begin_next(self) -> None:
        step, current = self._waiting.popleft(), object()
        self._current, self._begun = current, self._clock()
        self._pool.submit(partial(self._run, step, current))

    def _run(self, step: Callable[[], None], current: object) -> None:
        try:
            step()
        finally:
            with self._lock:
                if self._current is current:
                    self._current = None
                    if self._waiting:
                        self._begin_next()

    def _look_again(self) -> None:
        with self._lock:
            self._look = None
            if not self._waiting:
                return
            now = self._clock()
            part = self._use.look(now)
            if (part is not None and part < _BUSY) or now - self._begun >= _LONG:
                self._begin_next()
            if self._waiting:
                self._look = self._call_later(_LOOK, self._look_again)
