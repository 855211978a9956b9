"""The element in pages that add, move and remove it, as scripts, routers and htmx do."""

from __future__ import annotations

import json
import urllib.request

import pytest
from playwright.sync_api import Page, expect

from embedsync import wire
from tests.browser.conftest import Visitors
from tests.browser.look import (
    Traffic,
    canvas,
    is_on_page,
    slider,
    visit,
    wait_for,
    wait_for_value,
    wait_until_live,
)
from tests.support.memory import wait_until

pytestmark = pytest.mark.browser

NOTHING_LEFT = """() => Bokeh.documents.length === 0 && Object.keys(Bokeh.index).length === 0
  && (Bokeh.index.roots ?? []).length === 0"""
SWAP = """async (address) => {
  const answer = await fetch(address)
  document.getElementById('main').innerHTML = await answer.text()
}"""


def sessions(url: str) -> list[str]:
    with urllib.request.urlopen(f"{url}/sessions", timeout=10) as answer:
        found: list[str] = json.load(answer)
    return found


def session(page: Page, position: int = 0) -> str:
    """The session that an element of the page shows."""
    found: str = page.evaluate("n => document.querySelectorAll('embed-app')[n].session.id", position)
    return found


def test_removing_the_element_frees_everything(own_url: str, visitor: Visitors) -> None:
    page = visitor()
    traffic = Traffic(page)
    visit(page, f"{own_url}/page/bench")
    mine = session(page)
    assert mine in sessions(own_url)
    page.evaluate("() => document.querySelector('embed-app').remove()")
    wait_for(page, NOTHING_LEFT)
    wait_until(lambda: mine not in sessions(own_url))
    traffic.wait_until_closed()
    assert len(traffic.sockets) == 1
    assert page.locator("canvas, .noUi-handle").count() == 0


def test_what_a_removed_element_held_can_be_collected(own_url: str, visitor: Visitors) -> None:
    page = visit(visitor(), f"{own_url}/page/bench")
    page.evaluate(
        """() => {
          const element = document.querySelector('embed-app')
          window.watched = [element, element.session, Bokeh.documents[0], Bokeh.documents[0].roots()[0]]
            .map(each => new WeakRef(each))
          element.remove()
        }"""
    )
    wait_for(page, NOTHING_LEFT)
    page.request.get(f"{own_url}/sessions")
    client = page.context.new_cdp_session(page)
    client.send("HeapProfiler.enable")

    def collected() -> bool:
        client.send("HeapProfiler.collectGarbage")
        return page.evaluate("() => watched.every(each => each.deref() === undefined)") is True

    wait_until(collected)


def test_an_element_that_is_moved_stays_live(own_url: str, visitor: Visitors) -> None:
    page = visitor()
    traffic = Traffic(page)
    visit(page, f"{own_url}/page/bench")
    shown, before = canvas(page), session(page)
    page.evaluate(
        """() => {
          const place = document.body.appendChild(document.createElement('section'))
          place.append(document.querySelector('embed-app'))
        }"""
    )
    slider(page, 0).focus()
    page.keyboard.press("ArrowRight")
    wait_for_value(page, "report", "value", "amount is 2")
    assert is_on_page(shown)
    assert session(page) == before
    assert len(traffic.sockets) == 1


def test_content_that_is_swapped_in_brings_its_own_app_and_lets_the_former_go(
    own_url: str, visitor: Visitors
) -> None:
    page = visitor()
    traffic = Traffic(page)
    visit(page, f"{own_url}/page/bench")
    before = session(page)
    page.evaluate(SWAP, f"{own_url}/page/shared?bare")
    expect(page.get_by_role("button", name="Add")).to_be_visible()
    wait_until_live(page)
    wait_for(page, "() => Bokeh.documents.length === 1")
    wait_until(lambda: before not in sessions(own_url))
    assert page.get_by_label("Words").count() == 0
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_label("Field 1")).to_be_visible()
    assert len(traffic.sockets) <= 2


def test_a_second_app_added_later_shares_the_socket(own_url: str, visitor: Visitors) -> None:
    page = visitor()
    traffic = Traffic(page)
    visit(page, f"{own_url}/page/bench")
    page.evaluate(
        """async address => {
          const answer = await fetch(address)
          document.getElementById('main').insertAdjacentHTML('beforeend', await answer.text())
        }""",
        f"{own_url}/page/javascript?bare",
    )
    expect(page.locator("embed-app")).to_have_count(2)
    wait_until_live(page)
    assert len(traffic.sockets) == 1
    assert session(page, 0) != session(page, 1)
    page.evaluate("() => document.querySelectorAll('embed-app')[0].remove()")
    wait_for(page, "() => Bokeh.documents.length === 1")
    expect(page.locator("embed-app")).to_have_attribute("data-state", "live")
    assert not traffic.sockets[0].is_closed(), "the other app still uses it"


