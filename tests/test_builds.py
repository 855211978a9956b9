"""Documents that are built one after the other, unless one waits for something or takes long."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import pairwise

import pytest

from embedsync.builds import Builds
from embedsync.pool import Pool
from embedsync.scheduler import Scheduler
from tests.property.deterministic import StandingScheduler
from tests.support.memory import wait_until
from tests.test_pool import Step

WAIT = 20.0


class Watched:
    """Builds on a real pool, whose clock, processor time and looks are those of the test."""

    def __init__(self, pool: Pool) -> None:
        self._timers = StandingScheduler(100.0)
        self._taken = 100.0
        self.builds = Builds(
            pool,
            clock=lambda: self._timers.now,
            call_later=self._timers.call_later,
            processor_time=lambda: self._taken,
        )

    def pass_by(self, seconds: float, part: float) -> None:
        """Let time pass, in which the process takes a part of a processor, and make the looks."""
        self._taken += part * seconds
        self._timers.advance(seconds)

    def begin(self, count: int) -> list[Step]:
        steps = [Step(self.builds) for _ in range(count)]
        steps[0].wait()
        return steps


@pytest.fixture
def watched() -> Iterator[Watched]:
    scheduler = Scheduler(time.monotonic)
    pool = Pool(8, 8, 60.0, clock=time.monotonic, call_later=scheduler.call_later)
    yield Watched(pool)
    assert pool.stop(WAIT)
    scheduler.stop()


def test_while_one_document_is_built_the_next_one_waits(watched: Watched) -> None:
    steps = watched.begin(3)
    watched.pass_by(0.01, part=1.0)
    for step, following in pairwise(steps):
        assert not following.has_begun
        step.end()
        following.wait()
    steps[-1].end()


def test_a_build_that_waits_for_something_else_holds_up_no_other(watched: Watched) -> None:
    steps = watched.begin(3)
    for following in steps[1:]:
        watched.pass_by(0.01, part=0.1)
        following.wait()
    for each in steps:
        each.end()


def test_a_build_that_takes_long_holds_up_no_other(watched: Watched) -> None:
    steps = watched.begin(2)
    for _ in range(9):
        watched.pass_by(0.01, part=1.0)
    assert not steps[1].has_begun
    watched.pass_by(0.02, part=1.0)
    steps[1].wait()
    for each in steps:
        each.end()


def test_whoever_was_overtaken_makes_room_for_nobody(watched: Watched) -> None:
    first, second, third = watched.begin(3)
    watched.pass_by(0.01, part=0.1)
    second.wait()
    first.end()
    watched.pass_by(0.01, part=1.0)
    assert not third.has_begun
    second.end()
    third.wait()
    third.end()


def test_after_a_build_that_raises_the_next_one_begins(
    watched: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        assert held.has_begun
        raise ZeroDivisionError

    held = watched.begin(1)[0]
    watched.builds.submit(fail)
    after = Step(watched.builds)
    held.end()
    after.wait()
    after.end()
    wait_until(lambda: "ZeroDivisionError" in caplog.text)  # It is logged beside the one that follows.
