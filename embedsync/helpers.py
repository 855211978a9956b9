"""Threads for what is needed now and then and may take long. They end when there is nothing to do."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable

__all__ = ["Helpers"]

logger = logging.getLogger("embedsync.helpers")


class Helpers:
    """Runs steps on a few threads, in the order in which they are submitted.

    What waits has no bound of its own: who submits looks first, or has only so many steps.

    Args:
        name: of the threads.
        most: threads that run steps side by side.
        failed: what the log says of a step that raises.
    """

    def __init__(self, name: str, *, most: int = 1, failed: str) -> None:
        self._name = name
        self._most = most
        self._failed = failed
        self._lock = threading.Lock()
        self._threads = 0
        self._waiting: deque[Callable[[], None]] = deque()

    def __len__(self) -> int:
        """Steps that wait for a thread."""
        return len(self._waiting)

    def submit(self, step: Callable[[], None]) -> None:
        """Run a step soon. What it raises is logged.

        Raises:
            RuntimeError: the process can start no more threads.
        """
        with self._lock:
            self._waiting.append(step)
            if self._threads < self._most:
                self._begin()

    def _begin(self) -> None:
        try:
            threading.Thread(target=self._run, name=self._name, daemon=True).start()
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
            except BaseException:  # Also SystemExit: the thread would be counted on, and be gone.
                logger.exception("%s", self._failed)
