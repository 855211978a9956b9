"""What a person sees and does on a page with live apps."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Locator, Page, expect

_MODEL = """([name, attribute]) => {
  for (const doc of Bokeh.documents) {
    for (const model of doc.all_models) {
      if (model.name === name) { const value = model[attribute]; return value }
    }
  }
  return null
}"""
_COLUMN = """([name, column]) => {
  for (const doc of Bokeh.documents) {
    for (const model of doc.all_models) {
      if (model.name === name) { return Array.from(model.get_column(column)) }
    }
  }
  return null
}"""


def visit(page: Page, url: str, count: int = 1) -> Page:
    """Open a page and wait until all its apps are live."""
    page.goto(url)
    expect(page.locator("embed-app")).to_have_count(count)
    wait_until_live(page)
    return page


def wait_until_live(page: Page) -> None:
    for each in page.locator("embed-app").all():
        expect(each).to_have_attribute("data-state", "live", timeout=20_000)


def attribute(page: Page, name: str, attribute_name: str) -> Any:
    """A property of the browser's model that the app calls ``name``."""
    return page.evaluate(_MODEL, [name, attribute_name])


def column(page: Page, name: str, column_name: str) -> list[float]:
    """A column of the data source that the app calls ``name``."""
    values: list[float] = page.evaluate(_COLUMN, [name, column_name])
    return values


def wait_for(page: Page, expression: str, argument: Any = None) -> None:
    """Wait until a JavaScript expression, given the argument, is true."""
    page.wait_for_function(expression, arg=argument, timeout=20_000)


def slider(page: Page, position: int) -> Locator:
    """The handle of a slider, counted from 0."""
    return page.locator(".noUi-handle").nth(position)


def picture(page: Page) -> bytes:
    """What the first plot shows."""
    return page.locator(".bk-Canvas, .bk-CanvasPanel, canvas").first.screenshot()
