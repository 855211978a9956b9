"""Apps in pages with a dark colour scheme: BokehJS paints tables and inputs white, whatever the page does."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visitors
from tests.browser.look import visit

pytestmark = pytest.mark.browser

_SCHEME = """scheme => {
  const sheet = new CSSStyleSheet()
  sheet.replaceSync(`:root { color-scheme: ${scheme}; }`)
  document.adoptedStyleSheets.push(sheet)
}"""
CELL, INPUT = ".slick-cell:not(.bk-cell-index)", ".bk-input"
KINDS = [CELL, INPUT, ".slick-header-column", "label"]
_CONTRASTS = """kinds => {
  const below = root => [...root.querySelectorAll("*")].flatMap(
    each => [each, ...(each.shadowRoot === null ? [] : below(each.shadowRoot))])
  const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true})
  const luminance = colour => {
    canvas.clearRect(0, 0, 1, 1)
    canvas.fillStyle = colour
    canvas.fillRect(0, 0, 1, 1)
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data
    return a === 0 ? null : (0.2126 * r + 0.7152 * g + 0.0722 * b) / 255
  }
  const ground = element => {
    for (let each = element; each; each = each.parentElement ?? each.getRootNode().host) {
      const found = luminance(getComputedStyle(each).backgroundColor)
      if (found !== null) return found
    }
    return getComputedStyle(document.documentElement).colorScheme === "dark" ? 0 : 1
  }
  return Object.fromEntries(kinds.map(kind => {
    const found = below(document).find(each => each.matches(kind))
    return [kind, Math.abs(luminance(getComputedStyle(found).color) - ground(found))]
  }))
}"""


def show(page: Page, url: str, scheme: str) -> dict[str, float]:
    """How far text is from its ground, from 0 to 1, in an app on a page of such a scheme."""
    visit(page, url)
    expect(page.locator(".slick-cell").first).to_be_visible()
    page.evaluate(_SCHEME, scheme)
    found: dict[str, float] = page.evaluate(_CONTRASTS, KINDS)
    return found


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_stands_in_tables_inputs_and_labels_can_be_read(
    own_url: str, visitor: Visitors, pictures: Path, scheme: str, width: int
) -> None:
    visitor.expected = lambda complaint: "jquery-ui" in complaint  # Of BokehJS's table.
    page = visitor(width)
    contrasts = show(page, f"{own_url}/page/markup", scheme)
    page.screenshot(path=pictures / f"scheme-{scheme}-{width}.png")
    assert min(contrasts.values()) > 0.6, contrasts


def test_a_site_whose_apps_paint_tables_and_inputs_dark_takes_the_scheme_of_the_page(
    own_url: str, visitor: Visitors
) -> None:
    visitor.expected = lambda complaint: "jquery-ui" in complaint  # Of BokehJS's table.
    page = visitor()
    contrasts = show(
        page,
        f"{own_url}/page/markup",
        "dark; --embedsync-table-text: currentcolor; --embedsync-input-scheme: dark",
    )
    assert contrasts[".slick-cell:not(.bk-cell-index)"] == contrasts[".bk-input"] == 0, (
        "light, as the page's text"
    )
