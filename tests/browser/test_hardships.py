"""Flights, sleep, tabs, the way back: what a person's machine does to a page, and how it ends."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Playwright, expect

from embedsync import wire
from tests.browser.conftest import Proxied, Visitors, is_about_the_network
from tests.browser.look import (
    Traffic,
    attribute,
    canvas,
    column,
    is_on_page,
    slider,
    visit,
    wait_for,
    wait_for_rows,
    wait_for_value,
    wait_until_live,
)
from tests.support.chromium import ARGUMENTS, chromium

pytestmark = pytest.mark.browser

FLIGHT = 60_000
"""Milliseconds."""
HALF_A_HEARTBEAT = 12_500
SLEEP = 15_000
"""Longer than the server waits for a pong: heartbeat and its timeout."""


def handle(page: Page) -> tuple[float, float, float]:
    """Where the handle of the first slider is, and how wide the slider."""
    knob = page.locator(".noUi-handle").first.bounding_box()
    track = page.locator(".noUi-base").first.bounding_box()
    assert knob is not None
    assert track is not None
    return knob["x"] + knob["width"] / 2, knob["y"] + knob["height"] / 2, track["width"]


def nothing_is_missing(page: Page) -> None:
    """What the app counts by itself has come once each, in order."""
    counted = column(page, "count", "n")
    wait_for_rows(page, "count", "n", len(counted) + 10)
    after = column(page, "count", "n")
    assert after == list(range(len(after)))


@pytest.mark.timeout(240)
def test_a_flight_of_a_minute_during_a_drag_and_a_stream(
    own_url: str, proxied: Proxied, visitor: Visitors, pictures: Path
) -> None:
    visitor.expected = is_about_the_network
    proxy, url = proxied(own_url)
    page = visitor()
    traffic = Traffic(page)
    visit(page, f"{url}/page/bench")
    shown = canvas(page)

    x, y, width = handle(page)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + width * 0.2, y, steps=10)
    proxy.cut(refuse=True)
    page.context.set_offline(True)
    page.mouse.move(x + width * 0.5, y, steps=30)
    expect(page.locator("embed-app")).to_have_attribute("data-state", "reconnecting")
    page.mouse.move(x + width * 0.6, y, steps=10)
    page.mouse.up()
    wanted = attribute(page, "amount", "value")
    assert wanted > 40, "what the person does shows at once"
    page.wait_for_timeout(FLIGHT)
    page.screenshot(path=pictures / "flight.png")
    assert attribute(page, "amount", "value") == wanted

    proxy.heal()
    page.context.set_offline(False)
    wait_for_value(page, "report", "value", f"amount is {wanted}")
    wait_until_live(page)
    page.screenshot(path=pictures / "landed.png")
    assert traffic.of(wire.Opened)[-1].recovered, "it went on from where it was"
    assert is_on_page(shown)
    nothing_is_missing(page)


def test_a_page_without_a_network_says_so_long_before_the_server_would_be_missed(
    serve_url: str, visitor: Visitors, pictures: Path
) -> None:
    visitor.expected = is_about_the_network
    page = visitor()
    traffic = Traffic(page)
    visit(page, f"{serve_url}/sliders")
    page.context.set_offline(True)
    app = page.locator("embed-app")
    expect(app).to_have_attribute("data-state", "reconnecting", timeout=HALF_A_HEARTBEAT)
    expect(app.locator(".badge")).to_have_text("Reconnecting…")
    page.screenshot(path=pictures / "offline.png")
    page.context.set_offline(False)
    wait_until_live(page)
    assert traffic.of(wire.Opened)[-1].recovered, "it went on from where it was"


def test_a_laptop_that_sleeps_goes_on_when_it_wakes(
    own_apps_url: str, visitor: Visitors, pictures: Path
) -> None:
    page = visitor()
    traffic = Traffic(page)
    visit(page, f"{own_apps_url}/bench")
    shown = canvas(page)
    slider(page, 0).focus()
    page.keyboard.press("ArrowRight")
    wait_for_value(page, "report", "value", "amount is 2")
    other = visit(visitor(), f"{own_apps_url}/bench")

    client = page.context.new_cdp_session(page)
    client.send("Page.setWebLifecycleState", {"state": "frozen"})
    other.wait_for_timeout(SLEEP)
    client.send("Page.setWebLifecycleState", {"state": "active"})
    page.bring_to_front()

    slider(page, 0).focus()
    page.keyboard.press("ArrowRight")
    wait_for_value(page, "report", "value", "amount is 3")
    wait_until_live(page)
    page.screenshot(path=pictures / "awake.png")
    assert len({each.session for each in traffic.of(wire.Opened)}) == 1
    assert is_on_page(shown)
    nothing_is_missing(page)


@pytest.mark.parametrize("days", [-1, 1])
def test_a_page_whose_clock_is_wrong_works_and_comes_back_as_any_other(
    own_url: str, proxied: Proxied, visitor: Visitors, days: int
) -> None:
    visitor.expected = is_about_the_network
    proxy, url = proxied(own_url)
    page = visitor()
    page.add_init_script(f"const now = Date.now; Date.now = () => now() + {days} * 86_400_000")
    traffic = Traffic(page)
    visit(page, f"{url}/page/bench")
    proxy.cut()
    traffic.wait_for(wire.Opened, 2)
    wait_until_live(page)
    slider(page, 0).focus()
    page.keyboard.press("ArrowRight")
    wait_for_value(page, "report", "value", "amount is 2")
    assert [each.recovered for each in traffic.of(wire.Opened)] == [False, True]


def test_two_tabs_are_two_sessions_and_each_survives_a_cut(
    own_page: str, proxied: Proxied, visitor: Visitors, pictures: Path
) -> None:
    visitor.expected = is_about_the_network
    proxy, url = proxied(own_page)
    first = visit(visitor(), f"{url}bench")
    with first.context.expect_page() as opened:
        first.evaluate("() => void window.open(location.href)")
    second = opened.value
    wait_until_live(second)
    ids = [page.evaluate("() => document.querySelector('embed-app').session.id") for page in (first, second)]
    assert ids[0] != ids[1]

    for page, text in ((first, "from the first"), (second, "from the second")):
        page.bring_to_front()
        page.get_by_label("Words").fill(text)
        page.keyboard.press("Enter")
    proxy.cut()
    for page, text in ((first, "from the first"), (second, "from the second")):
        wait_for_value(page, "report", "value", f"words are {text}")
        wait_until_live(page)
        nothing_is_missing(page)
    second.screenshot(path=pictures / "second-tab.png")
    assert ids == [
        page.evaluate("() => document.querySelector('embed-app').session.id") for page in (first, second)
    ]


@pytest.fixture
def browser_with_cache(playwright: Playwright) -> Iterator[Browser]:
    """Chromium as people have it: it keeps pages that were left, to show them again at once."""
    launched = playwright.chromium.launch(
        executable_path=chromium(),
        args=ARGUMENTS,
        ignore_default_args=["--disable-back-forward-cache"],
    )
    yield launched
    launched.close()


def test_a_page_that_comes_back_from_the_browsers_cache_goes_on(
    own_url: str, browser_with_cache: Browser, pictures: Path
) -> None:
    page = browser_with_cache.new_page()
    page.goto(f"{own_url}/page/bench")
    wait_until_live(page)
    page.evaluate("() => addEventListener('pageshow', event => { window.cameBack = event.persisted })")
    before = page.evaluate("() => document.querySelector('embed-app').session.id")
    slider(page, 0).focus()
    page.keyboard.press("ArrowRight")
    wait_for_value(page, "report", "value", "amount is 2")
    page.goto(f"{own_url}/page/shared")
    wait_until_live(page)
    page.evaluate("() => history.back()")
    wait_for(page, "() => window.cameBack === true")
    wait_until_live(page)
    assert page.evaluate("() => document.querySelector('embed-app').session.id") == before
    slider(page, 0).focus()
    page.keyboard.press("ArrowRight")
    wait_for_value(page, "report", "value", "amount is 3")
    nothing_is_missing(page)
    page.screenshot(path=pictures / "back.png")
