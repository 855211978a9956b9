"""How often something may happen: so many times at once, and so many a second after that. No clock."""

from __future__ import annotations

__all__ = ["Bucket"]


class Bucket:
    """A token bucket: full at first, and filled up again evenly.

    Args:
        rate: tokens that come each second.
        most: tokens that it holds.
        now: the present, in seconds of any clock that never goes back; so are all other ``now``.
    """

    def __init__(self, rate: float, most: float, now: float) -> None:
        self._rate = rate
        self._most = most
        self._tokens = most
        self._filled = now

    def take(self, now: float) -> bool:
        """Take a token. Says whether there was one."""
        self._tokens = min(self._most, self._tokens + max(0.0, now - self._filled) * self._rate)
        self._filled = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
