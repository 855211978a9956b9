"""Threads for what sockets need now and then and what may take long."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable

__all__ = ["Helpers"]

logger = logging.getLogger("embedsync.flask")


class Helpers:
    """Runs steps side by side on a few threads, which begin when there is something to do.

    What waits has no bound of its own: a socket submits one step at a time, and who submits may look first.

    Args:
        most: threads.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._threads = 0
        self._waiting: deque[Callable[[], None]] = deque()

    def __len__(self) -> int:
        """Steps that wait for a thread."""
        return len(self._waiting)

    def submit(self, step: Callable[[], None]) -> None:
        """Run a step soon.

        Raises:
            RuntimeError: the process can start no more threads.
        """
        with self._lock:
            self._waiting.append(step)
            if self._threads < self._most:
                self._begin()

    def _begin(self) -> None:
        try:
            threading.Thread(target=self._run, name="embedsync-socket-helper", daemon=True).start()
        except RuntimeError:
            if self._threads:
                return  # One of the others comes to it.
            self._waiting.pop()
            raise
        self._threads += 1

    def _run(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._threads -= 1
                    return
                step = self._waiting.popleft()
            try:
                step()
            except Exception:
                logger.exception("a socket could not be helped")
