"""Turns of several sessions on the threads of a pool."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import nullcontext

import pytest

from embedsync.apploop import AppLoop
from embedsync.mailbox import Mailbox
from embedsync.pool import Pool
from embedsync.scheduler import Timer

WAIT = 20.0


class Site:
    """Two sessions on one thread, whose clock stands unless the test moves it."""

    def __init__(self) -> None:
        self.now = 100.0
        self.done: list[str] = []
        self._loop = AppLoop()
        self.pool = Pool(
            1,
            1,
            60.0,
            clock=lambda: self.now,
            call_later=lambda seconds, call: Timer(self.now + seconds, call),
        )
        self.one, self.other = self._session(), self._session()

    def _session(self) -> Mailbox:
        return Mailbox(
            self.pool,
            self._loop,
            10,
            1000,
            edit_turn=lambda waiting: iter(()),
            context=nullcontext,
            report=self._report,
        )

    def _report(self, error: BaseException, what: str) -> None:
        raise AssertionError(what) from error

    def run(self, seconds: float) -> list[str]:
        """Run three turns of one session, of so many seconds each, and one of another that came meanwhile."""
        begun, proceed, over = threading.Event(), threading.Event(), threading.Event()

        def turn(name: str) -> None:
            begun.set()
            assert proceed.wait(WAIT)
            self.now += seconds
            self.done.append(name)
            if len(self.done) == 4:
                over.set()

        self.one.post(lambda: turn("first"))
        assert begun.wait(WAIT)
        self.other.post(lambda: turn("other"))
        self.one.post(lambda: turn("second"))
        self.one.post(lambda: turn("third"))
        proceed.set()
        assert over.wait(WAIT)
        return self.done


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()
    yield made
    assert made.pool.stop(WAIT)


def test_brief_turns_of_a_session_that_wait_follow_each_other(site: Site) -> None:
    assert site.run(0.0001) == ["first", "second", "third", "other"]


def test_other_sessions_have_their_turn_after_a_moment(site: Site) -> None:
    assert site.run(0.0015) == ["first", "other", "second", "third"]
