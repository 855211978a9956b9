"""A lost socket, and a lost server, in Chromium."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from embedsync import wire
from tests.browser.conftest import (
    Proxied,
    Visitors,
    embedsync_serve,
    flask_site,
    is_about_the_network,
    running,
)
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
    zoom,
)
from tests.contract.servers import free_port

pytestmark = pytest.mark.browser

SHORT = 900
"""Milliseconds; after 1000 a badge says so."""


def badge(page: Page) -> str:
    """What the badge says now; empty if it is not shown."""
    text: str = page.locator("embed-app .badge").first.evaluate(
        "element => element.hidden ? '' : element.textContent"
    )
    return text


def wait_for_badge(page: Page, text: str) -> None:
    wait_for(
        page,
        "text => { const badge = document.querySelector('embed-app').shadowRoot.querySelector('.badge'); "
        "return (badge.hidden ? '' : badge.textContent) === text }",
        text,
    )


def test_a_dropped_socket_resumes_from_the_log_and_leaves_the_view_as_it_was(
    own_page: str, proxied: Proxied, visitor: Visitors
) -> None:
    proxy, url = proxied(own_page)
    page = visitor()
    traffic = Traffic(page)
    visit(page, f"{url}bench")
    shown = canvas(page)
    zoom(page)
    wait_for(page, "() => Bokeh.documents[0].get_model_by_name('across').start > 0")
    zoomed = [attribute(page, "across", "start"), attribute(page, "across", "end")]
    page.get_by_label("Words").fill("half a sen")
    session = page.evaluate("() => document.querySelector('embed-app').session.id")

    proxy.cut()
    traffic.wait_for(wire.Opened, 2)
    wait_until_live(page)

    assert [each.recovered for each in traffic.of(wire.Opened)] == [False, True]
    assert len(traffic.of(wire.SnapshotFrame)) == 1, "the document was not sent again"
    assert page.evaluate("() => document.querySelector('embed-app').session.id") == session
    assert is_on_page(shown)
    assert [attribute(page, "across", "start"), attribute(page, "across", "end")] == zoomed
    expect(page.get_by_label("Words")).to_be_focused()
    page.keyboard.type("tence\n")
    wait_for_value(page, "report", "value", "words are half a sentence")


def test_edits_made_offline_and_ops_made_meanwhile_both_arrive(
    own_page: str, proxied: Proxied, visitor: Visitors
) -> None:
    visitor.expected = is_about_the_network
    proxy, url = proxied(own_page)
    page = visitor()
    traffic = Traffic(page)
    visit(page, f"{url}bench")

    proxy.cut(refuse=True)
    expect(page.locator("embed-app")).to_have_attribute("data-state", "reconnecting")
    counted = column(page, "count", "n")
    slider(page, 0).focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    assert attribute(page, "amount", "value") == 4, "what the person does shows at once"
    wait_for_badge(page, "Reconnecting…")
    assert attribute(page, "report", "value") == "nothing yet"
    proxy.heal()

    wait_for_value(page, "report", "value", "amount is 4")
    wait_until_live(page)
    wait_for_badge(page, "")
    assert traffic.of(wire.Opened)[-1].recovered
    wait_for_rows(page, "count", "n", len(counted) + 10)
    after = column(page, "count", "n")
    assert after == list(range(len(after))), "nothing is missing and nothing came twice"


NOTE_INTERRUPTIONS = """() => {
  const badge = document.querySelector('embed-app').shadowRoot.querySelector('.badge')
  window.seen = []
  window.awayFor = null
  new MutationObserver(() => seen.push(badge.hidden ? '' : badge.textContent))
    .observe(badge, {attributes: true, childList: true})
  addEventListener('embedsync:reconnecting', () => {
    const began = performance.now()
    addEventListener('embedsync:live', () => { window.awayFor = performance.now() - began }, {once: true})
  })
}"""


def test_a_short_interruption_shows_no_badge(own_url: str, proxied: Proxied, visitor: Visitors) -> None:
    proxy, url = proxied(own_url)
    page = visitor()
    for _ in range(5):
        # A page that was just loaded comes back without any backoff.
        visit(page, f"{url}/page/bench")
        page.evaluate(NOTE_INTERRUPTIONS)
        proxy.cut()
        wait_for(page, "() => window.awayFor !== null")
        if page.evaluate("() => awayFor") < SHORT:
            break
    else:
        raise AssertionError("no interruption was short")
    assert "Reconnecting…" not in page.evaluate("() => seen")


def test_the_badge_does_not_take_clicks(own_url: str, proxied: Proxied, visitor: Visitors) -> None:
    visitor.expected = is_about_the_network
    proxy, url = proxied(own_url)
    page = visit(visitor(), f"{url}/page/bench")
    proxy.cut(refuse=True)
    wait_for_badge(page, "Reconnecting…")
    box = page.locator("embed-app .badge").bounding_box()
    assert box is not None
    hit = page.evaluate(
        "([x, y]) => document.querySelector('embed-app').shadowRoot.elementFromPoint(x, y)?.className ?? ''",
        [box["x"] + box["width"] / 2, box["y"] + box["height"] / 2],
    )
    assert hit != "badge"


@pytest.mark.parametrize("kind", ["flask", "serve"])
def test_after_a_restart_of_the_server_the_page_opens_a_new_session_by_itself(
    kind: str, tmp_path: Path, visitor: Visitors
) -> None:
    visitor.expected = is_about_the_network
    port = free_port()
    command = flask_site(port) if kind == "flask" else embedsync_serve(port)
    keys = {"SECRET_KEY": "stays the same", "EMBEDSYNC_SECRET_KEY": "stays the same"}
    page = visitor()
    traffic = Traffic(page)
    with running(command, port, tmp_path / "first.log", **keys) as url:
        visit(page, f"{url}/sliders")
        slider(page, 1).focus()
        page.keyboard.press("ArrowRight")
        wait_for_value(page, "amplitude", "value", 1.1)
    expect(page.locator("embed-app")).to_have_attribute("data-state", "reconnecting")
    with running(command, port, tmp_path / "second.log", **keys):
        wait_until_live(page)
        first, last = traffic.of(wire.Opened)[0], traffic.of(wire.Opened)[-1]
        assert last.session != first.session
        assert page.evaluate("() => Bokeh.documents.length") == 1
        slider(page, 0).focus()
        page.keyboard.press("ArrowRight")
        wait_for(page, "() => Math.max(...Bokeh.documents[0].get_model_by_name('curve').data.y) > 1.09")


def test_a_page_that_is_left_and_returned_to_is_live(own_url: str, visitor: Visitors) -> None:
    page = visit(visitor(), f"{own_url}/page/bench")
    page.goto(f"{own_url}/page/shared")
    wait_until_live(page)
    page.go_back()
    wait_until_live(page)
    slider(page, 0).focus()
    page.keyboard.press("ArrowRight")
    wait_for_value(page, "report", "value", "amount is 2")
