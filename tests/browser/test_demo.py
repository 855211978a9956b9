"""The demonstration apps in Chromium, in both sites and under `embedsync serve`."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visitors
from tests.browser.look import (
    attribute,
    column,
    picture,
    slider,
    visit,
    wait_for,
    wait_until_it_looks_different,
)

pytestmark = pytest.mark.browser


def test_moving_a_slider_changes_the_curve(site: str, visitor: Visitors) -> None:
    page = visit(visitor(), f"{site}/sliders")
    before, shown = column(page, "curve", "y"), picture(page)
    slider(page, 1).focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    amplitude = attribute(page, "amplitude", "value")
    assert amplitude > 1
    wait_for(
        page,
        "height => Bokeh.documents.some(d => [...d.all_models].some("
        "m => m.name === 'curve' && Math.abs(Math.max(...m.get_column('y')) - height) < 0.01))",
        amplitude,
    )
    after = column(page, "curve", "y")
    assert len(after) == len(before) == 200
    wait_until_it_looks_different(shown, page)


def test_typing_changes_the_title(site: str, visitor: Visitors) -> None:
    page = visit(visitor(), f"{site}/sliders")
    page.get_by_label("Title").fill("A title of the test")
    page.keyboard.press("Enter")
    wait_for(
        page,
        "() => Bokeh.documents.some(d => [...d.all_models].some("
        "m => m.type === 'Title' && m.text === 'A title of the test'))",
    )


def test_crossfilter_rebuilds_its_plot(site: str, visitor: Visitors) -> None:
    page = visit(visitor(), f"{site}/crossfilter")
    models = "Bokeh.documents.flatMap(each => [...each.all_models])"
    ids = f"() => {models}.filter(each => each.type === 'Figure').map(each => each.id)"
    before = page.evaluate(ids)
    select = page.get_by_label("X axis").or_(page.locator("select").first).first
    options = select.locator("option").all_inner_texts()
    chosen = select.evaluate("element => element.selectedOptions[0].label")
    other = next(each for each in options if each != chosen)
    select.select_option(label=other)
    wait_for(page, f"before => JSON.stringify(({ids})()) !== JSON.stringify(before)", before)
    assert len(page.evaluate(ids)) == 1, "the former plot is gone"


def test_selecting_points_reaches_python(site: str, visitor: Visitors) -> None:
    page = visit(visitor(), f"{site}/crossfilter")
    before = attribute(page, "report", "text")
    box = page.locator(".bk-Canvas, canvas").first.bounding_box()
    assert box is not None
    left, top = box["x"] + box["width"] * 0.3, box["y"] + box["height"] * 0.3
    page.mouse.move(left, top)
    page.mouse.down()
    page.mouse.move(left + box["width"] * 0.4, top + box["height"] * 0.4, steps=8)
    page.mouse.up()
    wait_for(
        page,
        "before => Bokeh.documents.some(d => [...d.all_models].some("
        "m => m.name === 'report' && m.text !== before))",
        before,
    )
    assert attribute(page, "report", "text") != before


def test_the_stream_moves(site: str, visitor: Visitors) -> None:
    page = visit(visitor(), f"{site}/stream")
    before = column(page, "prices", "time")[-1]
    wait_for(
        page,
        "before => Bokeh.documents.some(d => [...d.all_models].some("
        "m => m.name === 'prices' && m.get_column('time').at(-1) > before))",
        before,
    )


def test_two_visitors_do_not_see_each_others_state(site: str, visitor: Visitors) -> None:
    first, second = visit(visitor(), f"{site}/sliders"), visit(visitor(), f"{site}/sliders")
    second_before = attribute(second, "amplitude", "value")
    slider(first, 1).focus()
    first.keyboard.press("ArrowRight")
    wait_for(
        first,
        "before => Bokeh.documents.some(d => [...d.all_models].some("
        "m => m.name === 'amplitude' && m.value !== before))",
        second_before,
    )
    slider(second, 3).focus()
    second.keyboard.press("ArrowRight")
    wait_for(second, "() => Bokeh.documents.length === 1")
    assert attribute(second, "amplitude", "value") == second_before
    assert attribute(first, "frequency", "value") != attribute(second, "frequency", "value")


def test_viewers_of_a_shared_session_see_each_others_changes(demo_url: str, visitor: Visitors) -> None:
    first, second = visit(visitor(), f"{demo_url}/board"), visit(visitor(), f"{demo_url}/board")
    first.get_by_label("Your note").fill("written by the first")
    first.keyboard.press("Tab")
    first.get_by_role("button", name="Pin it to the board").click()
    expect(second.get_by_text("written by the first").first).to_be_visible()


def test_two_apps_share_one_socket(demo_url: str, visitor: Visitors) -> None:
    page = visitor()
    sockets: list[str] = []
    page.on("websocket", lambda each: sockets.append(each.url))
    visit(page, f"{demo_url}/two-apps", count=2)
    assert len(sockets) == 1


def test_only_the_bundles_that_are_needed_are_loaded_and_once(demo_url: str, visitor: Visitors) -> None:
    page = visitor()
    scripts: list[str] = []
    page.on("request", lambda each: scripts.append(each.url) if "/bokeh/" in each.url else None)
    visit(page, f"{demo_url}/sliders")
    names = sorted(each.rpartition("/")[2] for each in scripts)
    assert names == ["bokeh-widgets.min.js", "bokeh.min.js"]
