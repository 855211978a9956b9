"""S21: what somebody has written is shown as text, to whoever sees it.

As in Panel #8049, Dash CVE-2024-21485, LiveView CVE-2026-58228 and Streamlit CVE-2023-27494.
"""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visitors, own_site, running
from tests.browser.look import attribute, visit, wait_for, wait_for_value
from tests.contract.servers import free_port
from tests.security.payloads import MARKUP

pytestmark = pytest.mark.browser

_WRITE = """([name, attribute, value]) =>
  Bokeh.documents[0].get_model_by_name(name).setv({[attribute]: value})"""
_EDIT = """word => Bokeh.documents[0].get_model_by_name("words").patch(new Map([["word", [[0, word]]]]))"""
_INJECTED = """() => {
  const below = root => [...root.querySelectorAll("*")].flatMap(
    each => [each, ...(each.shadowRoot === null ? [] : below(each.shadowRoot))])
  const found = below(document).filter(each => each.matches(
    "img[src=x], iframe, svg[onload], animate, details[ontoggle], math, [onerror], [onload], a[href^=java]"))
  return [window.__xss ?? null, found.map(each => each.outerHTML)]
}"""
_HAS_CELL = """word => Bokeh.documents[0].get_model_by_name("words").data.word[0] === word"""
FIELDS = [
    ("TextInput", "value"),
    ("TextInput", "value_input"),
    ("TextAreaInput", "value"),
    ("PasswordInput", "value"),
    ("AutocompleteInput", "value"),
]


@pytest.fixture(scope="module")
def debugging_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A site that shows why an app cannot be built; its policy lets everything run that could."""
    port, log = free_port(), tmp_path_factory.mktemp("markup") / "site.log"
    policy = "default-src 'self' 'unsafe-inline' 'unsafe-eval' data:"
    with running(own_site(port), port, log, TEST_POLICY=policy, TEST_EMBEDSYNC_DEBUG="true") as url:
        yield url


def check(page: Page) -> None:
    done, injected = page.evaluate(_INJECTED)
    assert injected == []
    assert done is None


def test_s21_what_one_visitor_writes_is_text_to_each_other(debugging_url: str, visitor: Visitors) -> None:
    visitor.expected = lambda complaint: "jquery-ui" in complaint  # Of BokehJS's table.
    writer = visit(visitor(), f"{debugging_url}/page/markup")
    reader = visit(visitor(), f"{debugging_url}/page/markup")
    for payload in MARKUP:
        for name, attribute_name in FIELDS:
            writer.evaluate(_WRITE, [name, attribute_name, payload])
        writer.evaluate(_EDIT, payload)
        for page in (reader, writer):
            for name in ("TextInput", "TextAreaInput", "PasswordInput", "AutocompleteInput"):
                wait_for_value(page, name, "value", payload)
            check(page)
        wait_for(reader, _HAS_CELL, payload)
        # Whoever comes now is shown all of it.
        late = visit(visitor(), f"{debugging_url}/page/markup")
        expect(late.locator(".slick-cell.l1").first).to_have_text(payload.strip())
        check(late)
        late.close()
    assert attribute(reader, "AutocompleteInput", "completions") == [MARKUP[-1]]


def test_s21_what_an_element_and_a_failing_app_say_is_text(debugging_url: str, visitor: Visitors) -> None:
    visitor.expected = lambda complaint: "embedsync" in complaint or "Failed to load resource" in complaint
    page = visitor()
    for payload in MARKUP:
        page.goto(f"{debugging_url}/page/markup?fail={quote(payload)}")
        page.wait_for_selector("embed-app[data-state=error]")
        expect(page.locator("embed-app pre")).to_contain_text("RuntimeError")
        check(page)
    page.evaluate(
        """payloads => {
          for (const payload of payloads) {
            const element = document.createElement("embed-app")
            for (const name of ["app", "ticket", "root", "root-index", "height", "class"])
              element.setAttribute(name, payload)
            element.setAttribute("endpoint", "/live")
            document.body.append(element)
          }
        }""",
        MARKUP,
    )
    page.wait_for_function("document.querySelectorAll('embed-app[data-state=loading]').length === 0")
    check(page)
