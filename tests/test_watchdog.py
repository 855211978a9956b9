"""Turns that take long, in a hub whose browsers are in memory."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from embedsync import wire
from embedsync.app import SessionInfo
from embedsync.hub import Hub
from embedsync.settings import Settings
from tests.asgi.toyapp import CLICK, ToyRecipe, set_value
from tests.support.memory import WAIT, MemoryBrowser, wait_until


@pytest.fixture
def release() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


@pytest.fixture
def make(release: threading.Event) -> Iterator[Callable[..., Hub]]:
    """Makes hubs with an app whose clicks hang until they are released."""
    hubs: list[Hub] = []

    def made(clicked: Callable[[SessionInfo], Any] | None = None, **settings: Any) -> Hub:
        def hang(info: SessionInfo) -> None:
            assert release.wait(WAIT)

        hub = Hub("key", Settings(**settings))
        hub.add_app("toy", ToyRecipe(clicked or hang))
        hubs.append(hub)
        return hub

    yield made
    release.set()
    for hub in hubs:
        hub.stop()


def live(hub: Hub) -> MemoryBrowser:
    browser = MemoryBrowser(hub).open(hub.ticket("toy"))
    browser.wait_for(wire.SnapshotFrame)
    return browser


def wait_until_told(browser: MemoryBrowser, *, busy: bool) -> None:
    """Wait until this is what a browser was told last: turns before may have been slow as well."""

    def told() -> bool:
        notices = [each for each in browser.frames if isinstance(each, wire.Notice)]
        return bool(notices) and notices[-1].busy is busy

    wait_until(told)


def test_browsers_are_told_that_a_session_is_at_work_and_when_it_is_done(
    make: Callable[..., Hub], release: threading.Event
) -> None:
    browser = live(make(busy_after=0.1))
    browser.edit(1, CLICK)
    wait_until_told(browser, busy=True)
    release.set()
    wait_until_told(browser, busy=False)


def test_who_comes_back_to_a_session_at_work_is_told_as_well(
    make: Callable[..., Hub], release: threading.Event
) -> None:
    hub = make(busy_after=0.1)
    browser = live(hub)
    browser.edit(1, CLICK)
    wait_until_told(browser, busy=True)
    browser.endpoint.lost()
    again = MemoryBrowser(hub).resume(browser.wait_for(wire.Opened))
    wait_until_told(again, busy=True)
    release.set()
    wait_until_told(again, busy=False)


def test_a_quick_callback_is_nobodys_concern(make: Callable[..., Hub]) -> None:
    browser = live(make(lambda info: None, busy_after=10))
    for cseq in range(1, 20):
        browser.edit(cseq, CLICK)
    browser.wait_for(wire.Result, 19)
    assert not [each for each in browser.frames if isinstance(each, wire.Notice)]


def test_the_log_says_where_slow_code_is(make: Callable[..., Hub], caplog: pytest.LogCaptureFixture) -> None:
    hub = make(slow_turn=1.0)
    with caplog.at_level(logging.WARNING):
        live(hub).edit(1, CLICK)
        wait_until(lambda: "release.wait" in caplog.text)  # The line that hangs.
    assert "slow_turn" in caplog.text
    assert hub.counters.read()["slow_turns"] >= 1, "the build may have been slow as well"


def test_code_that_never_comes_back_costs_its_session_and_no_other(make: Callable[..., Hub]) -> None:
    hub = make(turn_limit=1.0, workers=2, workers_limit=2, long_turn=0.05)
    hanging = [live(hub) for _ in range(6)]
    for browser in hanging:
        browser.edit(1, CLICK)
    for browser in hanging:
        assert browser.wait_for(wire.Closed).code == wire.Close.TOO_SLOW
    wait_until(lambda: not hub.sessions)
    free = live(hub)
    free.edit(1, set_value(4))
    assert free.wait_for(wire.Result).commit
    assert hub.pool.lost == 6
    assert hub.counters.read()["turns_given_up"] == 6


def test_a_thread_that_comes_back_after_all_ends_and_writes_nowhere(
    make: Callable[..., Hub], release: threading.Event
) -> None:
    hub = make(turn_limit=1.0)
    browser = live(hub)
    browser.edit(1, CLICK)
    browser.wait_for(wire.Closed)
    frames = len(browser.frames)
    release.set()
    wait_until(lambda: hub.pool.lost == 0)
    assert len(browser.frames) == frames


def test_more_lost_threads_than_allowed_are_told_as_critical(
    make: Callable[..., Hub], caplog: pytest.LogCaptureFixture
) -> None:
    hub = make(turn_limit=1.0, lost_threads=1)
    for browser in [live(hub), live(hub)]:
        browser.edit(1, CLICK)
        browser.wait_for(wire.Closed)
    wait_until(lambda: "restart this process" in caplog.text)
    assert hub.pool.lost == 1


def test_asynchronous_code_that_never_comes_back_is_cancelled(make: Callable[..., Hub]) -> None:
    cancelled = threading.Event()

    async def hang(info: SessionInfo) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    hub = make(turn_limit=1.0)
    hub.add_app("async", _Asynchronous(hang))
    browser = MemoryBrowser(hub).open(hub.ticket("async"))
    assert browser.wait_for(wire.Closed).code == wire.Close.TOO_SLOW
    assert cancelled.wait(WAIT)
    wait_until(lambda: not hub.sessions)


class _Asynchronous(ToyRecipe):
    """Awaits something while a document is built."""

    def build(self, host: Any, session: SessionInfo) -> Any:
        yield self.clicked(session)
        return (yield from super().build(host, session))
