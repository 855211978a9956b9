"""Sessions without browsers, kept for those who come back: so many, and so large, at the most."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any, Protocol

__all__ = ["Orphan", "Orphans"]

logger = logging.getLogger("embedsync.hub")


class Orphan(Protocol):
    """A session that may have no browsers."""

    @property
    def weight(self) -> int:
        """Bytes of its log and its document, as far as they are known."""

    @property
    def was_seen(self) -> bool:
        """Whether a browser has been here, and may come back."""

    def evict(self) -> bool:
        """End it, unless somebody has come back. Says whether it ended."""


class Orphans:
    """Keeps the sessions that were left last; beyond the bounds, the ones left first are ended.

    Before these, sessions of pages end that nobody has opened yet: whoever fetches pages by the thousand
    pushes out nobody who was here.

    Args:
        most: sessions.
        most_bytes: bytes of their logs and documents together.
        on_evicted: told of each that was ended before its time, and the setting for whose sake.
    """

    def __init__(self, most: int, most_bytes: int, on_evicted: Callable[[Any, str], None]) -> None:
        self._most = most
        self._most_bytes = most_bytes
        self._on_evicted = on_evicted
        self._lock = threading.Lock()
        self._kept: dict[Orphan, int] = {}
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._kept)

    def add(self, session: Orphan) -> None:
        """The last browser of a session is gone."""
        with self._lock:
            self._drop(session)
            self._kept[session] = session.weight
            self._bytes += self._kept[session]
            beyond = []
            while setting := self._exceeded():
                first = self._first() or session
                self._drop(first)
                beyond.append((first, setting))
        for each, setting in beyond:
            self._evict(each, setting)

    def remove(self, session: Orphan) -> None:
        """Somebody has come back to a session, or it has ended."""
        with self._lock:
            self._drop(session)

    def make_room(self, setting: str, which: Callable[[Any], bool] = lambda session: True) -> int | None:
        """End the session that was left first, for somebody who is here.

        Args:
            setting: for whose sake; for the log.
            which: says of a session whether it would make room by its end.

        Returns:
            Its bytes, or ``None`` if there was none.
        """
        while True:
            with self._lock:
                first = self._first(which)
                if first is None:
                    return None
                freed = self._kept[first]
                self._drop(first)
            if self._evict(first, setting):
                return freed

    def _exceeded(self) -> str:
        """The setting of which there is more than it says; a single session is not too large."""
        if len(self._kept) > self._most:
            return "orphans"
        return "orphan_bytes" if self._bytes > self._most_bytes and len(self._kept) > 1 else ""

    def _first(self, which: Callable[[Any], bool] = lambda session: True) -> Orphan | None:
        suitable = [each for each in self._kept if which(each)]
        return next((each for each in suitable if not each.was_seen), next(iter(suitable), None))

    def _drop(self, session: Orphan) -> None:
        self._bytes -= self._kept.pop(session, 0)

    def _evict(self, session: Orphan, setting: str) -> bool:
        if not session.evict():
            return False
        self._on_evicted(session, setting)
        logger.warning("ended a session that nobody has come back to yet, for want of room (%r)", setting)
        return True
