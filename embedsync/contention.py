"""Whether threads wait for each other, told from how late they wake and what they take of the processors."""

from __future__ import annotations

import time
from collections.abc import Callable

from embedsync.lately import Lately
from embedsync.processor_use import ProcessorUse

__all__ = ["Contention"]

_LATE = 0.0006
"""Seconds. Where a thread computes, one that wakes has to wait until that lets go of the interpreter: up to
`sys.getswitchinterval()`, which is 5 ms, or 1 ms with `tune_interpreter`. Where all wait for something else
it comes after two tenths of a millisecond, or sooner."""
_WEIGHT = 0.2
"""Of the last one among those that have come so far."""
_ONE = 0.92
"""Part of a processor that threads take at least which have the interpreter one after the other, and want it
all the time."""
_MORE_THAN_ONE = 1.2
"""Part of a processor from which they do without the interpreter for a good part. What is less is taken by
the kernel, which sends what they have to say."""
_ENOUGH = 2
"""Looks in a row that find one processor taken, until it is believed: a thread that was just added has not
begun at once."""
_REST = 16
"""Looks for which none is added where one is enough, until it is tried again."""


class Contention:
    """Looks, again and again, at threads that take what there is to do. At the beginning none wait.

    A thread that computes lets go of the interpreter whenever it sends something, which may be often. Then
    others come in time, and wait all the same: together they take one processor, however many they are.

    Args:
        processor_time: seconds of processors that this process has taken.
    """

    def __init__(self, processor_time: Callable[[], float] = time.process_time) -> None:
        self._use = ProcessorUse(processor_time)
        self._late = Lately(_WEIGHT)
        self._is_known = self._is_all_taken = False
        self._alike = 0
        self._rest = 0

    def note_wake(self, late: float) -> None:
        """A thread wakes so many seconds after it was to."""
        self._late.note(late >= _LATE)

    def note_wait(self, now: float, abreast: int) -> None:
        """Something waits to be done, and all had something to do since the last time, unless called off.

        Args:
            now: seconds.
            abreast: how many threads take what waits.
        """
        part = self._use.look(now)
        self._is_known = part is not None
        if part is None:
            return
        self._is_all_taken = part >= _ONE
        is_one = abreast > 1 and _ONE <= part <= _MORE_THAN_ONE
        self._alike = self._alike + 1 if is_one else 0
        self._rest = _REST if self._alike >= _ENOUGH else max(self._rest - 1, 0)

    def call_off(self) -> None:
        """Some thread has nothing to do, or had nothing for a moment."""
        self._use.forget()
        self._is_known = False

    @property
    def is_high(self) -> bool:
        """Whether threads wait for each other: there are to be fewer."""
        return self._late.mostly or (self._is_known and self._alike >= _ENOUGH)

    @property
    def allows_more(self) -> bool:
        """Whether there may be one more."""
        return self._is_known and not self.is_high and not (self._is_all_taken and self._rest)
