"""Looks after turns that take long: tells the browsers, writes it down, and ends those that never end."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol

from embedsync.scheduler import Timer
from embedsync.settings import Settings

__all__ = ["Watchdog", "Watched"]

_LOOK_EVERY = 0.1
"""Seconds between looks, while any turn runs."""


class Watched(Protocol):
    """A session whose turns are looked after. All methods are called on the scheduler's thread, or where
    the turn ends, and must be short."""

    def tell_busy(self, busy: bool) -> None:
        """Tell the browsers that the session works on something, or that it has done so."""

    def note_slow(self, seconds: float) -> None:
        """Write down that a turn has run for so long, and where it is."""

    def give_up(self, seconds: float) -> None:
        """The turn has run for too long: end the session without waiting for it."""


class _Turn:
    __slots__ = ("noted", "started", "told")

    def __init__(self, started: float) -> None:
        self.started = started
        self.told = False
        self.noted = False


class Watchdog:
    """Knows which sessions are in a turn, and since when.

    A turn costs two entries in a dictionary; time is only looked at ten times a second.

    Args:
        settings: how long is long.
        clock: seconds that never go back.
        call_later: the scheduler.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Callable[[], float],
        call_later: Callable[[float, Callable[[], None]], Timer],
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._call_later = call_later
        self._lock = threading.Lock()
        self._turns: dict[Watched, _Turn] = {}
        self._looking = False

    def begins(self, session: Watched) -> None:
        """A turn of the session begins."""
        self._turns[session] = _Turn(self._clock())
        if not self._looking:
            with self._lock:
                self._look_later()

    def ends(self, session: Watched) -> None:
        """Its turn has ended, or was given up."""
        turn = self._turns.pop(session, None)
        if turn is not None and turn.told:
            session.tell_busy(False)

    def is_busy(self, session: Watched) -> bool:
        """Whether the session's browsers were told that it is busy."""
        turn = self._turns.get(session)
        return turn is not None and turn.told

    def _look_later(self) -> None:
        if not self._looking:
            self._looking = True
            self._call_later(_LOOK_EVERY, self._look)

    def _look(self) -> None:
        now = self._clock()
        for session, turn in list(self._turns.items()):
            self._judge(session, turn, now - turn.started)
        with self._lock:
            self._looking = False
            if self._turns:
                self._look_later()

    def _judge(self, session: Watched, turn: _Turn, seconds: float) -> None:
        settings = self._settings
        if seconds >= settings.busy_after and not turn.told:
            turn.told = True
            session.tell_busy(True)
            if self._turns.get(session) is not turn:
                session.tell_busy(False)  # It has ended just now, and may not have seen that it was told.
        if seconds >= settings.slow_turn and not turn.noted:
            turn.noted = True
            session.note_slow(seconds)
        if settings.turn_limit is not None and seconds >= settings.turn_limit:
            session.give_up(seconds)
