"""What only the Django site of the demonstration shows: its table, its people, an app spread over a page."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visitors
from tests.browser.look import (
    Traffic,
    attribute,
    column,
    picture,
    slider,
    visit,
    wait_for,
    wait_for_value,
    wait_until_it_looks_different,
    wait_until_live,
)
from tests.support.demo import PASSWORDS, Database

pytestmark = pytest.mark.browser

PAGES = [
    "",
    "cellar",
    "sliders",
    "crossfilter",
    "stream",
    "two-apps",
    "board",
    "beats",
    "account",
    "visitors",
]


def log_in(page: Page, url: str, name: str) -> Page:
    page.goto(f"{url}/login")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(PASSWORDS[name])
    page.locator("main").get_by_role("button", name="Log in").click()
    expect(page).to_have_url(f"{url}/account")
    return page


def choose(page: Page, tank: str) -> None:
    """Click on a row of the list."""
    page.locator(".slick-row").get_by_text(tank, exact=True).click()
    wait_for(
        page,
        "tank => Bokeh.documents.some(d => [...d.all_models].some("
        "m => m.name === 'heading' && m.text.includes(`<b>${tank}</b>`)))",
        tank,
    )


def wait_until_column_has(page: Page, name: str, value: object, *, has: bool = True) -> None:
    wait_for(
        page,
        "([name, value, has]) => Bokeh.documents.some(d => [...d.all_models].some("
        "m => m.name === 'tanks' && Array.from(m.get_column(name)).includes(value) === has))",
        [name, value, has],
    )


# What is painted last in an app, whether or not it takes clicks.
ON_TOP = """([x, y]) => {
  const { shadowRoot } = document.querySelector('embed-app')
  shadowRoot.querySelector('.roots').inert = false
  return shadowRoot.elementFromPoint(x, y).className
}"""


# The table.


def test_what_is_changed_in_one_window_is_in_the_database_and_in_the_other_window(
    django_url: str, database: Database, visitor: Visitors
) -> None:
    page = visit(log_in(visitor(), django_url, "grace"), f"{django_url}/cellar")
    other = visit(visitor(390), f"{django_url}/cellar")
    shown = picture(other)

    choose(page, "T4")
    page.get_by_label("Beer").fill("Oatmeal Stout")
    page.keyboard.press("Enter")
    wait_until_column_has(other, "beer", "Oatmeal Stout")
    expect(other.locator(".slick-row").get_by_text("Oatmeal Stout")).to_be_visible()
    assert database.tank("T4", "beer") == "Oatmeal Stout"

    # BokehJS's table takes the focus as it is drawn anew: each time the slider gets it after that.
    row = page.locator(".slick-row").filter(has=page.get_by_text("T4", exact=True))
    expect(row).to_contain_text("Oatmeal Stout")
    for litres in (750, 740):
        slider(page, 0).focus()
        page.keyboard.press("ArrowLeft")
        wait_until_column_has(other, "litres", litres)
        expect(row).to_contain_text(str(litres))
    wait_for_value(page, "message", "text", "Saved.")
    assert database.tank("T4", "litres") == 740
    wait_until_it_looks_different(shown, other)

    page.get_by_label("Stage").select_option("Ready")
    wait_for(
        other,
        "() => Bokeh.documents.some(d => [...d.all_models].some("
        "m => m.name === 'sums' && m.text.includes('2,290 litres')))",
    )
    assert database.tank("T4", "stage") == "Ready"


def test_a_change_that_the_model_refuses_is_explained_and_taken_back(
    django_url: str, database: Database, visitor: Visitors
) -> None:
    page = visit(log_in(visitor(), django_url, "grace"), f"{django_url}/cellar")
    choose(page, "T6")
    page.get_by_label("Stage").select_option("Cleaning")
    expect(page.get_by_text("T6 has to be empty while it is cleaned.")).to_be_visible()
    expect(page.get_by_label("Stage")).to_have_value("Ready")
    page.get_by_label("Degrees").fill("80")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Ensure this value is less than or equal to 30.")).to_be_visible()
    expect(page.get_by_label("Degrees")).to_have_value("3")
    assert database.query("SELECT stage, temperature FROM cellar_tank WHERE name = 'T6'") == [("Ready", 3.0)]


def test_a_row_that_is_added_in_the_admin_appears_and_disappears_in_open_dashboards(
    django_url: str, database: Database, visitor: Visitors
) -> None:
    first, second = (visit(visitor(), f"{django_url}/cellar") for _ in range(2))
    choose(first, "T2")
    staff = log_in(visitor(), django_url, "ada")
    staff.goto(f"{django_url}/admin/cellar/tank/add/")
    staff.get_by_label("Name").fill("New")
    staff.get_by_label("Beer").fill("Barley Wine")
    staff.get_by_label("Stage").select_option("Maturing")
    staff.get_by_label("Capacity in litres").fill("2500")
    staff.get_by_label("Litres:", exact=True).fill("2400")
    staff.get_by_role("button", name="Save", exact=True).click()
    expect(staff.get_by_text("was added successfully")).to_be_visible()
    for page in (first, second):
        expect(page.locator(".slick-row").get_by_text("Barley Wine")).to_be_visible()
    assert "<b>T2</b>" in attribute(first, "heading", "text"), "the choice is kept though its row has moved"
    assert attribute(first, "beer", "value") == database.tank("T2", "beer")

    staff.goto(f"{django_url}/admin/cellar/tank/{database.tank('New', 'id')}/delete/")
    staff.get_by_role("button", name="Yes, I’m sure").click()
    for page in (first, second):
        wait_until_column_has(page, "name", "New", has=False)
        expect(page.locator(".slick-row").get_by_text("Barley Wine")).to_have_count(0)
    assert database.tank("New", "id") is None


def test_a_tank_is_chosen_in_the_picture_too(django_url: str, visitor: Visitors) -> None:
    page = visit(visitor(), f"{django_url}/cellar")
    box = page.locator("canvas").first.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] - 30, box["y"] + box["height"] / 2)
    last = column(page, "tanks", "name")[-1]
    wait_for(
        page,
        "name => Bokeh.documents.some(d => [...d.all_models].some("
        "m => m.name === 'heading' && m.text.includes(`<b>${name}</b>`)))",
        last,
    )


def test_a_stranger_sees_the_dashboard_but_cannot_change_it(django_url: str, visitor: Visitors) -> None:
    page = visit(visitor(), f"{django_url}/cellar")
    expect(page.get_by_label("Beer")).to_be_disabled()
    page.get_by_role("link", name="log in", exact=True).click()
    page.get_by_label("Name").fill("grace")
    page.get_by_label("Password").fill(PASSWORDS["grace"])
    page.locator("main").get_by_role("button", name="Log in").click()
    expect(page).to_have_url(f"{django_url}/cellar")
    wait_until_live(page)
    expect(page.get_by_label("Beer")).to_be_enabled()


# People.


def test_the_staff_page_refuses_grace_and_shows_ada_who_is_here(django_url: str, visitor: Visitors) -> None:
    visitor.expected = lambda complaint: "403" in complaint
    grace = log_in(visitor(), django_url, "grace")
    grace.goto(f"{django_url}/visitors")
    expect(grace.get_by_role("heading", name="This page is for staff only")).to_be_visible()
    expect(grace.locator("embed-app")).to_have_count(0)
    visit(grace, f"{django_url}/cellar")

    ada = visit(log_in(visitor(), django_url, "ada"), f"{django_url}/visitors")
    expect(ada.locator(".slick-row").get_by_text("Grace Hopper").first).to_be_visible()
    expect(ada.locator(".slick-row").get_by_text("Ada Lovelace").first).to_be_visible()


def test_logging_out_closes_the_live_app_of_another_tab_at_once(django_url: str, visitor: Visitors) -> None:
    visitor.expected = lambda complaint: "403" in complaint
    page = visit(log_in(visitor(), django_url, "ada"), f"{django_url}/account")
    expect(page.get_by_role("heading", name="Hello, Ada Lovelace!")).to_be_visible()
    tab = page.context.new_page()
    tab.goto(f"{django_url}/sliders")
    page.evaluate("() => addEventListener('embedsync:error', () => { window.closedAt = performance.now() })")
    began = page.evaluate("() => performance.now()")
    tab.get_by_role("button", name="Log out").click(no_wait_after=True)
    expect(page.locator("embed-app")).to_have_attribute("data-state", "error", timeout=20_000)
    # By itself, the server would look only within a minute whether she is still logged in.
    assert page.evaluate("() => window.closedAt") - began < 20_000
    cover = page.locator("embed-app .cover")
    expect(cover).to_contain_text("You have been logged out. Load the page again to go on.")
    question = page.get_by_role("button", name="What time is it on the server?").bounding_box()
    assert question is not None
    assert page.evaluate(ON_TOP, [question["x"] + 5, question["y"] + 5]) == "cover"
    cover.get_by_role("button", name="Load the page again").click()
    expect(page).to_have_url(f"{django_url}/login?next=/account")
    expect(page.get_by_text("Please log in to see this page.")).to_be_visible()


def test_logging_out_on_the_page_of_a_live_app_leads_home_without_a_word(
    django_url: str, visitor: Visitors
) -> None:
    # The page may still ask whether its app can go on, while it is being left.
    visitor.expected = lambda complaint: "403" in complaint
    page = visit(log_in(visitor(), django_url, "ada"), f"{django_url}/account")
    page.get_by_role("button", name="Log out").click()
    expect(page).to_have_url(f"{django_url}/")
    wait_until_live(page)
    expect(page.get_by_role("link", name="Log in", exact=True)).to_be_visible()


# One app over a page.


def test_an_app_spread_over_a_text_is_one_session_on_one_socket(django_url: str, visitor: Visitors) -> None:
    page = visitor()
    traffic = Traffic(page)
    visit(page, f"{django_url}/beats", count=4)
    sessions = "() => new Set([...document.querySelectorAll('embed-app')].map(e => e.session.id)).size"
    assert page.evaluate(sessions) == 1
    assert len(traffic.sockets) == 1

    figure = page.locator(".essay-figure")
    shown = figure.screenshot()
    expect(page.get_by_text("3 times a second")).to_be_visible()
    slider(page, 0).focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_text("4 times a second")).to_be_visible()
    wait_until_it_looks_different(shown, figure)


@pytest.mark.parametrize("name", PAGES)
def test_no_page_is_wider_than_a_telephone(django_url: str, visitor: Visitors, name: str) -> None:
    page = log_in(visitor(390), django_url, "ada")
    page.goto(f"{django_url}/{name}")
    wait_until_live(page)
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
