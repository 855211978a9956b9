"""Apps that a script tag puts into pages which no template of the site made."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Serve, Visitors, own_site, running
from tests.browser.look import Traffic, slider, visit, wait_for_value, wait_until_live
from tests.contract.servers import free_port

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def friendly_url(elsewhere: Serve, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A site that lets the other origin show its apps."""
    port, log = free_port(), tmp_path_factory.mktemp("friendly") / "log"
    origin = elsewhere("").rpartition("/")[0]
    with running(own_site(port), port, log, TEST_EMBEDSYNC_ALLOWED_ORIGINS=f'["{origin}"]') as url:
        yield url


def tag(url: str, more: str = "", app: str = "bench") -> str:
    return f'<script src="{url}/live/embed.js" data-app="{app}" {more}></script>'


def errors_of(page: Page) -> list[str]:
    errors: list[str] = []
    page.on("console", lambda each: errors.append(each.text) if each.type == "error" else None)
    return errors


def test_a_script_tag_puts_a_live_app_where_it_stands(
    friendly_url: str, elsewhere: Serve, visitor: Visitors
) -> None:
    before, after = "<p>Before.</p>", "<p>After.</p>"
    page = visit(visitor(), elsewhere(before + tag(friendly_url, 'data-words="from the page"') + after))
    slider(page, 0).focus()
    page.keyboard.press("ArrowRight")
    wait_for_value(page, "report", "value", "amount is 2")
    expect(page.get_by_label("Words")).to_have_value("from the page")
    names = page.evaluate("() => [...document.body.children].map(each => each.localName)")
    assert names[:4] == ["p", "script", "embed-app", "p"]


def test_tags_for_roots_of_the_same_app_share_one_session(
    friendly_url: str, elsewhere: Serve, visitor: Visitors
) -> None:
    page = visitor()
    traffic = Traffic(page)
    tags = tag(friendly_url, 'data-root="plot"') + tag(friendly_url, 'data-root="controls" data-height="200"')
    visit(page, elsewhere(tags), count=2)
    assert len(traffic.sockets) == 1
    ids = page.evaluate("() => [...document.querySelectorAll('embed-app')].map(each => each.session.id)")
    assert len(set(ids)) == 1


def test_a_page_of_the_site_itself_needs_no_setting(own_url: str, visitor: Visitors) -> None:
    page = visitor()
    page.goto(f"{own_url}/tag")
    expect(page.get_by_label("Words")).to_be_visible()
    wait_until_live(page)


def test_an_origin_that_is_not_named_is_told_which_setting_lets_it_in(
    own_url: str, elsewhere: Serve, visitor: Visitors
) -> None:
    visitor.expected = lambda complaint: True
    page = visitor()
    errors = errors_of(page)
    address = elsewhere(tag(own_url))
    with page.expect_console_message(lambda each: "EMBEDSYNC_ALLOWED_ORIGINS" in each.text):
        page.goto(address)
    explained = next(each for each in errors if "allowed_origins" in each)
    assert address.rpartition("/")[0] in explained


def test_an_app_that_is_not_open_to_script_tags_says_how_to_open_it(
    friendly_url: str, elsewhere: Serve, visitor: Visitors
) -> None:
    visitor.expected = lambda complaint: True
    page = visitor()
    with page.expect_console_message(lambda each: "script_tag=True" in each.text):
        page.goto(elsewhere(tag(friendly_url, app="gated")))
    expect(page.locator("embed-app")).to_have_attribute("data-state", "error")
    expect(page.get_by_text("You are not allowed to use this app.")).to_be_visible()


def test_a_tag_that_was_written_as_a_module_is_told_what_to_leave_out(
    friendly_url: str, elsewhere: Serve, visitor: Visitors, tmp_path: Path
) -> None:
    visitor.expected = lambda complaint: True
    page = visitor()
    with page.expect_console_message(lambda each: 'Leave type="module" out' in each.text):
        page.goto(f"{friendly_url}/tag?module")
