"""A hub without threads: a test moves its clock, runs its turns and ends what they await.

Only what would start a thread is replaced. All that decides anything is the real thing.
"""

from __future__ import annotations

import asyncio
import contextvars
import heapq
import itertools
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any
from unittest import mock

import embedsync.equipment
import embedsync.hub.lifetime
from embedsync.apploop import Done
from embedsync.hub import Hub
from embedsync.scheduler import Timer
from embedsync.settings import Settings

__all__ = ["Machinery", "StandingLoop", "StandingPool", "StandingScheduler"]


class StandingScheduler:
    """Timers that run when the test lets time pass."""

    def __init__(self, now: float) -> None:
        self.now = now
        self._heap: list[tuple[float, int, Timer]] = []
        self._order = itertools.count()

    def call_later(self, seconds: float, call: Callable[[], None]) -> Timer:
        timer = Timer(self.now + seconds, call)
        heapq.heappush(self._heap, (timer.due, next(self._order), timer))
        return timer

    def advance(self, seconds: float) -> None:
        end = self.now + seconds
        while self._heap and self._heap[0][0] <= end:
            due, _, timer = heapq.heappop(self._heap)
            self.now = max(self.now, due)
            call, timer.call = timer.call, None
            if call is not None:
                call()
        self.now = end

    @property
    def timers(self) -> int:
        """How many have not run, nor been cancelled."""
        return sum(timer.call is not None for _, _, timer in self._heap)

    def stop(self) -> None:
        self._heap.clear()


class StandingPool:
    """Steps that run when the test says so. Those that wait belong to different sessions, so that
    any of them may be next."""

    threads = 1
    lost = 0

    def __init__(self) -> None:
        self.waiting: list[Callable[[], None]] = []
        self._stopped = False

    def submit(self, step: Callable[[], None], *, at_end: bool = False) -> None:
        if not self._stopped:
            self.waiting.append(step)

    def expect_long(self) -> None:
        """Nobody is held up by a step."""

    def may_go_on(self) -> bool:
        """What waits for other sessions may come between any two steps."""
        return False

    def lose(self, thread: int) -> None:
        """There is no thread to lose."""

    def stop(self, timeout: float) -> bool:
        self._stopped = True
        self.waiting.clear()
        return True


class StandingLoop:
    """Awaitables that end when the test says so."""

    is_here = False

    def __init__(self) -> None:
        self.awaited: list[_Awaited] = []

    def run(self, awaitable: Awaitable[Any], context: contextvars.Context, done: Done) -> Callable[[], None]:
        awaited = _Awaited(done)
        self.awaited.append(awaited)
        return awaited.cancel

    def end(self, which: int) -> None:
        """One of them ends: with ``None``, or because it was cancelled."""
        awaited = self.awaited.pop(which % len(self.awaited))
        awaited.done(None, asyncio.CancelledError() if awaited.cancelled else None)

    def stop(self, timeout: float) -> bool:
        while self.awaited:
            self.awaited[0].cancel()
            self.end(0)
        return True


class _Awaited:
    def __init__(self, done: Done) -> None:
        self.done = done
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class Machinery:
    """A hub, and what moves it.

    Args:
        settings: of the hub.
        now: where its clock stands.
        wall_clock: seconds since 1970.
        random_id: makes its ids.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        now: float,
        wall_clock: Callable[[], float],
        random_id: Callable[[], str],
    ) -> None:
        self.scheduler = StandingScheduler(now)
        self.pool = StandingPool()
        self.loop = StandingLoop()
        with mock.patch.multiple(
            embedsync.equipment,
            Scheduler=lambda clock: self.scheduler,
            Pool=lambda *args, **kwargs: self.pool,
            AppLoop=lambda: self.loop,
        ):
            self.hub = Hub(
                "key", settings, clock=lambda: self.scheduler.now, wall_clock=wall_clock, random_id=random_id
            )

    def stop(self, run_turns: Callable[[], None]) -> None:
        """Stop the hub; turns run while it waits for them."""

        def sleep(seconds: float) -> None:
            run_turns()
            self.scheduler.advance(seconds)

        time = SimpleNamespace(monotonic=lambda: self.scheduler.now, sleep=sleep)
        with mock.patch.object(embedsync.hub.lifetime, "time", time):
            self.hub.stop()
