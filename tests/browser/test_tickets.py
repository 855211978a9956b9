"""S4, S10: tickets in a real browser, whose pages come from the network, its memory, and its history."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, Request, expect

from tests.browser.conftest import Visitors
from tests.browser.look import visit, wait_until_live
from tests.support import canaries

pytestmark = pytest.mark.browser


class Heard:
    """All addresses that a page asks for, and what it says of where it is."""

    def __init__(self, page: Page) -> None:
        self.addresses: list[str] = []
        self.renewals: list[str] = []
        page.on("request", self._note)
        page.on("websocket", lambda socket: self.addresses.append(socket.url))

    def _note(self, request: Request) -> None:
        self.addresses += [request.url, request.headers.get("referer", "")]
        if request.url.endswith("/ticket"):
            self.renewals.append(request.post_data or "")


def ticket_of(page: Page) -> str:
    ticket: str = page.evaluate("document.querySelector('embed-app').getAttribute('ticket')")
    canaries.plant("a ticket", ticket)
    return ticket


def test_s04_no_address_and_no_referrer_holds_a_ticket(own_url: str, visitor: Visitors) -> None:
    page = visitor()
    heard = Heard(page)
    visit(page, f"{own_url}/page/bench")
    ticket = ticket_of(page)
    page.reload()
    wait_until_live(page)
    assert any(address.startswith("ws") for address in heard.addresses)
    assert not any(ticket in address or ticket[:30] in address for address in heard.addresses)


_SHOWN_AGAIN = """(ticket) => {
  const again = document.querySelector('embed-app').cloneNode()
  again.setAttribute('ticket', ticket)
  again.id = 'again'
  document.body.append(again)
}"""


def test_s10_what_a_browser_has_kept_opens_a_session_of_its_own(own_url: str, visitor: Visitors) -> None:
    """The same markup in two tabs, as from a cache: the second asks for a ticket before it opens."""
    first, second = visitor(), visitor()
    for page in (first, second):
        visit(page, f"{own_url}/page/bench")
    heard = Heard(second)
    second.evaluate(_SHOWN_AGAIN, ticket_of(first))
    expect(second.locator("#again")).to_have_attribute("data-state", "live")
    assert len(heard.renewals) == 1
    shown = "document.querySelector('{}').session.id"
    assert first.evaluate(shown.format("embed-app")) != second.evaluate(shown.format("#again"))


def test_s10_going_back_to_a_page_goes_on(own_url: str, visitor: Visitors) -> None:
    page = visitor()
    visit(page, f"{own_url}/page/bench")
    ticket_of(page)
    page.goto("about:blank")
    page.go_back()
    wait_until_live(page)
    expect(page.locator("embed-app")).to_have_attribute("data-state", "live")
