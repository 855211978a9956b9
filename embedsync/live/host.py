"""What the document of a session may ask for: the host of :class:`~embedsync.document.DocumentHost`."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from embedsync.document import Cancel
from embedsync.errors import MailboxFull, SessionEnded
from embedsync.live.built import Built
from embedsync.live.failures import Failures
from embedsync.live.turns import Turns
from embedsync.live.visit import Visit
from embedsync.live.watched import WatchedTurns
from embedsync.mailbox import Mailbox, Turn
from embedsync.scheduler import Scheduler

__all__ = ["Host"]

logger = logging.getLogger("embedsync.session")


class Host:
    """Posts the turns of a document, and sends what they have changed before they end.

    Args:
        visit: knows the session's id.
        built: the document.
        mailbox: runs turns.
        turns: makes them.
        watched: knows when the running turn was last flushed.
        failures: takes exceptions of app code.
        scheduler: the process's.
        clock: seconds that never go back.
        flush_interval: seconds between flushes of a turn by itself; none if ``None``.
    """

    def __init__(
        self,
        visit: Visit,
        built: Built,
        mailbox: Mailbox,
        turns: Turns,
        watched: WatchedTurns,
        failures: Failures,
        scheduler: Scheduler,
        *,
        clock: Callable[[], float],
        flush_interval: float | None,
    ) -> None:
        self._visit = visit
        self._built = built
        self._mailbox = mailbox
        self._turns = turns
        self._watched = watched
        self._clock = clock
        self._flush_interval = flush_interval
        self._failures = failures
        self._scheduler = scheduler

    def post(self, turn: Turn) -> None:
        """Run a turn that commits what it changed; see :class:`~embedsync.document.DocumentHost`."""
        try:
            self._mailbox.post(lambda: self._turns.committing(turn))
        except SessionEnded:
            logger.debug("session %s has ended; a posted turn is dropped", self._visit.id)

    def update(self, function: Callable[[Any], Any]) -> bool:
        """Run ``function(doc)`` as a turn. Says whether there will be one."""

        def turn() -> Iterator[Awaitable[Any]] | None:
            core = self._built.core
            return core.document.visit(function) if core is not None else None

        try:
            self._mailbox.post(lambda: self._turns.committing(turn))
        except SessionEnded:
            return False
        except MailboxFull as full:
            logger.warning("session %s: an update was dropped: %s", self._visit.id, full)
            return False
        return True

    def call_later(self, seconds: float, call: Callable[[], None]) -> Cancel:
        """See :class:`~embedsync.document.DocumentHost`."""
        return self._scheduler.call_later(seconds, call)

    def flush(self) -> None:
        """Send what has changed so far, from inside a turn."""
        core = self._built.core
        if core is not None and self._mailbox.is_turn:
            core.commit()

    def progress(self) -> None:
        """See :class:`~embedsync.document.DocumentHost`."""
        core, interval = self._built.core, self._flush_interval
        if interval is None or core is None or not self._mailbox.is_turn:
            return
        now = self._clock()
        if now >= self._watched.flushed + interval:
            self._watched.flushed = now
            core.commit()

    @property
    def superseded(self) -> bool:
        """See :class:`~embedsync.document.DocumentHost`."""
        return self._mailbox.is_turn and self._mailbox.is_superseded

    def report(self, error: BaseException, what: str) -> None:
        """See :class:`~embedsync.document.DocumentHost`."""
        self._failures.report(error, what)
