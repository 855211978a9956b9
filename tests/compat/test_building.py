"""Callbacks that bring several things with views of their own, and go on to change what is there.

Bokeh's own server sends each change as a message; here all changes of a callback come as one. Either way,
what is drawn in the end is the same.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pytest
from PIL import Image, ImageChops
from playwright.sync_api import BrowserContext

from tests.browser.look import slider
from tests.compat.conftest import Served, sees, shown

pytestmark = pytest.mark.browser

SHAPES = (
    "legend", "several", "axis", "annotations", "tools", "bar", "children", "moved", "root", "tab", "renewed",
    "with_data",
)  # fmt: skip
CLEARLY = 128  # of 255: by so much what is missing differs from what is there; parts of a pixel by 98.

# All views by the kind of their model, and all elements of the page by the kind that they say they are of.
# Views that something has made twice show as elements that are too many.
_COUNTS = """() => {
  const views = {}, elements = {}
  const count = (counts, name) => { counts[name] = (counts[name] ?? 0) + 1 }
  const look = (view) => { count(views, view.model.type); for (const each of view.children()) look(each) }
  for (const root of Bokeh.documents[0].roots()) look(Bokeh.index.get_by_id(root.id))
  const types = new Set(Object.keys(views))
  const search = (node) => {
    for (const element of node.querySelectorAll("*")) {
      for (const name of element.classList) if (types.has(name.slice(3))) count(elements, name)
      if (element.shadowRoot !== null) search(element.shadowRoot)
    }
  }
  search(document)
  return {views, elements}
}"""


class Visit:
    """A page of the app on one server, with what it complains about."""

    def __init__(self, person: BrowserContext, served: Served) -> None:
        self.complaints: list[str] = []
        self.page = person.new_page()
        self.page.on("console", lambda message: self._note(message.type, message.text))
        self.page.on("pageerror", lambda error: self._note("error", str(error)))
        self.page.goto(f"{served.url}/building")
        shown(self.page)

    def press(self, shape: str) -> None:
        button = self.page.get_by_role("button", name=shape, exact=True)
        button.click()
        sees(self.page, f"{shape} is done")
        button.blur()
        self.page.mouse.move(0, 0)

    @property
    def counts(self) -> Any:
        return self.page.evaluate(_COUNTS)

    @property
    def plots(self) -> list[Image.Image]:
        """What all plots show that can be seen."""
        plots = [each for each in self.page.locator(".bk-Figure").all() if each.is_visible()]
        return [Image.open(BytesIO(each.screenshot())).convert("RGB") for each in plots]

    def _note(self, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            self.complaints.append(f"{kind}: {text}")


@pytest.fixture
def ours(servers: dict[str, Served], person: BrowserContext) -> Iterator[Visit]:
    """A visit here. Whatever the page complains about fails the test."""
    visit = Visit(person, servers["embedsync"])
    yield visit
    visit.page.close()
    assert visit.complaints == []


@pytest.fixture
def theirs(servers: dict[str, Served], person: BrowserContext) -> Iterator[Visit]:
    """A visit at Bokeh's own server."""
    visit = Visit(person, servers["bokeh"])
    yield visit
    visit.page.close()


@pytest.mark.parametrize("shape", SHAPES)
def test_what_a_callback_builds_and_changes_is_drawn_as_under_bokehs_own_server(
    ours: Visit, theirs: Visit, shape: str
) -> None:
    for each in (ours, theirs):
        each.press(shape)
    assert ours.counts == theirs.counts
    _wait_until_drawn_alike(ours, theirs)


def test_all_that_callbacks_build_after_one_another_is_drawn_as_under_bokehs_own_server(
    ours: Visit, theirs: Visit
) -> None:
    for shape in ("legend", "axis", "annotations", "with_data", "children", "renewed"):
        for each in (ours, theirs):
            each.press(shape)
    assert ours.counts == theirs.counts
    _wait_until_drawn_alike(ours, theirs)


def test_what_a_person_does_comes_after_all_that_a_callback_builds_and_changes(ours: Visit) -> None:
    handle = slider(ours.page, 0).element_handle()
    # The first task after the first change moves the slider, and notes what there is to be seen then.
    ours.page.evaluate(
        """(handle) => {
          const document = Bokeh.documents[0]
          const plot = document.get_model_by_name("plot")
          const {port1, port2} = new MessageChannel()
          port1.onmessage = () => {
            const view = Bokeh.index.get_by_id(plot.id)
            const legends = [...view.renderer_views.values()].filter(({model}) => model.type === "Legend")
            globalThis.seen = [plot.title.text, plot.renderers.length, legends.length]
            handle.dispatchEvent(new KeyboardEvent("keydown", {key: "ArrowRight", bubbles: true}))
          }
          plot.properties.renderers.change.connect(() => port2.postMessage(null))
        }""",
        handle,
    )
    ours.press("legend")
    sees(ours.page, "value 2")
    assert ours.page.evaluate("() => globalThis.seen") == ["After", 2, 1]
    assert slider(ours.page, 0).get_attribute("aria-valuenow") == "2.0"


def _wait_until_drawn_alike(ours: Visit, theirs: Visit) -> None:
    deadline = time.monotonic() + 20
    while not _are_alike(ours.plots, theirs.plots):
        assert time.monotonic() < deadline, "the plots are drawn in another way"


def _are_alike(ours: list[Image.Image], theirs: list[Image.Image]) -> bool:
    """Whether pictures show the same, though a line may begin some part of a pixel further on."""
    if [each.size for each in ours] != [each.size for each in theirs]:
        return False
    differences = [ImageChops.difference(one, other) for one, other in zip(ours, theirs, strict=True)]
    return all(most < CLEARLY for each in differences for _, most in each.getextrema())
