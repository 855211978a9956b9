"""What callbacks see, and what a person sees of it."""

from __future__ import annotations

import re

import bokeh
import pytest
from playwright.sync_api import expect

from tests.browser.look import slider
from tests.compat.conftest import Open, Served, sees
from tests.support.memory import wait_until

pytestmark = pytest.mark.browser


def test_callbacks_of_widgets_see_the_same_values_in_the_same_order(opened: Open) -> None:
    page = opened("widgets")
    slider(page, 0).press("ArrowRight")
    sees(page, "[slider value 3 4]")
    page.get_by_label("Colour").select_option("green")
    entry = page.get_by_label("Words")
    entry.fill("hello")
    entry.press("Enter")
    page.get_by_role("button", name="Toggle").click()
    sees(page, "[slider value 3 4][select red green][entry hello][toggle True]")
    page.get_by_role("button", name="Press").click()
    sees(
        page,
        "[slider value 3 4][select red green][entry hello][toggle True]"
        "[click][click button_click][event][event ButtonClick]",
    )


def test_a_callback_that_writes_what_it_was_called_for_has_the_last_word(opened: Open) -> None:
    page = opened("widgets")
    # One after the other: steps that wait are merged here.
    for step in ("3 4", "4 5", "5 6", "7 6"):
        slider(page, 0).press("ArrowRight")
        expect(page.get_by_text(f"[slider value {step}]")).to_be_visible()
    page.wait_for_function(
        "() => Bokeh.documents[0].get_model_by_name('slider').value === 6"
        " && document.querySelectorAll('*').length > 0"
    )
    assert page.evaluate("() => Bokeh.documents[0].get_model_by_name('slider').value") == 6


def test_a_callback_that_fails_keeps_no_other_from_running(opened: Open, served: Served) -> None:
    page = opened("failing")
    page.get_by_role("button", name="Fail").click()
    page.get_by_role("button", name="Go on").click()
    sees(page, "went on")
    wait_until(lambda: "on purpose" in served.server.log.read_text())
    assert "on purpose" not in page.inner_text("body")


def test_timed_callbacks_run_once_or_again_and_again_or_never(opened: Open, served: Served) -> None:
    page = opened("timers")
    sees(page, "next tick", "timeout", "ticked 3", "never")
    page.get_by_role("button", name="Wait").click()
    sees(page, "awaited")
    # Before 3.10 Bokeh forgets which document is the current one as soon as a coroutine runs.
    forgets = served.kind == "bokeh" and bokeh.__version__.startswith("3.9.")
    sees(page, f"current {not forgets}")


def test_threads_and_callbacks_without_the_lock_change_a_document_by_its_next_tick(opened: Open) -> None:
    sees(opened("threads"), "from a thread", "without the lock 42", "a change is refused")


def test_a_session_changes_the_documents_of_others(opened: Open) -> None:
    first, second = opened("sessions"), opened("sessions")
    first.get_by_role("button", name="Tell all").click()
    sees(first, "told")
    sees(second, "told")


def test_changes_of_data_arrive_as_parts_and_as_a_whole(opened: Open) -> None:
    page = opened("changes")
    column = "() => Array.from(Bokeh.documents[0].get_model_by_name('source').get_column('y')).join()"

    def has(values: str) -> None:
        page.wait_for_function(f"() => ({column})() === '{values}'")

    has("1,2,3")
    page.get_by_role("button", name="Stream").click()
    has("2,3,9")
    page.get_by_role("button", name="Patch").click()
    has("7.5,3,9")
    page.get_by_role("button", name="Replace").click()
    has("4")


def test_roots_come_and_go_and_titles_change(opened: Open) -> None:
    page = opened("changes")
    expect(page).to_have_title("Changes")
    page.get_by_role("button", name="Add").click()
    sees(page, "a later root")
    page.get_by_role("button", name="Hold").click()
    sees(page, "two")
    page.get_by_role("button", name="Remove").click()
    expect(page.get_by_text("two", exact=True)).to_have_count(0)
    page.get_by_role("button", name="Rename").click()
    expect(page).to_have_title("Renamed")
    page.wait_for_function(
        "() => Bokeh.documents[0].get_model_by_name('plot').title.text === 'Renamed as well'"
    )


def test_javascript_of_the_app_runs_and_python_hears_of_what_it_changed(opened: Open) -> None:
    page = opened("javascript")
    slider(page, 0).press("ArrowRight")
    sees(page, "moved to 2", "Python saw: moved to 2")
    value = "() => Bokeh.documents[0].get_model_by_name('two').value"
    page.wait_for_function(f"() => ({value})() === 2")
    page.wait_for_function("() => window.wasReady === true")


def test_javascript_of_the_app_can_notify_a_visitor(opened: Open) -> None:
    page = opened("javascript")
    page.get_by_role("button", name="Run").click()
    expect(page.get_by_text(re.compile("Well done"))).to_be_visible()
