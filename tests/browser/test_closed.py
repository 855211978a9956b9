"""A person can use every input and every tool of a site, where browsers may change that and no more."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import Visitors, own_site, running
from tests.browser.look import wait_for
from tests.contract.servers import free_port

pytestmark = pytest.mark.browser


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[str]:
    """A site of its own, whose log must not speak of a refusal."""
    port = free_port()
    log = tmp_path / "site.log"
    with running(own_site(port), port, log) as url:
        yield url
    assert "refused" not in log.read_text()


def is_of_bokehjs(complaint: str) -> bool:
    """What BokehJS's own libraries say of one another."""
    return "jquery-ui" in complaint or "allowHTML" in complaint


def open_app(visitor: Visitors, url: str, name: str) -> Page:
    visitor.expected = is_of_bokehjs
    page = visitor()
    page.goto(f"{url}/page/{name}")
    page.wait_for_selector("embed-app[data-state=live]")
    return page


_HEARS = """name => Bokeh.documents[0].get_model_by_name("heard").text.split(" ").includes(name)"""


def hears(page: Page, *names: str) -> None:
    for name in names:
        wait_for(page, _HEARS, name)


def test_every_input_works(closed: str, visitor: Visitors, tmp_path: Path) -> None:
    page = open_app(visitor, closed, "inputs")
    page.get_by_role("button", name="Button", exact=True).click()
    hears(page, "Button")
    page.get_by_role("button", name="Dropdown").click()
    page.get_by_text("First", exact=True).click()
    hears(page, "Dropdown")
    page.get_by_role("button", name="Toggle").click()
    page.locator(".bk-Checkbox input").check()
    page.locator(".bk-Switch").click(position={"x": 10, "y": 8})
    page.get_by_label("check B").check()
    page.get_by_label("radio B").check()
    page.get_by_role("button", name="box B").click()
    page.get_by_role("button", name="knob B").click()
    hears(page, "Toggle", "Checkbox", "Switch", "CheckboxGroup", "RadioGroup", "CheckboxButtonGroup")
    hears(page, "RadioButtonGroup")
    for name in ("TextInput", "TextAreaInput", "PasswordInput"):
        page.get_by_label(name, exact=True).fill("some words")
        page.get_by_label(name, exact=True).press("Tab")
        hears(page, name)
    page.get_by_label("AutocompleteInput").type("ap")
    page.get_by_text("apple").click()
    hears(page, "AutocompleteInput")
    page.get_by_label("NumericInput").fill("7")
    page.get_by_label("NumericInput").press("Enter")
    page.get_by_label("Spinner").fill("8")
    page.get_by_label("Spinner").press("Tab")
    hears(page, "NumericInput", "Spinner")
    page.get_by_label("Select", exact=True).select_option("b")
    page.get_by_label("MultiSelect").select_option(["a", "b"])
    hears(page, "Select", "MultiSelect")
    page.locator(".bk-MultiChoice").click()
    page.get_by_text("choice B").click()
    hears(page, "MultiChoice")
    page.get_by_label("ColorPicker").fill("#ff0000")
    hears(page, "ColorPicker")
    letter = tmp_path / "letter.txt"
    letter.write_text("dear all")
    page.get_by_label("FileInput").set_input_files(letter)
    hears(page, "FileInput")


def test_every_slider_picker_tab_and_table_works(closed: str, visitor: Visitors) -> None:
    page = open_app(visitor, closed, "inputs")
    for title in (
        "Slider", "RangeSlider", "DateSlider", "DateRangeSlider", "DatetimeRangeSlider", "CategoricalSlider"
    ):  # fmt: skip
        page.locator(f".bk-{title} .noUi-handle").first.press("ArrowRight")
        hears(page, title)
    page.get_by_text("Tab B").first.click()
    hears(page, "Tabs")
    page.locator(".bk-DatePicker input:not([type=hidden])").first.click()
    page.locator(".flatpickr-calendar.open .flatpickr-day", has_text="17").first.click()
    hears(page, "DatePicker")
    page.locator(".bk-TimePicker input:not([type=hidden])").first.click()
    page.locator(".flatpickr-calendar.open .flatpickr-hour").first.fill("11")
    page.keyboard.press("Enter")
    hears(page, "TimePicker")
    page.locator(".bk-DatetimePicker input:not([type=hidden])").first.click()
    page.locator(".flatpickr-calendar.open .flatpickr-day", has_text="17").first.click()
    hears(page, "DatetimePicker")
    page.keyboard.press("Escape")
    page.locator(".slick-cell", has_text="two").first.click()
    hears(page, "selected")
    # What the grid does with a cell that was edited.
    page.evaluate(
        """() => Bokeh.documents[0].get_model_by_name("table").source
            .patch(new Map([["word", [[1, "three"]]]]))"""
    )
    hears(page, "edited")


