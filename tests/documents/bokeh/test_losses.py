"""What the loss of a browser costs a session, with threads that stand still until the test moves them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from bokeh.models import Div

from embedsync.settings import Settings
from tests.property.deterministic import Machinery
from tests.support.memory import MemoryBrowser


@pytest.fixture
def machinery() -> Iterator[Machinery]:
    numbers = itertools.count()
    made = Machinery(Settings(), now=0, wall_clock=lambda: 0, random_id=lambda: f"number {next(numbers)}")
    yield made
    made.stop(lambda: run_turns(made))


def run_turns(machinery: Machinery) -> None:
    while machinery.pool.waiting:
        machinery.pool.waiting.pop(0)()


def opened(machinery: Machinery, app: Any) -> MemoryBrowser:
    machinery.hub.add_app("app", app)
    browser = MemoryBrowser(machinery.hub).open(machinery.hub.ticket("app"))
    run_turns(machinery)
    return browser


def test_a_session_whose_app_does_not_ask_for_losses_has_no_turn_for_one(machinery: Machinery) -> None:
    browser = opened(machinery, lambda doc: doc.add_root(Div()))
    browser.endpoint.lost()
    assert machinery.pool.waiting == []


def test_an_app_that_asks_for_losses_in_a_turn_that_waits_is_told_of_one_that_comes_meanwhile(
    machinery: Machinery,
) -> None:
    seen: list[str] = []
    browser = opened(machinery, lambda doc: doc.add_root(Div()))

    def listen(doc: Any) -> None:
        doc.on_event("connection_lost", lambda event: seen.append(event.event_name))

    machinery.hub.update_sessions("app", listen)
    browser.endpoint.lost()
    run_turns(machinery)
    assert seen == ["connection_lost"]
