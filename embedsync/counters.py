"""Counts of what a process has refused, dropped and resent."""

from __future__ import annotations

import threading
from collections import Counter

__all__ = ["Counters"]


class Counters:
    """Counts what was refused, dropped, resent. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()

    def count(self, what: str) -> None:
        """Add one."""
        self.count_first(what)

    def count_first(self, what: str) -> bool:
        """Add one. Says whether it is the first of its kind."""
        with self._lock:
            self._counts[what] += 1
            return self._counts[what] == 1

    def read(self) -> dict[str, int]:
        """All counts so far."""
        with self._lock:
            return dict(self._counts)
