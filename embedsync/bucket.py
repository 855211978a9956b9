"""How often something may happen: so many times at once, and so many a second after that. No clock."""

from __future__ import annotations

__all__ = ["Bucket", "bursting"]

_SECONDS_AT_ONCE = 5
"""What comes late comes together: all that a bad link held up, or a browser says again once it is back."""


def bursting(rate: float, now: float) -> Bucket:
    """A bucket for what comes over a network: so many a second, and five times as many at once."""
    return Bucket(rate, max(1.0, rate * _SECONDS_AT_ONCE), now)


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
        self._fill(now)
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def is_full(self, now: float) -> bool:
        """Whether it is as good as a new one."""
        self._fill(now)
        return self._tokens >= self._most

    def _fill(self, now: float) -> None:
        passed, self._filled = now - self._filled, now
        if passed > 0:
            tokens = self._tokens + passed * self._rate
            self._tokens = tokens if tokens < self._most else self._most
