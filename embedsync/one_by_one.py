"""Steps that run side by side with everything else, but never with each other."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from embedsync.pool import Pool

__all__ = ["OneByOne"]


class OneByOne:
    """Runs steps in order on a pool, of which it takes one thread at the most.

    For work that may come in masses and that nobody waits for: were hundreds of sessions that end together
    taken apart on all threads at once, each turn of another session would wait behind all of these threads
    for the interpreter.

    Args:
        pool: where steps run. Between two of them it may do what others have submitted.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._lock = threading.Lock()
        self._waiting: deque[Callable[[], None]] = deque()
        self._running = False

    def submit(self, step: Callable[[], None]) -> None:
        """Run ``step`` after those submitted before."""
        with self._lock:
            self._waiting.append(step)
            if self._running:
                return
            self._running = True
        self._pool.submit(self._run)

    def _run(self) -> None:
        with self._lock:
            step = self._waiting.popleft()
        try:
            step()
        finally:
            with self._lock:
                more = self._running = bool(self._waiting)
            if more:
                self._pool.submit(self._run)
