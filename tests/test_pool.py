"""Threads that run app code; real threads, events instead of sleeps."""

import threading
import time
from collections.abc import Iterator

import pytest

from embedsync.pool import Pool
from embedsync.scheduler import Scheduler

WAIT = 20.0


@pytest.fixture
def scheduler() -> Iterator[Scheduler]:
    made = Scheduler(time.monotonic)
    yield made
    made.stop()


def make(scheduler: Scheduler, workers: int = 2, limit: int = 8, long_turn: float = 0.05) -> Pool:
    return Pool(workers, limit, long_turn, clock=time.monotonic, call_later=scheduler.call_later)


def test_nothing_starts_before_the_first_step(scheduler: Scheduler) -> None:
    assert make(scheduler).threads == 0


def test_as_many_hanging_steps_as_workers_do_not_starve_the_rest(scheduler: Scheduler) -> None:
    pool, release, done = make(scheduler), threading.Event(), threading.Event()
    for _ in range(4):
        pool.submit(lambda: release.wait(WAIT) and None)
    pool.submit(done.set)
    assert done.wait(WAIT)
    release.set()
    assert pool.stop(WAIT)


def test_steps_submitted_together_run_side_by_side(scheduler: Scheduler) -> None:
    pool, both = make(scheduler, long_turn=WAIT), threading.Barrier(2)
    done = [threading.Event(), threading.Event()]

    def meet(own: threading.Event) -> None:
        both.wait(WAIT)
        own.set()

    first = threading.Event()
    pool.submit(first.set)
    assert first.wait(WAIT)
    for each in done:
        pool.submit(lambda own=each: meet(own))  # type: ignore[misc]
    assert all(each.wait(WAIT) for each in done)
    assert pool.stop(WAIT)


def test_threads_are_bounded(scheduler: Scheduler) -> None:
    pool, release = make(scheduler, workers=1, limit=3, long_turn=0.01), threading.Event()
    started = threading.Semaphore(0)

    def hang() -> None:
        started.release()
        release.wait(WAIT)

    for _ in range(6):
        pool.submit(hang)
    for _ in range(3):
        assert started.acquire(timeout=WAIT)
    assert pool.threads == 3
    assert not started.acquire(timeout=0.2), "no fourth"
    release.set()
    for _ in range(3):
        assert started.acquire(timeout=WAIT)
    assert pool.stop(WAIT)


def test_threads_beyond_the_workers_end_when_they_are_not_needed(scheduler: Scheduler) -> None:
    pool, release = make(scheduler, workers=1, limit=5, long_turn=0.01), threading.Event()
    done = [threading.Event() for _ in range(4)]

    def hang(own: threading.Event) -> None:
        release.wait(WAIT)
        own.set()

    for each in done:
        pool.submit(lambda own=each: hang(own))  # type: ignore[misc]
    deadline = time.monotonic() + WAIT
    while pool.threads < 4 and time.monotonic() < deadline:
        time.sleep(0.01)
    release.set()
    assert all(each.wait(WAIT) for each in done)
    while pool.threads > 1 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert pool.threads == 1
    assert pool.stop(WAIT)


def test_a_step_that_fails_does_not_take_its_thread_along(
    scheduler: Scheduler, caplog: pytest.LogCaptureFixture
) -> None:
    pool, done = make(scheduler), threading.Event()

    def fail() -> None:
        raise ValueError("of the test")

    pool.submit(fail)
    pool.submit(done.set)
    assert done.wait(WAIT)
    assert pool.stop(WAIT)
    assert "a step failed" in caplog.text
