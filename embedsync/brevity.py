"""How long the callbacks for a property took the last time."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence

__all__ = ["Brevity"]

_BRIEF = 0.001
"""Seconds up to which callbacks are expected to be done as soon the next time."""
_MOST_KNOWN = 1000


class Brevity:
    """Knows what browsers write that callbacks were soon done with the last time.

    Args:
        clock: seconds that never go back. Without it nothing is expected to be brief.
    """

    def __init__(self, clock: Callable[[], float] | None) -> None:
        self._clock = clock
        self._keys: set[Hashable] = set()

    def expected(self, keys: Sequence[Hashable]) -> bool:
        """Whether callbacks for all of these keys, if there are any, are likely to be done soon."""
        return bool(keys) and self._keys.issuperset(keys)

    def begin(self) -> float:
        """The moment at which callbacks begin."""
        return self._clock() if self._clock is not None else 0.0

    def note(self, keys: Sequence[Hashable], begun: float) -> None:
        """The callbacks for these keys have begun at that moment, and are done."""
        if self._clock is None:
            return
        if self._clock() - begun > _BRIEF:
            self._keys.difference_update(keys)
        elif not self._keys.issuperset(keys):
            if len(self._keys) >= _MOST_KNOWN:
                self._keys.clear()
            self._keys.update(keys)
