"""Whether threads wait for each other, told from how late those come that were to wake at some moment."""

from __future__ import annotations

from embedsync.lately import Lately

__all__ = ["Contention"]

_LATE = 0.0006
"""Seconds. Where a thread computes, one that wakes has to wait until that lets go of the interpreter: up to
`sys.getswitchinterval()`, which is 5 ms, or 1 ms with `tune_interpreter`. Where all wait for something else
it comes after two tenths of a millisecond, or sooner."""
_WEIGHT = 0.2
"""Of the last one among those that have come so far."""


class Contention:
    """Notes how late threads come. At the beginning none do."""

    def __init__(self) -> None:
        self._late = Lately(_WEIGHT)

    def note(self, seconds: float) -> None:
        """A thread comes so many seconds after it was to wake."""
        self._late.note(seconds >= _LATE)

    @property
    def is_high(self) -> bool:
        """Whether most of those that came last were late: the interpreter, or the processors, are taken."""
        return self._late.mostly
