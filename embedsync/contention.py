"""Whether threads wait for each other, told from how late those come that were to wake at some moment."""

from __future__ import annotations

__all__ = ["Contention"]

_LATE = 0.0006
"""Seconds. Where a thread computes, one that wakes has to wait until that lets go of the interpreter: up to
`sys.getswitchinterval()`, which is 5 ms, or 1 ms with `tune_interpreter`. Where all wait for something else
it comes after two tenths of a millisecond, or sooner."""
_WEIGHT = 0.2
"""Of the last one among those that have come so far."""
_MANY = 0.5


class Contention:
    """Notes how late threads come. At the beginning none do."""

    def __init__(self) -> None:
        self._late = 0.0

    def note(self, seconds: float) -> None:
        """A thread comes so many seconds after it was to wake."""
        self._late += _WEIGHT * ((seconds >= _LATE) - self._late)

    @property
    def is_high(self) -> bool:
        """Whether most of those that came last were late: the interpreter, or the processors, are taken."""
        return self._late >= _MANY
