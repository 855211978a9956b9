"""The pages of `embedsync serve` in Chromium."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from bokeh.models import Button, CustomJSTickFormatter
from bokeh.plotting import figure
from playwright.sync_api import expect

from embedsync import Hub
from embedsync.asgi import application
from tests.asgi import server as asgi_server
from tests.browser.conftest import Visitors, embedsync_serve, running
from tests.contract.servers import free_port

pytestmark = pytest.mark.browser

SCRIPTS = {
    "named.py": """
        from bokeh.io import curdoc
        from bokeh.models import Button

        def rename():
            curdoc().title = "Another name"

        button = Button(label="Rename")
        button.on_click(rename)
        curdoc().title = "A name"
        curdoc().add_root(button)
        """,
    "stretched.py": """
        from bokeh.io import curdoc
        from bokeh.plotting import figure

        plot = figure(sizing_mode="stretch_both")
        plot.line([1, 2, 3], [3, 1, 2])
        curdoc().add_root(plot)
        """,
    "moody.py": """
        import pathlib
        from bokeh.io import curdoc
        from bokeh.models import Div

        if not pathlib.Path(__file__).with_suffix(".ready").exists():
            raise ValueError("not in the mood")
        curdoc().add_root(Div(text="in the mood"))
        """,
}


@pytest.fixture(scope="module")
def apps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("apps")
    for name, text in SCRIPTS.items():
        (folder / name).write_text(dedent(text))
    return folder


@pytest.fixture(scope="module")
def site(apps: Path) -> Iterator[str]:
    port = free_port()
    with running(embedsync_serve(port, *(apps / each for each in SCRIPTS)), port, apps / "log") as url:
        yield url


def test_the_index_leads_to_each_app(site: str, visitor: Visitors) -> None:
    page = visitor()
    page.goto(site)
    page.get_by_role("link", name="named").click()
    page.wait_for_selector("embed-app[data-state=live]")
    assert page.url == f"{site}/named"


def test_the_title_of_the_document_is_that_of_the_page_and_follows_it(site: str, visitor: Visitors) -> None:
    page = visitor()
    page.goto(f"{site}/named")
    expect(page).to_have_title("A name")
    page.get_by_role("button", name="Rename").click()
    expect(page).to_have_title("Another name")


def test_an_unnamed_document_leaves_the_page_the_name_of_its_app(site: str, visitor: Visitors) -> None:
    page = visitor()
    page.goto(f"{site}/stretched")
    page.wait_for_selector("embed-app[data-state=live]")
    expect(page).to_have_title("stretched")


@pytest.mark.parametrize("width", [390, 1280])
def test_an_app_that_stretches_fills_the_window_and_no_more(site: str, visitor: Visitors, width: int) -> None:
    page = visitor(width)
    page.goto(f"{site}/stretched")
    page.wait_for_selector("embed-app[data-state=live]")
    plot = page.locator(".bk-Figure").bounding_box()
    assert plot is not None
    assert plot["width"] > width - 30
    assert plot["height"] > 870
    overflow = page.evaluate(
        "() => [document.documentElement.scrollWidth - innerWidth, "
        "document.documentElement.scrollHeight - innerHeight]"
    )
    assert overflow == [0, 0]


def test_an_app_that_could_not_be_started_says_so_and_the_next_try_works(
    apps: Path, site: str, visitor: Visitors
) -> None:
    page = visitor()
    page.goto(f"{site}/moody")
    expect(page.get_by_text("could not be started")).to_be_visible()
    assert "not in the mood" not in page.content()
    (apps / "moody.ready").touch()
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_text("in the mood")).to_be_visible()


def test_what_is_not_there_is_told_with_a_way_on(site: str, visitor: Visitors) -> None:
    visitor.expected = lambda complaint: "404" in complaint
    page = visitor()
    page.goto(f"{site}/none")
    expect(page.get_by_role("heading")).to_have_text("Not found")
    page.get_by_role("link", name="stretched").click()
    page.wait_for_selector("embed-app[data-state=live]")


def test_a_page_that_did_not_wait_for_its_app_learns_what_its_policy_must_allow(
    monkeypatch: pytest.MonkeyPatch, visitor: Visitors
) -> None:
    going_on = threading.Event()

    def compiled(doc: Any) -> None:
        assert going_on.wait(20)
        plot = figure(output_backend="webgl", width=300, height=200)
        plot.scatter([1, 2, 3], [3, 1, 2])
        doc.add_root(plot)

    monkeypatch.setattr("embedsync.asgi.pages._LONGEST_LOOK", 0.05)
    # Chromium tells what the first page forbids, and what it thinks of WebGL without a graphics card.
    visitor.expected = lambda told: "unsafe-eval" in told or "violation" in told or "GPU" in told
    hub = Hub("only for tests")
    hub.add_app("compiled", compiled)
    with asgi_server.running(application(hub, pages=True), hub) as url:
        page = visitor()
        first = page.goto(f"{url}/compiled")
        assert first is not None
        assert "unsafe-eval" not in first.headers["content-security-policy"]
        with page.expect_response(lambda response: response.url == f"{url}/compiled") as second:
            going_on.set()
        assert "'unsafe-eval'" in second.value.headers["content-security-policy"]
        page.wait_for_selector("embed-app[data-state=live]")
        expect(page.locator(".bk-Figure")).to_be_visible()
        page.close()  # Before the server stops: it would try to come back.


def test_a_page_learns_from_a_callback_what_its_policy_must_allow(visitor: Visitors) -> None:
    def growing(doc: Any) -> None:
        def grow() -> None:
            plot = figure(width=300, height=200)
            plot.scatter([1, 2, 3], [3, 1, 2])
            plot.xaxis.formatter = CustomJSTickFormatter(code="return `tick ${tick}`")
            doc.add_root(plot)

        button = Button(label="Grow")
        button.on_click(grow)
        doc.add_root(button)

    # Chromium tells what the first page forbids, and BokehJS what came of it.
    visitor.expected = lambda told: any(
        each in told for each in ("unsafe-eval", "violation", "built properly")
    )
    hub = Hub("only for tests")
    hub.add_app("growing", growing)
    with asgi_server.running(application(hub, pages=True), hub) as url:
        page = visitor()
        page.goto(f"{url}/growing")
        with page.expect_response(lambda response: response.url == f"{url}/growing") as second:
            page.get_by_role("button", name="Grow").click()
        assert "'unsafe-eval'" in second.value.headers["content-security-policy"]
        page.wait_for_selector("embed-app[data-state=live]")
        visitor.expected = lambda told: False
        page.get_by_role("button", name="Grow").click()
        expect(page.locator(".bk-Figure")).to_be_visible()
        page.close()  # Before the server stops: it would try to come back.
