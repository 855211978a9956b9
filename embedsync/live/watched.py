"""The running turn of a session, as it is looked after: since when, whether it is slow, or never ends."""

from __future__ import annotations

import logging
from collections.abc import Callable

from embedsync import wire
from embedsync.counters import Counters
from embedsync.live.built import Built
from embedsync.live.visit import Visit
from embedsync.watchdog import Watchdog

__all__ = ["WatchedTurns"]

logger = logging.getLogger("embedsync.session")


class WatchedTurns:
    """Stands between a mailbox and the watchdog: a :class:`~embedsync.mailbox.Watch` of the one, and
    :class:`~embedsync.watchdog.Watched` by the other.

    Args:
        visit: knows the names of the app and the session.
        built: the way to the browsers.
        watchdog: the process's.
        counters: the process's.
        clock: seconds that never go back.
        stack: says where the running turn is in its code.
        on_given_up: ends the session without waiting for the running turn.

    Attributes:
        flushed: when the running turn has begun, or has last shown what it had changed so far.
    """

    def __init__(
        self,
        visit: Visit,
        built: Built,
        watchdog: Watchdog,
        counters: Counters,
        *,
        clock: Callable[[], float],
        stack: Callable[[], str],
        on_given_up: Callable[[], None],
    ) -> None:
        self.flushed = 0.0
        self._visit = visit
        self._built = built
        self._watchdog = watchdog
        self._counters = counters
        self._clock = clock
        self._stack = stack
        self._on_given_up = on_given_up

    @property
    def is_busy(self) -> bool:
        """Whether browsers were told that the session is busy."""
        return self._watchdog.is_busy(self)

    def turn_begins(self) -> None:
        """See :class:`~embedsync.mailbox.Watch`."""
        self.flushed = self._clock()
        self._watchdog.begins(self)

    def turn_ends(self) -> None:
        """See :class:`~embedsync.mailbox.Watch`."""
        self._watchdog.ends(self)

    def tell_busy(self, busy: bool) -> None:
        """See :class:`~embedsync.watchdog.Watched`."""
        self._built.notify(wire.Notice(kind=wire.NoticeKind.BUSY, busy=busy))

    def note_slow(self, seconds: float) -> None:
        """See :class:`~embedsync.watchdog.Watched`."""
        self._counters.count("slow_turns")
        self._log(logging.WARNING, "its code has run for %.0f s ('slow_turn'), and is here:\n%s", seconds)

    def give_up(self, seconds: float) -> None:
        """See :class:`~embedsync.watchdog.Watched`."""
        self._counters.count("turns_given_up")
        message = "gave up on code that has run for %.0f s ('turn_limit'), and is here:\n%s"
        self._log(logging.ERROR, message, seconds)
        self._on_given_up()

    def _log(self, level: int, message: str, seconds: float) -> None:
        """Say something of the running turn: for how many seconds it has run, and where it is."""
        name, session = self._visit.app.name, self._visit.id
        logger.log(level, "app %r, session %s: " + message, name, session, seconds, self._stack())
