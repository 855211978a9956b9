"""Pages that apps draw themselves, and the sessions that begin with them."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from html import unescape
from typing import Any
from urllib.parse import urljoin

import httpx
import pytest
from bokeh.models import CustomJS, Div, Slider

from embedsync import Hub, Settings, wire
from embedsync.asgi import application
from tests.asgi.client import Client, socket_url
from tests.asgi.server import running
from tests.support.memory import wait_until

TEMPLATE = "{% block contents %}<p>{{ words }}</p>{{ embed(roots.two) }}{% endblock %}"


def drawn(doc: Any) -> None:
    doc.add_root(Div(text="one", name="one"))
    doc.add_root(Div(text="two", name="two"))
    doc.title = "Drawn"
    doc.template_variables["words"] = "in its own words"
    doc.template = TEMPLATE


def plain(doc: Any) -> None:
    doc.add_root(Div(text="plain"))


def counting(fill: Callable[[Any], None]) -> tuple[Callable[[Any], None], list[Any]]:
    built: list[Any] = []

    def app(doc: Any) -> None:
        built.append(doc.session_context)
        fill(doc)

    return app, built


def open_ticket(page: httpx.Response) -> wire.Opened:
    return open_shown(page, ticket_of(page))


def ticket_of(page: httpx.Response) -> str:
    ticket = re.search(r'<embed-app[^>]* ticket="([^"]*)"', page.text)
    assert ticket
    return unescape(ticket[1])


def open_shown(page: httpx.Response, ticket: str) -> wire.Opened:
    """Open a session as the page would, with a ticket that it has or has been given."""
    endpoint = re.search(r'<embed-app[^>]* endpoint="([^"]*)"', page.text)
    assert endpoint
    with Client(socket_url(urljoin(str(page.url), unescape(endpoint[1])))) as client:
        return client.open(ticket)


def test_the_page_of_an_app_with_a_template_is_drawn_by_it() -> None:
    hub = Hub("only for tests")
    hub.add_app("drawn", drawn)
    with running(application(hub, pages=True), hub) as site:
        page = httpx.get(f"{site}/drawn")
    assert "<title>Drawn</title>" in page.text
    assert "<p>in its own words</p>" in page.text
    shown = re.findall(r'<embed-app[^>]* root-index="([^"]*)"[^>]* plain>', page.text)
    assert shown == ["1", "2-"]  # the second one, and what comes later
    assert "Content-Security-Policy" not in page.headers  # Templates hold what they like.
    assert page.headers["Cache-Control"] == "no-store"


def test_everything_that_a_drawn_page_loads_is_there() -> None:
    hub = Hub("only for tests")
    hub.add_app("drawn", drawn)
    with running(application(hub, pages=True), hub) as site:
        page = httpx.get(f"{site}/drawn")
        links = re.findall(r'<script[^>]* src="([^"]+)"', page.text)
        assert any("bokeh.min.js" in each for each in links)
        for link in links:
            assert httpx.get(urljoin(str(page.url), unescape(link))).status_code == 200


def test_the_browser_of_a_page_gets_the_session_that_began_with_it() -> None:
    app, built = counting(drawn)
    hub = Hub("only for tests")
    hub.add_app("drawn", app)
    with running(application(hub, pages=True), hub) as site:
        page = httpx.get(f"{site}/drawn")
        (live,) = hub.sessions
        assert open_ticket(page).session == live.id
        assert len(built) == 1
        # What began with the page is for one browser; another asks for a ticket of its own.
        renewed = httpx.post(f"{site}/_embedsync/ticket", json={"ticket": ticket_of(page)}).json()["ticket"]
        assert open_shown(page, renewed).session != live.id


def test_the_first_page_of_an_app_looks_whether_there_is_a_template_and_the_others_need_not() -> None:
    app, built = counting(plain)
    hub = Hub("only for tests")
    hub.add_app("plain", app)
    with running(application(hub, pages=True), hub) as site:
        first = httpx.get(f"{site}/plain")
        assert 'height="100%"' in first.text
        assert len(built) == 1
        httpx.get(f"{site}/plain")
        httpx.head(f"{site}/plain")
        assert len(built) == 1
        open_ticket(first)
        assert len(built) == 1


def test_a_session_that_no_browser_comes_to_ends() -> None:
    hub = Hub("only for tests", Settings(unclaimed=0.1))
    hub.add_app("drawn", drawn)
    with running(application(hub, pages=True), hub) as site:
        page = httpx.get(f"{site}/drawn")
        wait_until(lambda: not hub.sessions)
        assert open_ticket(page).kind == "bokeh"


def test_pages_that_nobody_opens_push_out_nobody_who_was_here_and_may_come_back() -> None:
    hub = Hub("only for tests", Settings(orphans=2, unclaimed=600, grace=600))
    hub.add_app("drawn", drawn)
    with running(application(hub, pages=True), hub) as site:
        opened = open_ticket(httpx.get(f"{site}/drawn"))
        for _ in range(4):
            httpx.get(f"{site}/drawn")
        wait_until(lambda: len(hub.orphans) == len(hub.sessions) == 2)
        assert opened.session in [each.id for each in hub.sessions]


def test_pages_that_wait_for_a_busy_session_leave_room_for_the_edits_of_its_viewers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun, going_on = threading.Event(), threading.Event()

    def app(doc: Any) -> None:
        drawn(doc)
        doc.add_next_tick_callback(lambda: (begun.set(), going_on.wait(20)))

    hub = Hub("only for tests", Settings(undrawn_pages=3, mailbox_limit=10))
    hub.add_app("app", app, shared=True)
    with running(application(hub, pages=True), hub) as site:
        httpx.get(f"{site}/app")
        assert begun.wait(20)
        monkeypatch.setattr("embedsync.asgi.pages._LONGEST_BUILD", 0.01)
        for _ in range(20):
            assert 'height="100%"' in httpx.get(f"{site}/app").text
        (live,) = hub.sessions
        assert live.update(lambda doc: None)
        going_on.set()
        wait_until(lambda: 'height="100%"' not in httpx.get(f"{site}/app").text)


def test_a_session_that_began_with_its_page_is_not_kept_longer_once_its_browser_has_left() -> None:
    hub = Hub("only for tests", Settings(unclaimed=600, grace=0.1))
    hub.add_app("drawn", drawn)
    with running(application(hub, pages=True), hub) as site:
        open_ticket(httpx.get(f"{site}/drawn"))
        wait_until(lambda: not hub.sessions)


@pytest.mark.parametrize("reason", ["it fails", "there is no room", "it takes long"])
def test_a_page_that_cannot_be_drawn_is_ours_and_tells_the_rest_later(
    reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    going_on = threading.Event()

    def app(doc: Any) -> None:
        if reason == "it fails":
            raise ValueError("not today")
        if reason == "it takes long":
            assert going_on.wait(20)

    monkeypatch.setattr("embedsync.asgi.pages._LONGEST_LOOK", 0.05)
    hub = Hub("only for tests", Settings(sessions=1))
    hub.add_app("app", app)
    hub.add_app("other", plain)
    with running(application(hub, pages=True), hub) as site:
        if reason == "there is no room":
            with Client(socket_url(f"{site}/_embedsync")) as client:
                client.open(hub.ticket("other"))
                page = httpx.get(f"{site}/app")
        else:
            page = httpx.get(f"{site}/app")
        going_on.set()
        assert page.status_code == 200
        assert 'height="100%"' in page.text
        assert "not today" not in page.text


def test_javascript_held_as_text_is_allowed_where_the_app_has_some() -> None:
    def scripted(doc: Any) -> None:
        slider = Slider(start=0, end=1, value=0)
        slider.js_on_change("value", CustomJS(code=""))
        doc.add_root(slider)

    def on_event(doc: Any) -> None:
        doc.js_on_event("document_ready", CustomJS(code=""))

    hub = Hub("only for tests")
    for name, app in {"plain": plain, "scripted": scripted, "on_event": on_event}.items():
        hub.add_app(name, app)
    with running(application(hub, pages=True), hub) as site:
        policies = {name: httpx.get(f"{site}/{name}").headers["Content-Security-Policy"] for name in hub.apps}
    assert {name: "'unsafe-eval'" in policy for name, policy in policies.items()} == {
        "plain": False,
        "scripted": True,
        "on_event": True,
    }


def test_javascript_that_comes_after_the_page_is_allowed_from_the_next_page_on() -> None:
    def growing(doc: Any) -> None:
        slider = Slider(start=0, end=1, value=0)
        slider.on_change("value", lambda attr, old, new: doc.add_root(scripted()))
        doc.add_root(slider)

    def scripted() -> Div:
        return Div(js_property_callbacks={"change:text": [CustomJS(code="")]})

    hub = Hub("only for tests")
    hub.add_app("growing", growing)
    with running(application(hub, pages=True), hub) as site:
        first = httpx.get(f"{site}/growing")
        assert "'unsafe-eval'" not in first.headers["Content-Security-Policy"]
        open_ticket(first)
        hub.update_sessions("growing", lambda doc: setattr(doc.roots[0], "value", 1))
        wait_until(lambda: hub.app("growing").recipe.traits.evaluates)
        assert "'unsafe-eval'" in httpx.get(f"{site}/growing").headers["Content-Security-Policy"]
