"""What a person sees and does on a page with live apps."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

from playwright.sync_api import ElementHandle, Locator, Page, WebSocket, expect

from embedsync import wire

_Frame = TypeVar("_Frame")

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
    """Wait until all apps of a page are live; there must be one at least."""
    apps = page.locator("embed-app")
    apps.first.wait_for(state="attached")
    for each in apps.all():
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


def wait_until_it_looks_different(shown: bytes, place: Locator | Page) -> None:
    """Wait until an element, or the first plot of a page, is no longer painted as in a picture of it."""
    deadline = time.monotonic() + 20
    while (picture(place) if isinstance(place, Page) else place.screenshot()) == shown:
        assert time.monotonic() < deadline, "it looks as it did"


def wait_for_value(page: Page, name: str, attribute_name: str, value: Any) -> None:
    """Wait until a property of the browser's model that the app calls ``name`` has a value."""
    wait_for(
        page,
        f"([name, attribute, value]) => ({_MODEL})([name, attribute]) === value",
        [name, attribute_name, value],
    )


def wait_for_rows(page: Page, name: str, column_name: str, more_than: int) -> None:
    """Wait until a column of the data source ``name`` is longer than this."""
    expression = f"([name, column, rows]) => ({_COLUMN})([name, column]).length > rows"
    wait_for(page, expression, [name, column_name, more_than])


def canvas(page: Page) -> ElementHandle:
    """The canvas of the first plot, as this element and no later one in its place."""
    return page.locator("canvas").first.element_handle()


def is_on_page(element: ElementHandle) -> bool:
    return bool(element.evaluate("element => element.isConnected"))


def zoom(page: Page) -> None:
    """Turn the wheel over the first plot."""
    box = page.locator(".bk-Canvas, canvas").first.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.wheel(0, -200)


class Traffic:
    """The frames that a page receives, and its sockets. To be made before the page is opened."""

    def __init__(self, page: Page) -> None:
        self.sockets: list[WebSocket] = []
        self.frames: list[wire.ServerFrame] = []
        self._page = page
        page.on("websocket", self._watch)

    def of(self, kind: type[_Frame]) -> list[_Frame]:
        return [each for each in self.frames if isinstance(each, kind)]

    def wait_for(self, kind: type[_Frame], count: int) -> None:
        """Wait until so many frames of a kind have come."""
        self._wait_until(
            lambda: len(self.of(kind)) >= count, lambda: f"not {count} {kind.__name__}: {self.frames}"
        )

    def wait_until_closed(self) -> None:
        """Wait until the page has none of its sockets any more."""
        self._wait_until(
            lambda: all(each.is_closed() for each in self.sockets),
            lambda: f"still open: {[each.url for each in self.sockets if not each.is_closed()]}",
        )

    def _wait_until(self, condition: Callable[[], bool], missing: Callable[[], str]) -> None:
        deadline = time.monotonic() + 20
        while not condition():
            assert time.monotonic() < deadline, missing()
            self._page.wait_for_timeout(20)  # In it, events of the page are taken in.

    def _watch(self, socket: WebSocket) -> None:
        self.sockets.append(socket)
        socket.on("framereceived", self._note)

    def _note(self, message: bytes | str) -> None:
        assert isinstance(message, bytes)
        self.frames.append(wire.decode_server_frame(message)[1])
