"""What a visitor sees before an app is there, and when it cannot be."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from embedsync.tickets import Grant, Tickets
from tests.browser.conftest import Proxied, Visitors, embedsync_serve, is_about_the_network, own_site, running
from tests.browser.look import visit, wait_for, wait_until_live
from tests.browser.site import SECRET_KEY
from tests.contract.servers import free_port
from tests.support import nginx
from tests.support.memory import wait_until

pytestmark = pytest.mark.browser

APPS = Path(__file__).parent / "apps"


def cover(page: Page) -> str:
    """What stands in place of the app."""
    return page.locator("embed-app .cover").inner_text()


def sign(grant: Grant, age: float = 0) -> str:
    """A ticket of the site, made so many seconds ago."""
    return Tickets([SECRET_KEY], max_age=1, renewal_age=1, now=lambda: time.time() - age).sign(grant)


def show_ticket(page: Page, ticket: str) -> None:
    page.evaluate("ticket => document.querySelector('embed-app').setAttribute('ticket', ticket)", ticket)


def add_app(page: Page, address: str) -> None:
    page.evaluate(
        """async address => {
          const text = await (await fetch(address)).text()
          document.getElementById('main').insertAdjacentHTML('beforeend', text)
        }""",
        address,
    )
    wait_until_live(page)


# Loading.


def test_while_an_app_is_built_its_place_is_kept_and_says_so(
    own_url: str, tmp_path: Path, visitor: Visitors
) -> None:
    gate = tmp_path / "gate"
    page = visitor()
    page.goto(f"{own_url}/page/gated?gate={gate}&height=333")
    element = page.locator("embed-app")
    expect(element).to_have_attribute("data-state", "loading")
    expect(element).to_have_attribute("aria-busy", "true")
    assert cover(page) == "Loading…"
    box = element.bounding_box()
    assert box is not None
    assert box["height"] == 333
    gate.touch()
    expect(page.get_by_text("The gate is open")).to_be_visible()
    expect(element).to_have_attribute("data-state", "live")
    expect(element).to_have_attribute("aria-busy", "false")
    expect(element.locator(".cover")).to_be_hidden()


def test_who_waits_for_long_learns_what_for(
    own_url: str, proxied: Proxied, tmp_path: Path, visitor: Visitors
) -> None:
    visitor.expected = is_about_the_network
    proxy, url = proxied(own_url)
    gate = tmp_path / "gate"
    slow, alone = visitor(), visitor()
    for page in (slow, alone):
        page.clock.install()
        with page.expect_event("websocket") as opened:
            page.goto(f"{url}/page/gated?gate={gate}")
        opened.value.wait_for_event("framesent")
    slow.clock.run_for(9000)
    expect(slow.locator("embed-app .cover")).to_contain_text("Still loading")
    proxy.cut(refuse=True)
    alone.clock.run_for(9000)
    # The clock may have been faster than the news of the cut.
    alone.clock.resume()
    expect(alone.locator("embed-app .cover")).to_contain_text("Still trying to reach the server")
    proxy.heal()
    gate.touch()
    # Real time from here: a clock that jumps makes the page give up what is still on its way.
    slow.clock.resume()
    for page in (slow, alone):
        page.evaluate("dispatchEvent(new Event('online'))")
        wait_until_live(page)


# The build fails.


def test_an_app_that_raises_is_explained_and_the_next_try_works(
    own_page: str, tmp_path: Path, visitor: Visitors
) -> None:
    gate = tmp_path / "gate"
    page = visitor()
    page.goto(f"{own_page}gated?fail=yes&gate={gate}")
    element = page.locator("embed-app")
    expect(element).to_have_attribute("data-state", "error")
    expect(element.get_by_text("This app could not be started.")).to_be_visible()
    expect(element.get_by_text("Error id: ")).to_be_visible()
    assert "secret" not in cover(page)
    assert "Traceback" not in cover(page)

    element.get_by_role("button", name="Try again").click()
    expect(element).to_have_attribute("data-state", "error")
    gate.touch()
    element.get_by_role("button", name="Try again").click()
    expect(page.get_by_text("The gate is open")).to_be_visible()
    expect(element).to_have_attribute("data-state", "live")


def test_the_error_id_is_the_one_in_the_log(
    own_url: str, log_folder: Path, tmp_path: Path, visitor: Visitors
) -> None:
    page = visitor()
    page.goto(f"{own_url}/page/gated?fail=yes&gate={tmp_path / 'gate'}")
    error = page.locator("embed-app .error").inner_text().removeprefix("Error id: ")
    log = log_folder / "own.log"
    wait_until(lambda: "the secret of the build" in log.read_text().partition(error)[2])


def test_with_debug_the_traceback_is_shown(tmp_path: Path, visitor: Visitors) -> None:
    port = free_port()
    command = [*embedsync_serve(port, APPS / "gated.py", APPS / "bench.py"), "--debug"]
    with running(command, port, tmp_path / "log") as url:
        page = visitor(390)
        page.goto(f"{url}/gated?fail=yes&gate={tmp_path / 'gate'}")
        detail = page.locator("embed-app .detail")
        expect(detail).to_contain_text("ValueError: the secret of the build")
        expect(detail).to_contain_text("gated.py")
        assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")


def test_a_callback_that_raises_is_told_with_an_id_and_the_app_goes_on(
    own_url: str, log_folder: Path, visitor: Visitors
) -> None:
    page = visit(visitor(), f"{own_url}/page/bench")
    page.get_by_role("button", name="Fail").click()
    badge = page.locator("embed-app .badge")
    expect(badge).to_contain_text("Something went wrong here (error ")
    error = badge.inner_text().partition("(error ")[2].partition(")")[0]
    wait_until(lambda: error in (log_folder / "own.log").read_text())
    assert "secret" not in page.locator("embed-app").inner_text()
    expect(page.locator("embed-app")).to_have_attribute("data-state", "live")
    page.get_by_label("Words").fill("still here")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Report")).to_have_value("words are still here")


def test_with_debug_what_a_callback_raised_can_be_read_for_as_long_as_it_takes(
    tmp_path: Path, visitor: Visitors, pictures: Path
) -> None:
    port = free_port()
    command = [*embedsync_serve(port, APPS / "bench.py"), "--debug"]
    with running(command, port, tmp_path / "log") as url:
        for width in (1280, 390):
            page = visitor(width)
            page.clock.install()
            page.goto(f"{url}/bench")
            page.get_by_role("button", name="Fail").click()
            badge = page.locator("embed-app .badge")
            expect(badge).to_contain_text("Something went wrong here (error ")
            detail = badge.locator(".detail")
            expect(detail).to_be_hidden()
            badge.locator("summary").click()
            expect(detail).to_contain_text("bench.py")
            expect(detail).not_to_contain_text("embedsync/documents")
            page.clock.run_for(20_000)
            expect(detail).to_be_visible()
            page.screenshot(path=pictures / f"traceback-{width}.png")
            box = badge.bounding_box()
            assert box is not None
            assert box["x"] + box["width"] <= width
            badge.locator("summary").click()
            page.clock.run_for(20_000)
            expect(badge).to_be_hidden()
            page.get_by_role("button", name="Fail").click()
            badge.locator("summary").click()
            badge.get_by_role("button", name="Dismiss").click()
            expect(badge).to_be_hidden()
            page.close()  # It would complain of a server that is gone.


def test_a_traceback_that_is_hidden_while_it_is_open_does_not_keep_the_next_one_away(
    tmp_path: Path, visitor: Visitors
) -> None:
    port = free_port()
    command = [*embedsync_serve(port, APPS / "bench.py"), "--debug"]
    with running(command, port, tmp_path / "log") as url:
        page = visitor()
        page.goto(f"{url}/bench")
        page.get_by_role("button", name="Fail").click()
        badge = page.locator("embed-app .badge")
        badge.locator("summary").click()
        expect(badge.locator(".detail")).to_be_visible()
        for busy in (True, False):
            page.evaluate(
                "busy => document.querySelector('embed-app').session.events.notice({kind: 'busy', busy})",
                busy,
            )
            if busy:
                expect(badge).to_have_text("Working…")
        expect(badge).to_be_hidden()
        page.get_by_role("button", name="Fail").click()
        expect(badge).to_be_visible()
        page.close()  # It would complain of a server that is gone.


def test_a_session_at_work_says_so_shows_its_progress_and_holds_up_no_other(
    own_url: str, tmp_path: Path, visitor: Visitors, pictures: Path
) -> None:
    gate = tmp_path / "gate"
    page = visit(visitor(), f"{own_url}/page/slow?gate={gate}")
    add_app(page, f"{own_url}/page/bench?bare")
    slow, other = page.locator("embed-app").all()
    page.get_by_role("button", name="Go").click()
    expect(slow).to_have_attribute("data-state", "busy")
    expect(slow.locator(".badge")).to_have_text("Working…")
    expect(slow.get_by_label("Report")).to_have_value("working")
    page.screenshot(path=pictures / "busy.png")
    other.get_by_label("Words").fill("answered meanwhile")
    page.keyboard.press("Enter")
    expect(other.get_by_label("Report")).to_have_value("words are answered meanwhile")
    assert slow.get_attribute("data-state") == "busy"
    gate.touch()
    expect(slow.get_by_label("Report")).to_have_value("done")
    expect(slow).to_have_attribute("data-state", "live")
    expect(slow.locator(".badge")).to_be_hidden()


def test_a_callback_that_raises_after_a_while_is_told_though_the_app_is_no_longer_busy(
    own_url: str, tmp_path: Path, visitor: Visitors, pictures: Path
) -> None:
    gate = tmp_path / "gate"
    page = visit(visitor(), f"{own_url}/page/late?gate={gate}")
    app = page.locator("embed-app")
    page.get_by_role("button", name="Fail late").click()
    expect(app.locator(".badge")).to_have_text("Working…")
    gate.touch()
    expect(app).to_have_attribute("data-state", "live")
    expect(app.locator(".badge")).to_contain_text("Something went wrong here (error ")
    page.screenshot(path=pictures / "late.png")


# No admission.


@pytest.fixture(scope="module")
def small_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server that has room for one session."""
    port = free_port()
    log = tmp_path_factory.mktemp("small") / "log"
    with running(own_site(port), port, log, TEST_EMBEDSYNC_SESSIONS="1") as url:
        yield url


