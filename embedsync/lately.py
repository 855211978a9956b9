"""Whether something was so most of the times of late."""

from __future__ import annotations

__all__ = ["Lately"]

_MOST = 0.5


class Lately:
    """Notes whether it was so, time after time. At the beginning it was not.

    Args:
        weight: of the last time among those that have been, as a part of 1.
    """

    def __init__(self, weight: float) -> None:
        self._weight = weight
        self._part = 0.0

    def note(self, was_so: bool) -> None:
        """It was so once more, or was not."""
        self._part += self._weight * (was_so - self._part)

    @property
    def mostly(self) -> bool:
        """Whether it was so in at least half of the last times."""
        return self._part >= _MOST
