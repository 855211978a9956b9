"""Who is here: the browsers of a session, whether more are let in, and how long it waits when nobody is."""

from __future__ import annotations

import threading
from collections.abc import Callable

from embedsync.endpoint import Attachment
from embedsync.errors import SessionEnded
from embedsync.orphans import Orphan, Orphans
from embedsync.replica import Replica
from embedsync.scheduler import Scheduler, Timer

__all__ = ["Presence"]


class Presence:
    """Holds the attachments of a session.

    Args:
        session: what is an orphan while nobody is here.
        orphans: the process's.
        scheduler: the process's.
        grace: says for how many seconds the session is kept with nobody here.
        unclaimed: seconds for which it is kept for the browser that its page goes to.

    Attributes:
        is_closed: whether nobody is let in any more.
    """

    def __init__(
        self,
        session: Orphan,
        orphans: Orphans,
        scheduler: Scheduler,
        *,
        grace: Callable[[], float],
        unclaimed: float,
    ) -> None:
        self.is_closed = False
        self._session = session
        self._orphans = orphans
        self._scheduler = scheduler
        self._grace = grace
        self._unclaimed_grace = unclaimed
        self._lock = threading.Lock()
        self._attached: dict[Attachment, Replica] = {}
        self._unclaimed = False
        self._timer: Timer | None = None

    def __len__(self) -> int:
        return len(self._attached)

    def __contains__(self, attachment: Attachment) -> bool:
        return attachment in self._attached

    def before_close(self, do: Callable[[], None]) -> bool:
        """Do something that has to be done before nobody is let in any more. Says whether it was."""
        with self._lock:
            if self.is_closed:
                return False
            do()
            return True

    def places_of(self, replica: Replica) -> list[Attachment]:
        """The attachments of a replica; more than one only while one takes the place of another."""
        with self._lock:
            return [each for each, its in self._attached.items() if its is replica]

    def enter(self, attachment: Attachment, replica: Replica) -> None:
        """An attachment takes part from now on, in place of those that its replica had.

        Raises:
            SessionEnded: it has come too late.
        """
        with self._lock:
            if self.is_closed:
                raise SessionEnded("the session has ended")
            for ghost in [each for each, its in self._attached.items() if its is replica]:
                del self._attached[ghost]
            self._attached[attachment] = replica
            self._unclaimed = False
        self._orphans.remove(self._session)

    def leave(self, attachment: Attachment) -> bool:
        """An attachment takes part no more. Says whether it did until now."""
        with self._lock:
            return self._attached.pop(attachment, None) is not None

    def close(self, *, if_deserted: bool = False) -> list[Attachment] | None:
        """Let nobody in any more, and wait for nobody. Once.

        Args:
            if_deserted: only if nobody is here.

        Returns:
            Who was here; ``None`` if nothing has come of this call.
        """
        with self._lock:
            if self.is_closed or (if_deserted and self._attached):
                return None
            self.is_closed = True
            attached, self._attached = list(self._attached), {}
        self._orphans.remove(self._session)
        self.stop_waiting()
        return attached

    def expect_claim(self) -> None:
        """A page is made, whose browser may come for the first time."""
        self._unclaimed = True

    def wait_if_deserted(self) -> None:
        """With nobody here, end after the grace, unless somebody comes; at once if nobody can."""
        grace = self._grace()
        if self._unclaimed:
            grace = max(grace, self._unclaimed_grace)
        with self._lock:
            if self._attached or self.is_closed:
                return
            self.stop_waiting()
            self._timer = self._scheduler.call_later(grace, self._end)
        if grace <= 0:
            return
        self._orphans.add(self._session)
        with self._lock:
            is_orphan = not self._attached and not self.is_closed
        if not is_orphan:
            # Somebody has come back, or it has ended, just before.
            self._orphans.remove(self._session)

    def stop_waiting(self) -> None:
        """Somebody comes."""
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()

    def _end(self) -> None:
        self._session.evict()
