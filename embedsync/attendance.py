"""Which thread of the pool looks after its sockets, and whether one is to do so again."""

from __future__ import annotations

import threading
from collections.abc import Callable

__all__ = ["Attendance"]

_UNREAD = 0.001
"""Seconds after which sockets are read between two steps, though others wait; more, if to read takes more."""
_LONGEST_UNREAD = 0.25
"""The same, at the most."""


class Attendance:
    """Notes who looks after sockets: one thread at a time. All of it is used with the lock of the pool held.

    Args:
        clock: seconds that never go back.

    Attributes:
        thread: that looks after sockets; ``None`` if none does.
        waits: whether it stays until something is to be run, or it is called away.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.thread: int | None = None
        self.waits = False
        self._stays = False
        self._begun = self._ended = 0.0
        self._pause = _UNREAD

    def begin(self, *, wait: bool) -> None:
        """The calling thread looks after sockets from now on."""
        self.thread, self.waits, self._stays = threading.get_ident(), wait, wait
        self._begun = self._clock()

    def call_away(self) -> None:
        """The thread that waits there is to do something else."""
        self.waits = False

    def end(self) -> bool:
        """It looks after them no more. Says whether it was called away."""
        was_called_away = self._stays and not self.waits
        self.thread, self.waits = None, False
        self._ended = self._clock()
        # Steps have as much time as reading: else what is read piles up, and is not run.
        took = 0.0 if self._stays else self._ended - self._begun
        self._pause = min(max(_UNREAD, took), _LONGEST_UNREAD)
        return was_called_away

    @property
    def is_mine(self) -> bool:
        """Whether it is the calling thread that looks after them."""
        return self.thread == threading.get_ident()

    @property
    def is_due(self) -> bool:
        """Whether they were not looked at for so long that steps may wait for once."""
        return self._clock() - self._ended > self._pause

    @property
    def reads(self) -> bool:
        """Whether a thread reads what was there, and does not wait for more."""
        return self.thread is not None and not self.waits

    def reads_since(self, moment: float) -> bool:
        """Whether one does, and has begun to after this moment."""
        return self.reads and self._begun > moment
