"""Which tickets have opened a session: each opens one, and no other."""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Callable

__all__ = ["UsedTickets"]


class UsedTickets:
    """Remembers the tickets that were used, for as long as they would open something. Thread-safe.

    When more are used than it may remember, it forgets the one that was used first, and from then on takes
    every ticket that is not younger than that one for used. So none ever opens two sessions; what is lost is
    that pages which lay open for a while have to ask for a fresh ticket first.

    Args:
        limit: tickets that are remembered.
        max_age: seconds for which a ticket opens a session.
        now: the present, in seconds since 1970.
        on_full: told of each ticket that had to be forgotten too early.
    """

    def __init__(
        self,
        limit: int,
        max_age: float,
        *,
        now: Callable[[], float],
        on_full: Callable[[], None] = lambda: None,
    ) -> None:
        self._limit = limit
        self._max_age = max_age
        self._now = now
        self._on_full = on_full
        self._lock = threading.Lock()
        # When each was used, and made; in the order of the former.
        self._used: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._youngest_forgotten = -math.inf

    def use(self, nonce: str, made: float) -> bool:
        """Note that a ticket opens a session. Says whether it may.

        Args:
            nonce: tells the ticket from all others.
            made: when the ticket was made, in seconds since 1970.
        """
        with self._lock:
            self._forget_expired()
            if made <= self._youngest_forgotten or nonce in self._used:
                return False
            self._used[nonce] = (self._now(), made)
            is_full = len(self._used) > self._limit
            if is_full:
                _, (_, forgotten) = self._used.popitem(last=False)
                self._youngest_forgotten = max(self._youngest_forgotten, forgotten)
        if is_full:
            self._on_full()
        return True

    def give_back(self, nonce: str) -> None:
        """A ticket has opened nothing after all, for there was no room."""
        with self._lock:
            self._used.pop(nonce, None)

    def __len__(self) -> int:
        return len(self._used)

    def _forget_expired(self) -> None:
        # Tickets know whole seconds only.
        expired = self._now() - self._max_age - 1
        while self._used:
            nonce, (used, _) = next(iter(self._used.items()))
            if used >= expired:
                return
            del self._used[nonce]
