"""Who may use an app: when a session is opened, when it is resumed, and while it lasts."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import pytest

from embedsync import wire
from embedsync.errors import TicketInvalid
from embedsync.hub import Hub
from embedsync.request import Request
from embedsync.settings import Settings
from tests.support.memory import WAIT, MemoryBrowser, ToyRecipe, change, wait_until


class Site:
    """A site whose users come and go."""

    def __init__(self, **settings: Any) -> None:
        self.allowed = {"ada"}
        self.logged_in = {"ada", "eve"}
        self.failing = False
        self.recipe = ToyRecipe()
        self.asking = threading.Event()
        self.proceed = threading.Event()
        self.proceed.set()
        self.hub = Hub("key", Settings(**settings))
        self.hub.add_app("toy", self.recipe, permission=self.permission)
        self.hub.add_app("open", ToyRecipe())
        self.hub.add_app("shared", ToyRecipe(), shared=True)

    def permission(self, request: Request) -> bool:
        self.asking.set()
        assert self.proceed.wait(WAIT)
        if self.failing:
            raise OSError("the database is away")
        return request.user_key in self.allowed

    def browser(self, user: str, app: str = "toy") -> MemoryBrowser:
        return self.connect(user).open(self.hub.ticket(app, user_key=user))

    def connect(self, user: str) -> MemoryBrowser:
        request = Request(user_key=user)

        def reload() -> Request | None:
            if self.failing:
                raise OSError("the database is away")
            return request if user in self.logged_in else None

        return MemoryBrowser(self.hub, user_key=user, reload=reload)


@contextmanager
def running(**settings: Any) -> Iterator[Site]:
    site = Site(**settings)
    try:
        yield site
    finally:
        site.proceed.set()
        site.hub.stop()


@pytest.fixture
def site() -> Iterator[Site]:
    with running() as started:
        yield started


def test_who_has_no_permission_cannot_open_a_session(site: Site) -> None:
    site.browser("ada").wait_for(wire.SnapshotFrame)
    assert site.browser("eve").wait_for(wire.Closed).code == wire.Close.FORBIDDEN
    assert len(site.recipe.documents) == 1, "nothing was built for eve"
    assert site.hub.counters.read() == {"visitors_refused": 1}


def test_a_permission_is_asked_away_from_the_thread_that_serves_the_socket(site: Site) -> None:
    site.proceed.clear()
    browser = site.browser("ada")
    assert site.asking.wait(WAIT)
    site.proceed.set()
    browser.wait_for(wire.SnapshotFrame)


def test_a_permission_that_raises_refuses(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    site.failing = True
    assert site.browser("ada").wait_for(wire.Closed).code == wire.Close.FORBIDDEN
    assert "the database is away" in caplog.text


async def _asynchronous(request: Request) -> bool:
    return True


@pytest.mark.parametrize("permission", [_asynchronous, lambda request: len], ids=["coroutine", "function"])
def test_a_permission_whose_answer_is_neither_yes_nor_no_refuses(
    caplog: pytest.LogCaptureFixture, permission: Any
) -> None:
    hub = Hub("key")
    app = hub.add_app("toy", ToyRecipe(), permission=permission)
    assert not hub.permits(app, Request(user_key="ada"))
    assert "must answer with True or False" in caplog.text


def test_who_has_lost_the_permission_cannot_resume(site: Site) -> None:
    browser = site.browser("ada")
    opened = browser.wait_for(wire.Opened)
    browser.endpoint.lost()
    site.allowed.clear()
    assert site.connect("ada").resume(opened).wait_for(wire.Closed).code == wire.Close.FORBIDDEN


def test_edits_that_come_while_a_permission_is_asked_are_taken_in_order(site: Site) -> None:
    browser = site.browser("ada")
    opened = browser.wait_for(wire.Opened)
    browser.endpoint.lost()
    site.proceed.clear()
    again = site.connect("ada").resume(opened)
    for cseq in (1, 2, 3):
        again.send(wire.Edit(cseq=cseq, base=0, epoch=opened.epoch, events=[change("value", cseq)]))
    site.proceed.set()
    wait_until(lambda: any(isinstance(each, wire.Result) and each.cseq == 3 for each in again.frames))
    assert site.recipe.documents[0].root.get("value") == 3


def test_a_browser_that_goes_while_its_permission_is_asked_leaves_no_session(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "embedsync.session")
    with running() as site:
        site.proceed.clear()
        browser = site.browser("ada")
        assert site.asking.wait(WAIT)
        browser.endpoint.lost()
        site.proceed.set()
        wait_until(lambda: "ended" in caplog.text)
        assert not site.hub.sessions


def test_who_loses_the_permission_is_sent_away_at_the_next_look() -> None:
    with running(revalidation=0.05) as site:
        browser = site.browser("ada")
        other = site.browser("ada", "open")
        browser.wait_for(wire.SnapshotFrame)
        other.wait_for(wire.SnapshotFrame)
        site.allowed.clear()
        assert browser.wait_for(wire.Closed).code == wire.Close.FORBIDDEN
        wait_until(lambda: [live.app.name for live in site.hub.sessions] == ["open"])
        assert other.endpoint.close_code is None, "everybody may use that one"


def test_who_is_logged_out_elsewhere_is_sent_away_at_the_next_look() -> None:
    with running(revalidation=0.05) as site:
        browser = site.browser("eve", "open")
        browser.wait_for(wire.SnapshotFrame)
        site.logged_in.clear()
        wait_until(lambda: browser.endpoint.close_code == wire.Close.TICKET_EXPIRED)
        wait_until(lambda: not site.hub.sessions)


def test_a_database_that_is_away_for_a_moment_sends_nobody_away(caplog: pytest.LogCaptureFixture) -> None:
    with running(revalidation=0.05) as site:
        browser = site.browser("ada")
        browser.wait_for(wire.SnapshotFrame)
        site.failing = True
        wait_until(lambda: "asked again later" in caplog.text)
        site.failing = False
        site.asking.clear()
        assert site.asking.wait(WAIT), "it is asked again"
        assert browser.endpoint.close_code is None
        assert len(site.hub.sessions) == 1


def test_logging_out_closes_what_was_open_at_once(site: Site) -> None:
    ada, eve = site.browser("ada", "open"), site.browser("eve", "open")
    gone = site.browser("ada", "open")
    for each in (ada, eve, gone):
        each.wait_for(wire.SnapshotFrame)
    gone.endpoint.lost()
    site.hub.dismiss(lambda request: request.user_key == "ada")
    assert ada.endpoint.close_code == wire.Close.TICKET_EXPIRED
    assert eve.endpoint.close_code is None
    wait_until(lambda: [live.info.request.user_key for live in site.hub.sessions] == ["eve"])


def test_a_shared_session_goes_on_without_the_one_who_logs_out(site: Site) -> None:
    ada, eve = site.browser("ada", "shared"), site.browser("eve", "shared")
    opened = ada.wait_for(wire.Opened)
    eve.wait_for(wire.SnapshotFrame)
    site.hub.dismiss(lambda request: request.user_key == "ada")
    eve.edit(1, change("value", 4))
    assert eve.wait_for(wire.Result).commit
    again = site.connect("ada").resume(opened)
    assert again.wait_for(wire.Closed).code == wire.Close.SESSION_GONE


def test_a_ticket_is_renewed_only_for_who_may_still_use_the_app(site: Site) -> None:
    ticket = site.hub.ticket("toy", user_key="ada")
    assert site.hub.renew_ticket(ticket, Request(user_key="ada"))
    site.allowed.clear()
    with pytest.raises(TicketInvalid, match="may not use"):
        site.hub.renew_ticket(ticket, Request(user_key="ada"))


def test_what_a_permission_leaves_behind_in_its_context_does_not_come_to_others() -> None:
    visitor: ContextVar[str] = ContextVar("visitor", default="nobody")
    found: list[str] = []

    def permission(request: Request) -> bool:
        visitor.set(request.user_key)
        return True

    hub = Hub("key", Settings(workers=1, workers_limit=1))
    hub.add_app("asked", ToyRecipe(), permission=permission)
    hub.add_app("open", ToyRecipe(lambda session: found.append(visitor.get())))
    try:
        for user, app in (("ada", "asked"), ("eve", "open")):
            browser = MemoryBrowser(hub, user_key=user).open(hub.ticket(app, user_key=user))
            browser.wait_for(wire.SnapshotFrame)
    finally:
        hub.stop()
    assert found == ["nobody"]
