import queue
import threading
import time

import pytest

from embedsync.scheduler import Scheduler
from tests.support.clock import Clock
from tests.support.memory import wait_until
from tests.support.no_threads import no_threads

WAIT = 20.0


def test_calls_come_in_the_order_in_which_they_are_due() -> None:
    clock = Clock()
    scheduler, order = Scheduler(clock), queue.Queue[str]()
    scheduler.call_later(0.05, lambda: order.put("later"))
    scheduler.call_later(0.0, lambda: order.put("now"))
    assert order.get(timeout=WAIT) == "now"
    assert order.empty()
    clock.now += 0.05
    assert order.get(timeout=WAIT) == "later"
    scheduler.stop()


def test_a_cancelled_call_does_not_come() -> None:
    clock = Clock()
    scheduler, order = Scheduler(clock), queue.Queue[str]()
    scheduler.call_later(0.02, lambda: order.put("cancelled")).cancel()
    scheduler.call_later(0.05, lambda: order.put("kept"))
    clock.now += 0.05
    assert order.get(timeout=WAIT) == "kept"
    scheduler.stop()


def test_a_call_that_fails_does_not_stop_the_others(caplog: pytest.LogCaptureFixture) -> None:
    scheduler, done = Scheduler(time.monotonic), threading.Event()

    def fail() -> None:
        raise ValueError("of the test")

    scheduler.call_later(0, fail)
    scheduler.call_later(0.01, done.set)
    assert done.wait(WAIT)
    scheduler.stop()
    assert "a timer failed" in caplog.text


def test_no_thread_starts_without_a_timer_and_none_is_left_after_stop() -> None:
    before = set(threading.enumerate())  # Some of them, of other tests, may be about to end.
    scheduler = Scheduler(time.monotonic)
    assert set(threading.enumerate()) <= before
    scheduler.call_later(WAIT, lambda: None)
    scheduler.stop()
    assert set(threading.enumerate()) <= before


@pytest.mark.parametrize("seconds", [1e12, float("inf")])
def test_a_call_that_is_never_due_does_not_keep_the_others_from_coming(seconds: float) -> None:
    scheduler, done = Scheduler(time.monotonic), threading.Event()
    scheduler.call_later(seconds, lambda: None)
    wait_until(lambda: bool(scheduler._condition._waiters))  # type: ignore[attr-defined]
    scheduler.call_later(0.01, done.set)
    assert done.wait(WAIT)
    scheduler.stop()


def test_where_no_thread_can_be_started_the_next_call_tries_it_again() -> None:
    scheduler, order = Scheduler(time.monotonic), queue.Queue[str]()
    with no_threads(), pytest.raises(RuntimeError):
        scheduler.call_later(0.0, lambda: order.put("refused"))
    scheduler.call_later(0.0, lambda: order.put("taken"))
    assert order.get(timeout=WAIT) == "taken"
    scheduler.stop()