def test_a_visitor_who_finds_the_server_full_gets_in_when_there_is_room(
    small_site: str, visitor: Visitors
) -> None:
    first = visit(visitor(), f"{small_site}/page/bench")
    second = visitor()
    second.goto(f"{small_site}/page/bench")
    expect(second.locator("embed-app .cover")).to_contain_text("Waiting for a free place")
    expect(second.locator("embed-app")).to_have_attribute("aria-busy", "true")
    first.evaluate("() => document.querySelector('embed-app').remove()")
    wait_until_live(second)


def test_an_app_that_is_gone_is_explained(own_url: str, visitor: Visitors) -> None:
    page = visit(visitor(), f"{own_url}/page/bench")
    show_ticket(page, sign(Grant("no-such-app", {})))
    expect(page.locator("embed-app")).to_have_attribute("data-state", "error")
    assert cover(page) == "This app does not exist here."


def test_a_forged_ticket_opens_nothing(own_url: str, visitor: Visitors) -> None:
    page = visit(visitor(), f"{own_url}/page/bench")
    show_ticket(page, sign(Grant("bench", {})) + "x")
    expect(page.locator("embed-app")).to_have_attribute("data-state", "error")
    assert "not allowed" in cover(page)
    assert page.locator("canvas").count() == 0


def test_an_expired_ticket_is_traded_for_a_fresh_one_without_a_word(own_url: str, visitor: Visitors) -> None:
    page = visit(visitor(), f"{own_url}/page/shared")
    show_ticket(page, sign(Grant("bench", {}), age=3600))
    expect(page.get_by_label("Words")).to_be_visible()
    wait_until_live(page)


