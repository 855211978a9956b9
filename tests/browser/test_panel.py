"""Apps of Panel and HoloViews: under `embedsync serve`, and in the pages of a Flask site below a path."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visitors, embedsync_serve, gunicorn, running
from tests.browser.look import visit
from tests.contract.servers import free_port
from tests.panel.site import APPS

pytestmark = pytest.mark.browser


def is_known(complaint: str) -> bool:
    """What Panel says of itself, and what Chromium says of WebGL without a graphics card."""
    return (
        "Unsupported in polyfill mode" in complaint
        or "GPU stall due to ReadPixels" in complaint
        or "fonts.googleapis.com" in complaint
        or "ERR_NAME_NOT_RESOLVED" in complaint
        or "ERR_INTERNET_DISCONNECTED" in complaint
    )


@pytest.fixture(scope="module", params=["serve", "flask"])
def address(request: pytest.FixtureRequest, log_folder: Path) -> Iterator[str]:
    """What stands before the name of an app."""
    port = free_port()
    log = log_folder / f"panel-{request.param}.log"
    served = request.param == "serve"
    apps = sorted(APPS.glob("*.py"))
    command = embedsync_serve(port, *apps) if served else gunicorn(port, "tests.panel.site:create_app()")
    with running(command, port, log) as url:
        yield f"{url}/" if served else f"{url}/deep/down/"
    assert "Traceback" not in log.read_text()


def open_app(visitor: Visitors, address: str, name: str) -> Page:
    visitor.expected = is_known
    return visit(visitor(), f"{address}{name}")


def test_widgets_work_both_ways(address: str, visitor: Visitors) -> None:
    page = open_app(visitor, address, "widgets")
    expect(page.get_by_text("hello, 3")).to_be_visible()
    page.get_by_label("Text").fill("bye")
    page.keyboard.press("Enter")
    expect(page.get_by_text("bye, 3")).to_be_visible()
    page.get_by_role("button", name="Seven").click()
    expect(page.get_by_text("bye, 7")).to_be_visible()
    expect(page.locator(".bk-slider-title")).to_have_text("Number: 7")
    # Panel's style sheets have come: without them a button has another background.
    button = page.get_by_role("button", name="Seven")
    assert button.evaluate("each => getComputedStyle(each).backgroundColor") == "rgb(0, 114, 181)"


def test_a_table_of_an_extension_is_edited(address: str, visitor: Visitors) -> None:
    page = open_app(visitor, address, "table")
    cell = page.locator(".tabulator-cell[tabulator-field=count]").first
    edited = page.get_by_text("count 1 is 15")
    # The library draws its rows again when it has found out how wide they are, and forgets who edits one.
    for _ in range(5):
        cell.dblclick()
        with contextlib.suppress(AssertionError, PlaywrightError):
            cell.locator("input").fill("15", timeout=3000)
            page.keyboard.press("Enter")
            expect(edited).to_be_visible(timeout=3000)
            break
    expect(edited).to_be_visible()


def test_components_with_javascript_of_their_own_work_both_ways(address: str, visitor: Visitors) -> None:
    page = open_app(visitor, address, "components")
    page.get_by_role("button", name="count 0").click()
    expect(page.get_by_text("counter 1, clicked 0")).to_be_visible()
    page.get_by_text("clicked 0", exact=True).click()
    expect(page.get_by_text("counter 1, clicked 1")).to_be_visible()
    expect(page.get_by_role("button", name="count 1")).to_be_visible()


def test_a_plot_of_holoviews_follows_widgets_and_its_streams_hear_a_person(
    address: str, visitor: Visitors
) -> None:
    page = open_app(visitor, address, "curve")
    plot = page.locator(".bk-Canvas").first
    plot.click(position={"x": 200, "y": 120})
    expect(page.get_by_text("tapped True, zoomed False")).to_be_visible()
    plot.hover(position={"x": 200, "y": 120})
    page.mouse.wheel(0, -300)
    expect(page.get_by_text("tapped True, zoomed True")).to_be_visible()
    page.locator(".noUi-handle").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".bk-slider-title")).to_have_text("Slope: 3")
    page.wait_for_function(
        "() => [...Bokeh.documents[0]._all_models.values()]"
        ".some(each => each.type == 'ColumnDataSource' && each.data.y?.[1] == 3)"
    )


def test_a_template_draws_the_page_that_is_its_own_and_not_that_of_a_site(
    address: str, visitor: Visitors
) -> None:
    visitor.expected = is_known
    page = visitor()
    page.goto(f"{address}template")
    expect(page.get_by_text("the number is 3")).to_be_visible()
    page.locator(".noUi-handle").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_text("the number is 4")).to_be_visible()
    is_own_page = not address.endswith("/deep/down/")
    assert page.title() == ("A page of Panel's" if is_own_page else "A page")
    assert page.locator("#sidebar .bk-IntSlider, #sidebar embed-app").count() == (1 if is_own_page else 0)


def test_an_app_knows_its_page(address: str, visitor: Visitors) -> None:
    page = open_app(visitor, address, "state?number=5")
    expect(page.get_by_text("tick 3")).to_be_visible()
    expect(page.get_by_text("loaded at")).to_be_visible()
    expect(page.locator(".bk-slider-title")).to_have_text("Number: 5")
    page.locator(".noUi-handle").focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_url("**/state?number=6")
