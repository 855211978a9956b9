"""Several viewers of one session."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visitors
from tests.browser.look import attribute, visit, wait_for_value

pytestmark = pytest.mark.browser


def test_models_added_later_are_seen_by_all_viewers_and_edits_to_them_travel_both_ways(
    own_url: str, visitor: Visitors
) -> None:
    first, second = visit(visitor(), f"{own_url}/page/shared"), visit(visitor(), f"{own_url}/page/shared")
    for number, page in enumerate((first, second), 1):
        page.get_by_role("button", name="Add").click()
        for each in (first, second):
            expect(each.get_by_label(f"Field {number}")).to_be_visible()

    first.get_by_label("Field 2").fill("from the first")
    first.keyboard.press("Tab")
    expect(second.get_by_label("Field 2")).to_have_value("from the first")
    wait_for_value(second, "report", "value", "2: from the first")

    second.get_by_label("Field 1").fill("from the second")
    second.keyboard.press("Tab")
    expect(first.get_by_label("Field 1")).to_have_value("from the second")
    wait_for_value(first, "report", "value", "1: from the second")

    late = visit(visitor(), f"{own_url}/page/shared")
    expect(late.get_by_label("Field 1")).to_have_value("from the second")
    expect(late.get_by_label("Field 2")).to_have_value("from the first")
    assert attribute(late, "report", "value") == "1: from the second"


def test_a_name_given_by_the_page_makes_visitors_meet(own_url: str, visitor: Visitors) -> None:
    together = f"{own_url}/page/bench?session=a-room"
    first, second = visit(visitor(), together), visit(visitor(), together)
    alone = visit(visitor(), f"{own_url}/page/bench?session=another-room")
    first.get_by_label("Words").fill("hello")
    first.keyboard.press("Enter")
    for each in (first, second):
        wait_for_value(each, "report", "value", "words are hello")
    assert attribute(alone, "report", "value") == "nothing yet"
