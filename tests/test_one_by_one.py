"""Steps that never run side by side with each other."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from embedsync.one_by_one import OneByOne
from embedsync.pool import Pool
from embedsync.scheduler import Scheduler
from tests.support.memory import wait_until

WAIT = 20.0


@pytest.fixture
def pool() -> Iterator[Pool]:
    scheduler = Scheduler(time.monotonic)
    pool = Pool(2, 2, 60.0, clock=time.monotonic, call_later=scheduler.call_later)
    yield pool
    assert pool.stop(WAIT)
    scheduler.stop()


def test_steps_run_in_order_and_one_at_a_time(pool: Pool) -> None:
    steps, order, together, done = OneByOne(pool), [], [], threading.Event()
    inside = threading.Lock()

    def step(number: int) -> None:
        together.append(not inside.acquire(blocking=False))
        order.append(number)
        time.sleep(0)
        inside.release()
        if number == 99:
            done.set()

    for number in range(100):
        steps.submit(lambda number=number: step(number))
    assert done.wait(WAIT)
    assert order == list(range(100))
    assert not any(together)


def test_they_never_take_more_than_one_thread_of_the_pool(pool: Pool) -> None:
    steps, proceed, other = OneByOne(pool), threading.Event(), threading.Event()
    for _ in range(10):
        steps.submit(lambda: proceed.wait(WAIT))
    pool.submit(other.set)
    assert other.wait(WAIT)
    proceed.set()


def test_after_one_that_raises_the_next_one_runs(pool: Pool, caplog: pytest.LogCaptureFixture) -> None:
    steps, done = OneByOne(pool), threading.Event()

    def fails() -> None:
        raise ZeroDivisionError

    steps.submit(fails)
    steps.submit(done.set)
    assert done.wait(WAIT)
    wait_until(lambda: "ZeroDivisionError" in caplog.text)
