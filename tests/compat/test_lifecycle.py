"""Hooks, and the events of documents, in the order in which they come."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Proxied, Visitors, is_about_the_network
from tests.compat.conftest import KINDS, Open, Served, sees, serving, shown

pytestmark = pytest.mark.browser


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30  # Bokeh's server ends a session 10 s after its last page has gone.
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def of_visit(served: Served, visit: str) -> list[str]:
    return [each for each in served.noted("hooked") if each.endswith(visit)]


def test_hooks_of_a_session_run_in_order_and_once(opened: Open, served: Served) -> None:
    page = opened("hooked?visit=first")
    sees(page, "helped by the package; visit first")
    assert of_visit(served, "first") == ["session created first", "main first"]
    page.close()
    until(lambda: "document destroyed first" in of_visit(served, "first"))
    assert of_visit(served, "first") == [
        "session created first",
        "main first",
        "session destroyed first",
        "document destroyed first",
    ]
    assert served.noted("hooked").count("server loaded") == 1


def test_events_of_a_document_tell_its_beginning_and_its_end(opened: Open, served: Served) -> None:
    (served.notes / "events").unlink(missing_ok=True)
    page = opened("events")
    sees(page, "ready")
    assert served.noted("events") == ["document_ready"]
    page.close()
    until(lambda: len(served.noted("events")) == 3)
    assert served.noted("events")[1:] == ["connection_lost", f"destroyed {served.kind == 'bokeh'}"]


def test_a_browser_that_comes_back_is_told_to_python_and_to_page_scripts(
    served: Served, proxied: Proxied, visitors: Visitors
) -> None:
    proxy, url = proxied(f"{served.url}/reconnecting")
    visitors.expected = is_about_the_network
    page = visitors()
    page.goto(url)
    shown(page)
    sees(page, "never away")
    if served.kind == "bokeh":
        # A browser that Bokeh's server loses in its first moments is never answered again.
        page.wait_for_function("() => performance.now() > 4000")
    proxy.cut()
    page.wait_for_function("() => window.wasLost === true")
    page.wait_for_function("() => window.cameBack === true")
    sees(page, "is back")


@pytest.fixture(params=KINDS)
def own_server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Served]:
    """A server of a test's own, which it may stop."""
    served = serving(request.param, tmp_path)
    try:
        served.server.start()
        yield served
    finally:
        served.server.stop()


def test_hooks_of_the_server_run_when_it_starts_and_when_it_stops(own_server: Served) -> None:
    until(lambda: own_server.noted("hooked") == ["server loaded"])
    own_server.server.stop()
    assert own_server.noted("hooked") == ["server loaded", "server unloaded"]


# What the configuration of a document asks of the browser; Bokeh has messages of its own for it.


@pytest.mark.parametrize(("app", "told"), [("basics", True), ("quiet", False)])
def test_an_app_may_keep_quiet_about_the_connection(
    servers: dict[str, Served], proxied: Proxied, visitors: Visitors, app: str, told: bool
) -> None:
    proxy, url = proxied(f"{servers['embedsync'].url}/{app}")
    visitors.expected = is_about_the_network
    page = visitors()
    page.clock.install()
    page.goto(url)
    page.wait_for_selector("embed-app[data-state=live]")
    proxy.cut(refuse=True)
    page.wait_for_selector("embed-app[data-state=reconnecting]")
    page.clock.run_for(2000)
    expect(page.get_by_text("Reconnecting")).to_be_visible(visible=told)


def test_an_app_may_forbid_reconnecting(
    servers: dict[str, Served], proxied: Proxied, visitors: Visitors
) -> None:
    proxy, url = proxied(f"{servers['embedsync'].url}/giving_up")
    visitors.expected = is_about_the_network
    page = visitors()
    page.goto(url)
    shown(page)
    proxy.cut()
    expect(page.get_by_text("The connection to this app was lost.")).to_be_visible()
    page.get_by_role("button", name="Try again").click()
    page.wait_for_selector("embed-app[data-state=live]")
    sees(page, "giving up")