def test_an_app_mounted_by_a_script_is_live_and_unmounts_again(own_url: str, visitor: Visitors) -> None:
    page = visit(visitor(), f"{own_url}/page/bench")
    page.evaluate(
        """async () => {
          const present = document.querySelector('embed-app')
          const {mount} = await import(document.querySelector('script[type=module]').src)
          const names = ['app', 'ticket', 'endpoint']
          const options = Object.fromEntries(names.map(name => [name, present.getAttribute(name)]))
          present.remove()
          window.mounted = mount(document.body, options)
        }"""
    )
    wait_until_live(page)
    slider(page, 0).focus()
    page.keyboard.press("ArrowRight")
    wait_for_value(page, "report", "value", "amount is 2")
    page.evaluate("() => mounted.unmount()")
    wait_for(page, NOTHING_LEFT)


def test_two_roots_of_one_document_share_its_session(own_url: str, visitor: Visitors) -> None:
    page = visitor()
    traffic = Traffic(page)
    visit(page, f"{own_url}/page/bench?root=plot&root=controls", count=2)
    assert session(page, 0) == session(page, 1)
    assert len(traffic.of(wire.Opened)) == 1
    first, second = page.locator("embed-app").all()
    assert (first.locator("canvas").count() > 0, first.locator(".noUi-handle").count()) == (True, 0)
    assert (second.locator("canvas").count(), second.locator(".noUi-handle").count()) == (0, 1)

    page.evaluate("() => document.querySelector('embed-app').remove()")
    expect(page.locator("canvas")).to_have_count(0)
    slider(page, 0).focus()
    page.keyboard.press("ArrowRight")
    wait_for_value(page, "report", "value", "amount is 2")


def test_a_root_that_is_not_there_is_told_in_its_place_and_the_console_names_those_that_are(
    own_url: str, visitor: Visitors
) -> None:
    page = visitor()
    visitor.expected = lambda complaint: "no root named" in complaint
    with page.expect_console_message(lambda message: "no root named" in message.text) as said:
        page.goto(f"{own_url}/page/bench?root=plto")
    assert 'no root named "plto"' in said.value.text
    assert '"plot"' in said.value.text
    assert '"controls"' in said.value.text
    assert said.value.type == "error"
    expect(page.locator("embed-app .missing")).to_have_text("This part of the app does not exist.")

    with page.expect_console_message(lambda message: "no root named" in message.text) as said:
        page.evaluate("""() => {
          const element = document.querySelector("embed-app")
          element.toggleAttribute("debug", true)
          element.setAttribute("root", "contrls")
        }""")
    expect(page.locator("embed-app .missing")).to_have_text(f"{said.value.text}")
    page.evaluate("() => document.querySelector('embed-app').setAttribute('root', 'controls')")
    expect(page.locator("embed-app .noUi-handle")).to_have_count(1)
    expect(page.locator("embed-app .missing")).to_have_count(0)


def test_another_ticket_makes_the_element_show_another_app(own_url: str, visitor: Visitors) -> None:
    page = visit(visitor(), f"{own_url}/page/bench")
    before = session(page)
    page.evaluate(
        """async address => {
          const text = await (await fetch(address)).text()
          const other = new DOMParser().parseFromString(text, 'text/html').querySelector('embed-app')
          const element = document.querySelector('embed-app')
          for (const name of ['app', 'ticket']) element.setAttribute(name, other.getAttribute(name))
        }""",
        f"{own_url}/page/shared?bare",
    )
    expect(page.get_by_role("button", name="Add")).to_be_visible()
    wait_until_live(page)
    assert session(page) != before
    wait_for(page, "() => Bokeh.documents.length === 1")


def test_elements_that_come_and_go_leave_nothing_behind(own_url: str, visitor: Visitors) -> None:
    page = visit(visitor(), f"{own_url}/page/bench")
    page.evaluate(
        """async () => {
          const present = document.querySelector('embed-app')
          const make = () => {
            const element = document.createElement('embed-app')
            for (const name of ['app', 'ticket', 'endpoint']) {
              element.setAttribute(name, present.getAttribute(name))
            }
            return document.body.appendChild(element)
          }
          present.remove()
          for (let round = 0; round < 4; round++) {
            const element = make()
            await new Promise(done => element.addEventListener('embedsync:live', done, {once: true}))
            element.remove()
          }
          make().remove()  // before anything could come
        }"""
    )
    wait_for(page, NOTHING_LEFT)
    assert page.locator("embed-app").count() == 0
