"""Threads that are there only while there is something to do."""

from __future__ import annotations

import sys
import threading

import pytest

from embedsync.helpers import Helpers
from tests.support.no_threads import no_threads

WAIT = 60.0


def test_a_step_that_raises_is_logged_and_the_next_one_runs(caplog: pytest.LogCaptureFixture) -> None:
    helpers, done = Helpers("test", failed="what was to be done was not"), threading.Event()

    def fail() -> None:
        raise MemoryError("no room")

    helpers.submit(fail)
    helpers.submit(lambda: sys.exit(1))
    helpers.submit(done.set)
    assert done.wait(WAIT)
    assert caplog.text.count("what was to be done was not") == 2
    assert "no room" in caplog.text


def test_no_more_steps_run_side_by_side_than_there_may_be_threads() -> None:
    helpers, both, go = (
        Helpers("test", most=2, failed=""),
        threading.Barrier(3, timeout=WAIT),
        threading.Event(),
    )
    running: list[int] = []

    def step() -> None:
        running.append(1)
        if len(running) <= 2:
            both.wait()
        assert go.wait(WAIT)

    for _ in range(3):
        helpers.submit(step)
    both.wait()
    assert (len(running), len(helpers)) == (2, 1)
    go.set()
    last = threading.Event()
    helpers.submit(last.set)
    assert last.wait(WAIT)
    assert len(running) == 3


def test_threads_end_when_there_is_nothing_to_do_and_begin_again() -> None:
    helpers = Helpers("test-of-helpers", failed="")
    for _ in range(3):
        done = threading.Event()
        helpers.submit(done.set)
        assert done.wait(WAIT)
        for each in threading.enumerate():
            if each.name == "test-of-helpers":
                each.join(WAIT)
        assert "test-of-helpers" not in {each.name for each in threading.enumerate()}


def test_where_no_thread_can_be_started_who_submits_is_told_and_nothing_waits() -> None:
    helpers = Helpers("test", failed="")
    with no_threads(), pytest.raises(RuntimeError):
        helpers.submit(lambda: None)
    assert len(helpers) == 0