def test_a_page_that_is_far_too_old_asks_to_be_loaded_again(own_url: str, visitor: Visitors) -> None:
    visitor.expected = lambda complaint: "403" in complaint
    page = visit(visitor(), f"{own_url}/page/bench")
    show_ticket(page, sign(Grant("bench", {}), age=30 * 86400))
    expect(page.locator("embed-app")).to_have_attribute("data-state", "error")
    assert "out of date" in cover(page)
    page.get_by_role("button", name="Load the page again").click()
    expect(page.get_by_label("Words")).to_be_visible()
    wait_until_live(page)


# Another version.


def speak_another_version(route: Route) -> None:
    answer = route.fetch()
    text = answer.text().replace("PROTOCOL_VERSION = 1;", "PROTOCOL_VERSION = 999;")
    assert text != answer.text()
    # A real other version has other addresses; this one must not stay in the cache.
    route.fulfill(response=answer, body=text, headers={**answer.headers, "cache-control": "no-store"})


def test_a_page_of_another_version_loads_itself_again(own_url: str, visitor: Visitors) -> None:
    page = visitor()
    page.route("**/static/*/embed.js", speak_another_version, times=1)
    loads: list[str] = []
    page.on("load", lambda: loads.append(page.url))
    page.goto(f"{own_url}/page/bench")
    expect(page.get_by_label("Words")).to_be_visible()
    wait_until_live(page)
    page.wait_for_load_state()
    assert len(loads) == 2


def test_if_loading_again_does_not_help_the_person_is_told(own_url: str, visitor: Visitors) -> None:
    page = visitor()
    page.route("**/static/*/embed.js", speak_another_version)
    loads: list[str] = []
    page.on("load", lambda: loads.append(page.url))
    page.goto(f"{own_url}/page/bench")
    wait_for(page, "() => performance.getEntriesByType('navigation')[0].type === 'reload'")
    expect(page.locator("embed-app")).to_have_attribute("data-state", "error")
    assert "newer version" in cover(page)
    expect(page.get_by_role("button", name="Load the page again")).to_be_visible()
    page.wait_for_load_state()
    assert len(loads) == 2


# A proxy in front.


@pytest.mark.skipif(nginx.NGINX is None, reason="nginx is not installed: apt-get install nginx-light")
def test_a_proxy_that_lets_no_websockets_through_is_named(
    own_url: str, tmp_path: Path, visitor: Visitors, pictures: Path
) -> None:
    visitor.expected = lambda complaint: (
        is_about_the_network(complaint) or "426" in complaint or "WebSockets do not reach" in complaint
    )
    location = f"location / {{ proxy_pass {own_url}; proxy_set_header Host $http_host; }}"
    with nginx.running(tmp_path, location) as url:
        page = visitor()
        with page.expect_console_message(
            lambda message: "proxy_set_header Upgrade $http_upgrade" in message.text
        ):
            page.goto(f"{url}/page/bench")
        expect(page.locator("embed-app .cover")).to_contain_text("(WebSockets) are not let through")
        page.screenshot(path=pictures / "no-websockets.png")