_FRAME = """name => {
  const model = Bokeh.documents[0].get_model_by_name(name)
  const view = Bokeh.index.find_one_by_id(model.id)
  view.el.scrollIntoView({block: "center"})
  const {left, top} = view.canvas_view.el.getBoundingClientRect()
  const {x, y, width, height} = view.frame.bbox
  return [left + x, top + y, width, height]
}"""


class Plot:
    """One of the plots of the app, and a hand on the mouse; places are its data, from 0 to 10."""

    def __init__(self, page: Page, name: str) -> None:
        self._mouse = page.mouse
        self._left, self._top, self._width, self._height = page.evaluate(_FRAME, name)

    def at(self, x: float, y: float) -> tuple[float, float]:
        return self._left + self._width * x / 10, self._top + self._height * (1 - y / 10)

    def drag(self, *places: tuple[float, float]) -> None:
        self._mouse.move(*self.at(*places[0]))
        self._mouse.down()
        for each in places[1:]:
            self._mouse.move(*self.at(*each), steps=5)
        self._mouse.up()

    def click(self, x: float, y: float) -> None:
        self._mouse.click(*self.at(x, y))

    def wheel(self, x: float, y: float) -> None:
        self._mouse.move(*self.at(x, y))
        self._mouse.wheel(0, -200)


def test_every_tool_works(closed: str, visitor: Visitors) -> None:
    page = open_app(visitor, closed, "tools")
    moved = Plot(page, "moved")
    moved.click(5, 8)
    hears(page, "tapped")
    moved.drag((6, 2), (7, 3))
    moved.wheel(5, 5)
    hears(page, "panned")
    page.get_by_title("Reset").first.click()
    hears(page, "reset")
    page.locator(".bk-Legend").first.get_by_text("points").click()
    hears(page, "hidden")
    Plot(page, "selected").drag((1, 1), (6, 9))
    hears(page, "selected", "geometry")
    Plot(page, "drawn").click(8, 4)
    hears(page, "drawn")
    Plot(page, "edited").drag((4.5, 5), (6, 6))
    hears(page, "boxes")
    Plot(page, "overview").drag((4, 5), (5, 5))
    hears(page, "ranged")
    Plot(page, "dragged").drag((4, 5), (5, 6))
    hears(page, "area")
    Plot(page, "dragged").drag((9, 5), (8, 5))
    hears(page, "span")


def test_help_tabs_groups_and_texts_for_numbers_work(closed: str, visitor: Visitors) -> None:
    page = open_app(visitor, closed, "helps")
    page.locator(".bk-HelpButton button").click()
    page.get_by_text("what it does").wait_for()
    hears(page, "help")
    page.locator(".bk-TextInput .bk-description").click()
    hears(page, "description")
    page.locator(".bk-Tabs .bk-close").nth(0).click()
    hears(page, "tabs1")
    page.locator(".bk-Tabs .bk-close").nth(0).click()
    hears(page, "tabs0")
    page.get_by_text("Told tab").hover()
    hears(page, "told")
    Plot(page, "plot").drag((6, 2), (7, 3))
    hears(page, "panned")
    page.get_by_title("Undo").click()
    page.get_by_role("button", name="Hide").click()
    hears(page, "group")
    page.locator(".slick-cell", has_text="11").first.dblclick()
    page.locator(".slick-cell.editable input").fill("33")
    page.keyboard.press("Enter")
    hears(page, "number33")
