"""Bringing a browser up to date that has missed something: from the log, or with the whole document."""

from __future__ import annotations

import logging
from collections.abc import Callable

from embedsync import wire
from embedsync.counters import Counters
from embedsync.errors import MailboxFull, SessionEnded
from embedsync.live.built import Built
from embedsync.live.failures import Failures
from embedsync.live.leaving import Leaving
from embedsync.live.visit import Visit
from embedsync.mailbox import Mailbox
from embedsync.replica import Replica
from embedsync.scheduler import Scheduler
from embedsync.session import CatchUp

__all__ = ["CatchingUp"]

logger = logging.getLogger("embedsync.session")


class CatchingUp:
    """Sends browsers what they lack.

    Args:
        visit: knows the session's id.
        built: has the log and the document.
        mailbox: runs turns that send the whole document.
        failures: takes what these raise.
        leaving: sends browsers away that cannot be sent it.
        counters: the process's.
        scheduler: the process's.
        clock: seconds that never go back.
        resync_interval: seconds between two whole documents that one browser asks for.
    """

    def __init__(
        self,
        visit: Visit,
        built: Built,
        mailbox: Mailbox,
        failures: Failures,
        leaving: Leaving,
        counters: Counters,
        scheduler: Scheduler,
        *,
        clock: Callable[[], float],
        resync_interval: float,
    ) -> None:
        self._visit = visit
        self._built = built
        self._mailbox = mailbox
        self._failures = failures
        self._leaving = leaving
        self._counters = counters
        self._scheduler = scheduler
        self._clock = clock
        self._resync_interval = resync_interval

    def drained(self, replica: Replica) -> None:
        """A browser that was too slow can take something again."""
        if (core := self._built.core) is not None:
            self.catch_up(replica, core.drained(replica))

    def catch_up(self, replica: Replica, todo: CatchUp) -> None:
        """Do what the log could not."""
        if todo is CatchUp.SNAPSHOT and not replica.snapshot_waits:
            replica.snapshot_waits = True
            self._post_snapshot(replica)

    def resync(self, replica: Replica) -> None:
        """A browser asks for the whole document, which costs much: not more often than once in a while."""
        if replica.snapshot_waits:
            return
        now = self._clock()
        wait = replica.snapshot_at + self._resync_interval - now
        replica.snapshot_at = now + max(0.0, wait)
        if wait <= 0:
            self.catch_up(replica, CatchUp.SNAPSHOT)
        else:
            replica.snapshot_waits = True
            self._scheduler.call_later(wait, lambda: self._post_snapshot(replica))

    def _post_snapshot(self, replica: Replica) -> None:
        core = self._built.core
        if core is None:
            return
        self._counters.count("snapshots_resent")
        try:
            self._mailbox.post(
                lambda: core.send_snapshot(replica), lambda error: self._cannot_resend(replica, error)
            )
        except (MailboxFull, SessionEnded) as error:
            logger.warning("session %s: no snapshot for %s: %s", self._visit.id, replica.id, error)
            replica.snapshot_waits = False
            self._leaving.send_replica_away(replica, wire.Close.BUSY)

    def _cannot_resend(self, replica: Replica, error: BaseException) -> None:
        noted = self._failures.noted(error, "could not show its document")
        self._leaving.send_replica_away(replica, wire.Close.BUILD_FAILED, **noted)
