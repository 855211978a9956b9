"""Pages that apps draw themselves."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.compat.conftest import Open, sees

pytestmark = pytest.mark.browser


def box(page: Page, selector: str) -> Any:
    found = page.locator(selector).first.bounding_box()
    assert found is not None, selector
    return found


def test_blocks_of_a_template_stand_in_bokehs_own_page(opened: Open) -> None:
    page = opened("blocks")
    expect(page).to_have_title("Blocks")
    expect(page.get_by_role("heading")).to_have_text("Good <day>")
    expect(page.locator("#names")).to_have_text("count button 2")
    assert page.evaluate("() => window.versionInHead === Bokeh.version")
    page.get_by_role("button", name="Count").click()
    sees(page, "counted")
    assert page.locator("#right").get_by_role("button").count() == 1
    assert page.locator("#left").get_by_text("counted").count() == 1


def test_a_template_of_older_words_places_all_roots(opened: Open) -> None:
    page = opened("places")
    expect(page).to_have_title("Places")
    sees(page, "first root", "second root")
    assert page.locator("main").get_by_text("root").count() == 2


def test_a_directorys_template_places_roots_by_their_names(opened: Open) -> None:
    page = opened("page")
    expect(page).to_have_title("A page of its own")
    expect(page.get_by_role("heading")).to_have_text("Framed")
    expect(page.get_by_role("listitem")).to_have_text(["Ada", "Grace"])
    assert page.locator("#plot .bk-Figure").count() == 1
    assert page.locator("#controls .bk-Slider").count() == 1
    assert page.locator("#footer").get_by_text("level 2").count() == 1


def test_roots_take_part_in_the_layout_of_the_page(opened: Open) -> None:
    page = opened("page")
    page.wait_for_function(
        "() => document.querySelector('#plot .bk-Figure').getBoundingClientRect().width > 400"
    )
    assert round(box(page, "#plot .bk-Figure")["width"]) == 500
    assert round(box(page, "#controls .bk-Slider")["x"]) <= 20


def test_scripts_of_the_page_find_documents_and_views_and_python_hears_of_them(opened: Open) -> None:
    page = opened("page")
    page.wait_for_function("() => window.found >= 4")
    page.evaluate("() => window.setLevel(7)")
    sees(page, "level 7")


def test_a_root_that_comes_later_is_shown_at_the_end_of_the_page(opened: Open) -> None:
    page = opened("page")
    page.get_by_role("button", name="Late").click()
    sees(page, "a root that came later")


def test_a_template_may_depend_on_the_visit(opened: Open) -> None:
    page = opened("sometimes")
    sees(page, "the root")
    expect(page.get_by_role("heading")).to_have_count(0)
    page = opened("sometimes?draw=yes")
    expect(page.get_by_role("heading")).to_have_text("Drawn")
    sees(page, "the root")
