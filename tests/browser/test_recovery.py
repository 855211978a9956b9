"""The server loses a session, and what a person had put in is put into the next one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from embedsync import wire
from tests.browser.conftest import Server, Visitors, embedsync_serve, is_about_the_network, own_site
from tests.browser.look import (
    Traffic,
    attribute,
    slider,
    visit,
    wait_for,
    wait_for_value,
    wait_until_live,
    zoom,
)
from tests.contract.servers import free_port

pytestmark = pytest.mark.browser

APPS = Path(__file__).parent / "apps"
RESTORED = "Reconnected. What you had put in was restored."


@pytest.fixture(params=["flask", "serve"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Server, str]]:
    """A server, and the address of the form on it."""
    port = free_port()
    flask = request.param == "flask"
    command = (
        own_site(port) if flask else [*embedsync_serve(port, *sorted(APPS.glob("*.py"))), "--allow-eval"]
    )
    made = Server(command, port, tmp_path / "log", EMBEDSYNC_SECRET_KEY="stays the same", TEST_EVAL="true")
    made.start()
    yield made, f"{made.url}{'/page' if flask else ''}/form"
    made.stop()


def say(page: Page, label: str, text: str) -> None:
    page.get_by_label(label).fill(text)
    page.keyboard.press("Tab")


def report(page: Page) -> str:
    return str(attribute(page, "report", "value"))


def wait_for_report(page: Page, text: str) -> None:
    wait_for_value(page, "report", "value", text)


def killed_and_restarted(server: Server, page: Page, meanwhile: Callable[[], None] = lambda: None) -> None:
    server.kill()
    expect(page.locator("embed-app")).to_have_attribute("data-state", "reconnecting")
    meanwhile()
    server.start()
    expect(page.locator("embed-app .badge")).to_contain_text("Reconnected.")
    wait_until_live(page)


def test_after_a_crash_of_the_server_the_inputs_are_as_they_were_and_callbacks_ran_once_for_each(
    server: tuple[Server, str], visitor: Visitors, pictures: Path
) -> None:
    visitor.expected = is_about_the_network
    process, url = server
    page = visit(visitor(), url)
    page.get_by_label("Kind").focus()
    page.keyboard.type("adv")
    page.get_by_text("Depth").wait_for()
    slider(page, 2).focus()
    page.keyboard.press("ArrowRight")
    wait_for(page, "() => Bokeh.documents[0].get_model_by_name('report').value.includes('depth=1')")
    say(page, "Words", "hello")
    page.locator("input[type=checkbox]").click()
    zoom(page)
    wait_for(page, "() => Bokeh.documents[0].get_model_by_name('across').start > 0")
    zoomed = [attribute(page, "across", name) for name in ("start", "end")]

    killed_and_restarted(process, page, lambda: say(page, "Words", "hello again"))

    expect(page.locator("embed-app .badge")).to_contain_text(RESTORED)
    page.screenshot(path=pictures / "restored.png")
    assert report(page) == "kind=advanced depth=1 agree=True words=hello again"
    assert [attribute(page, "across", name) for name in ("start", "end")] == zoomed
    assert page.get_by_label("Kind").input_value() == "advanced"
    assert page.get_by_label("Words").input_value() == "hello again"
    expect(page.locator("input[type=checkbox]")).to_be_checked()
    expect(page.get_by_text("Depth: 1")).to_be_visible()


def test_after_a_crash_of_the_server_whoever_has_put_in_nothing_is_told_that_the_app_begins_anew(
    server: tuple[Server, str], visitor: Visitors, pictures: Path
) -> None:
    visitor.expected = is_about_the_network
    process, url = server
    page = visit(visitor(), url)
    killed_and_restarted(process, page)
    badge = page.locator("embed-app .badge")
    expect(badge).to_have_text("Reconnected. The app has begun anew.")
    expect(badge.get_by_role("button")).to_have_count(0)
    page.screenshot(path=pictures / "anew.png")


@pytest.mark.parametrize("server", ["serve"], indirect=True)
def test_where_others_may_meet_nothing_is_put_in_again_and_the_person_is_told(
    server: tuple[Server, str], visitor: Visitors
) -> None:
    visitor.expected = is_about_the_network
    process, url = server
    page = visit(visitor(), f"{url}?bokeh-session-id=of-all")
    say(page, "Words", "hello")
    wait_for(page, "() => Bokeh.documents[0].get_model_by_name('report').value.includes('hello')")
    killed_and_restarted(process, page)
    badge = page.locator("embed-app .badge")
    expect(badge).to_have_text("Reconnected. What you had put in could not be restored.")
    expect(badge.get_by_role("button")).to_have_count(0)
    assert page.get_by_label("Words").input_value() != "hello"


def test_passwords_what_is_tagged_what_scripts_write_and_clicks_are_not_put_in_again(
    server: tuple[Server, str], visitor: Visitors
) -> None:
    visitor.expected = is_about_the_network
    process, url = server
    page = visit(visitor(), url)
    say(page, "Secret", "hush")
    say(page, "Once", "only once")
    page.get_by_role("button", name="Send").click()
    slider(page, 0).focus()
    page.keyboard.press("ArrowRight")
    wait_for_report(page, "secret=hush once=only once sent=yes amount=2 mirror=2")

    killed_and_restarted(process, page)

    # The script has written the mirror anew, after the amount was put in; nobody has put in the mirror.
    wait_for_report(page, "amount=2 mirror=2")
    assert [page.get_by_label(each).input_value() for each in ("Secret", "Once")] == ["", ""]


def test_who_starts_afresh_gets_the_app_as_it_was_at_first(
    server: tuple[Server, str], visitor: Visitors
) -> None:
    visitor.expected = is_about_the_network
    process, url = server
    page = visitor()
    traffic = Traffic(page)
    visit(page, url)
    say(page, "Words", "hello")
    wait_for_report(page, "words=hello")
    killed_and_restarted(process, page)
    wait_for_report(page, "words=hello")
    page.get_by_role("button", name="Start afresh").click()
    wait_for_value(page, "words", "value", "")
    wait_until_live(page)
    assert report(page) == ""
    expect(page.locator("embed-app .badge")).to_be_hidden()
    assert len({each.session for each in traffic.of(wire.Opened)}) == 3
