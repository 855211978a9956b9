"""The replicas of a session that may come back, and how long each is waited for."""

from __future__ import annotations

import threading

from embedsync.live.built import Built
from embedsync.replica import Replica
from embedsync.scheduler import Scheduler, Timer

__all__ = ["KnownReplicas"]


class KnownReplicas:
    """Knows replicas by their ids, from when they were shown the document until they are forgotten.

    Args:
        built: forgets them too.
        scheduler: the process's.
        grace: seconds for which a replica is waited for.
        most_absent: of more than these the ones that left first are forgotten.
    """

    def __init__(self, built: Built, scheduler: Scheduler, *, grace: float, most_absent: int) -> None:
        self._built = built
        self._scheduler = scheduler
        self._grace = grace
        self._most_absent = most_absent
        self._lock = threading.Lock()
        self._known: dict[str, Replica] = {}
        self._absent: dict[Replica, Timer] = {}
        self._ended = False

    def __len__(self) -> int:
        return len(self._known)

    def add(self, replica: Replica) -> None:
        """A replica is shown the document."""
        self._known[replica.id] = replica

    def get(self, replica_id: str) -> Replica | None:
        """The replica of this id."""
        return self._known.get(replica_id)

    def remove(self, replica: Replica) -> None:
        """A replica has gone for good."""
        self._known.pop(replica.id, None)
        self.is_back(replica)

    def is_back(self, replica: Replica) -> None:
        """A replica is waited for no more."""
        timer = self._absent.pop(replica, None)
        if timer is not None:
            timer.cancel()

    def is_away(self, replica: Replica, absence: int) -> None:
        """A replica has lost its browser, for the ``absence``-th time: forget it, unless that comes back."""
        self.is_back(replica)
        # The timer holds the session, so it must not outlive it.
        timer = self._scheduler.call_later(self._grace, lambda: self._forget(replica, absence))
        with self._lock:
            if self._ended:
                timer.cancel()
            else:
                self._absent[replica] = timer
        self._forget_the_first()

    def end(self) -> None:
        """Forget all, and wait for none."""
        with self._lock:
            self._ended = True
        self._known.clear()
        for replica in list(self._absent):
            self.is_back(replica)

    def _forget_the_first(self) -> None:
        """Whoever comes and goes again and again, under new names, is not waited for as often."""
        with self._lock:
            absent = list(self._absent)
        for each in absent[: -self._most_absent]:
            self.is_back(each)
            self._forget(each, each.absences)

    def _forget(self, replica: Replica, absence: int) -> None:
        """A replica whose browser has not come back in time is not kept, though others are here."""
        core = self._built.core
        if core is not None and core.forget(replica, absence):
            self._known.pop(replica.id, None)
            self._absent.pop(replica, None)
