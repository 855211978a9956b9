"""Documents that are built ahead of their visitors: what visitors get, and what is never handed over."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from bokeh.io import curdoc
from bokeh.models import ColumnDataSource, Div, Slider

from embedsync import wire
from embedsync.document import PageParts
from embedsync.errors import ConfigurationError, LooksAtVisit
from embedsync.hub import Hub
from embedsync.request import Request
from embedsync.settings import Settings
from tests.support.memory import WAIT, MemoryBrowser, ToyRecipe, wait_until


class Builds:
    """An app that counts how often it was built, and notes what it was asked to."""

    def __init__(self, more: Callable[[Any], Any] = lambda doc: None) -> None:
        self.count = 0
        self.ended: list[Any] = []
        self._more = more

    def __call__(self, doc: Any) -> None:
        self.count += 1
        doc.add_root(Div(text=f"build {self.count}", name="shown"))
        doc.on_session_destroyed(self.ended.append)
        self._more(doc)


@pytest.fixture
def hubs() -> Iterator[list[Hub]]:
    made: list[Hub] = []
    yield made
    for hub in made:
        hub.stop()


def make(
    hubs: list[Hub], app: Any, prebuild: int = 1, *, nobody: Request | None = None, **settings: Any
) -> Hub:
    hub = Hub("key", Settings(**settings), nobody=nobody)
    hubs.append(hub)
    hub.add_app("app", app, prebuild=prebuild)
    return hub


def ready(hub: Hub, count: int = 1) -> None:
    wait_until(lambda: hub.prebuilt.ready(hub.app("app")) == count)


def visit(hub: Hub, arguments: dict[str, Any] | None = None, **request: Any) -> MemoryBrowser:
    ticket = hub.ticket("app", arguments, user_key=request.get("user_key", ""))
    return MemoryBrowser(hub, **request).open(ticket)


def text(browser: MemoryBrowser) -> str:
    """What the visitor is shown."""
    snapshot = browser.wait_for(wire.SnapshotFrame)
    document = json.loads(bytes(snapshot.document))
    return str(document["roots"][0]["attributes"]["text"])


def used(hub: Hub) -> int:
    return hub.counters.read().get("sessions_prebuilt", 0)


def test_the_next_visitor_gets_a_document_that_is_built_already(hubs: list[Hub]) -> None:
    app = Builds()
    hub = make(hubs, app)
    assert text(visit(hub)) == "build 1"
    ready(hub)
    assert app.count == 2
    assert text(visit(hub)) == "build 2"
    assert used(hub) == 1
    assert len(hub.sessions) == 2
    for each in hub.sessions:
        each.end()
    wait_until(lambda: not hub.sessions and len(app.ended) == 2)


def test_the_first_visitor_gets_one_where_the_process_was_told_that_it_begins(hubs: list[Hub]) -> None:
    hub = make(hubs, Builds(), prebuild=2)
    hub.start()
    ready(hub, 2)
    assert [text(visit(hub)) for _ in range(2)] == ["build 1", "build 2"]
    assert used(hub) == 2


def test_nothing_is_built_ahead_unless_an_app_asks_for_it(hubs: list[Hub]) -> None:
    app = Builds()
    hub = make(hubs, app, prebuild=0)
    hub.add_app("other", Builds(), prebuild=1)
    hub.start()
    wait_until(lambda: hub.prebuilt.ready(hub.app("other")) == 1)
    assert app.count == 0


def test_there_are_never_more_than_the_app_asks_for(hubs: list[Hub]) -> None:
    app = Builds()
    hub = make(hubs, app, prebuild=3)
    hub.add_app("last", Builds(), prebuild=1)
    hub.start()
    wait_until(lambda: hub.prebuilt.ready(hub.app("last")) == 1)
    ready(hub, 3)
    assert app.count == 3
    visit(hub)
    ready(hub, 3)
    assert app.count == 4


def test_each_visitor_has_a_session_of_their_own_with_what_is_theirs(hubs: list[Hub]) -> None:
    seen: list[Any] = []

    def more(doc: Any) -> None:
        slider = Slider(name="slider", start=0, end=9, value=1)

        def changed(attr: str, old: Any, new: Any) -> None:
            context = curdoc().session_context
            request = context.request
            seen.append((context.id, request.user, request.arguments, request.cookies, context.token_payload))

        slider.on_change("value", changed)
        doc.add_root(slider)

    hub = make(hubs, Builds(more), prebuild=2, authority="compat")
    hub.start()
    ready(hub, 2)
    sessions = []
    for name in ("ann", "bob"):
        browser = visit(hub, {"of": name}, user=name, user_key=name, cookies={"c": name})
        opened = browser.wait_for(wire.Opened)
        sessions.append((opened.session, opened.epoch, opened.secret))
        document = json.loads(bytes(browser.wait_for(wire.SnapshotFrame).document))
        slider = document["roots"][1]["id"]
        event = {"kind": "ModelChanged", "model": {"id": slider}, "attr": "value", "new": 5}
        browser.edit(1, event)
        assert browser.wait_for(wire.Result).commit
    assert used(hub) == 2
    assert [each[1:4] for each in seen] == [
        (name, {"of": [name.encode()]}, {"c": name}) for name in ("ann", "bob")
    ]
    assert [each[0] for each in seen] == [session for session, _, _ in sessions]
    assert [each[4]["cookies"] for each in seen] == [{"c": "ann"}, {"c": "bob"}]
    assert len({part for each in sessions for part in each}) == 6


@pytest.mark.parametrize(
    ("look", "what"),
    [
        (lambda doc: doc.session_context.request, "the request"),
        (lambda doc: doc.session_context.request.arguments, "the request"),
        (lambda doc: curdoc().session_context.token_payload, "the request"),
        (lambda doc: doc.session_context.id, "the id of the session"),
        (lambda doc: doc.session_context.session.id, "the id of the session"),
        (lambda doc: doc.session_context.server_context.sessions, "the other sessions"),
        (lambda doc: doc.session_context.page, "the page"),
        (lambda doc: doc.session_context.user_name, "the user"),
        (lambda doc: doc.session_context.extension_url("panel"), "the address of the page"),
    ],
)
def test_an_app_that_looks_at_its_visit_is_built_for_each(
    hubs: list[Hub], look: Callable[[Any], Any], what: str, caplog: pytest.LogCaptureFixture
) -> None:
    app = Builds(look)
    hub = make(hubs, app, prebuilt_age=0.2)
    hub.start()
    wait_until(lambda: f"looks at {what}" in caplog.text)
    wait_until(lambda: len(hub.prebuilt) == 0)
    assert text(visit(hub)) == "build 2"
    later = Builds()
    hub.add_app("later", later, prebuild=1)
    hub.prebuilt.wish(hub.app("later"))
    wait_until(lambda: later.ended)  # It has become old.
    before = later.count
    hub.start()
    wait_until(lambda: later.count > before + 1)  # Each of those that were wished for has had its turn.
    assert app.count == 2, "it is not tried again"
    assert used(hub) == 0


def test_where_visitors_log_out_is_known_before_they_come(hubs: list[Hub]) -> None:
    hub = make(
        hubs,
        lambda doc: doc.add_root(Div(text=str(doc.session_context.logout_url))),
        logout_url="/logout",
    )
    hub.start()
    ready(hub)
    assert text(visit(hub)) == "/logout"
    assert used(hub) == 1


def test_an_app_that_looks_and_goes_on_is_not_handed_over_either(
    hubs: list[Hub], caplog: pytest.LogCaptureFixture
) -> None:
    def more(doc: Any) -> None:
        try:
            doc.session_context.request.arguments["symbol"]
        except Exception:  # noqa: BLE001 - as apps do
            doc.add_root(Div(text="somebody else"))

    hub = make(hubs, Builds(more))
    hub.start()
    wait_until(lambda: "looks at the request" in caplog.text)
    assert hub.prebuilt.ready(hub.app("app")) == 0


def test_an_app_whose_thread_looks_later_is_not_handed_over(hubs: list[Hub]) -> None:
    look, looked = threading.Event(), threading.Event()

    def more(doc: Any) -> None:
        context = doc.session_context

        def later() -> None:
            look.wait(WAIT)
            with pytest.raises(LooksAtVisit):
                _ = context.request
            looked.set()

        if app.count == 1:
            threading.Thread(target=later).start()

    app = Builds(more)
    hub = make(hubs, app)
    hub.start()
    ready(hub)
    look.set()
    assert looked.wait(WAIT)
    assert text(visit(hub)) == "build 2"
    assert used(hub) == 0


def test_asynchronous_apps_are_built_ahead_too(hubs: list[Hub]) -> None:
    async def app(doc: Any) -> None:
        await asyncio.sleep(0)
        doc.add_root(Div(text="awaited"))

    hub = make(hubs, app)
    hub.start()
    ready(hub)
    assert text(visit(hub)) == "awaited"
    assert used(hub) == 1


def test_timed_callbacks_begin_when_the_visitor_comes(hubs: list[Hub]) -> None:
    ticks: list[str] = []

    def more(doc: Any) -> None:
        doc.add_next_tick_callback(lambda: ticks.append(doc.session_context.request.user))
        doc.add_periodic_callback(lambda: ticks.append("period"), 1)

    hub = make(hubs, Builds(more), prebuild=2)
    hub.start()
    ready(hub, 2)  # Building the second has taken longer than the first one's period.
    assert ticks == []
    visit(hub, user="ann").wait_for(wire.SnapshotFrame)
    wait_until(lambda: len(ticks) > 2)
    assert ticks[0] == "ann"


def test_what_changes_between_building_and_visit_is_in_the_snapshot(hubs: list[Hub]) -> None:
    shown: list[Any] = []

    def more(doc: Any) -> None:
        shown.append(doc.roots[0])

    hub = make(hubs, Builds(more))
    hub.start()
    ready(hub)
    shown[0].text = "by a thread"
    assert text(visit(hub)) == "by a thread"


def test_what_a_callback_has_changed_and_held_back_is_in_the_snapshot(hubs: list[Hub]) -> None:
    changed = threading.Event()

    def more(doc: Any) -> None:
        def change() -> None:
            doc.hold()
            doc.roots[0].text = "held back"
            changed.set()

        doc.add_next_tick_callback(change)

    hub = make(hubs, Builds(more))
    hub.start()
    ready(hub)
    ticket, live = hub.prepare("app", {}, Request(), page={})
    assert live is not None
    live.page(PageParts(lambda _: "", lambda _: "", str, ""))
    assert changed.wait(WAIT)
    assert text(MemoryBrowser(hub).open(ticket)) == "held back"
    assert used(hub) == 1


def test_the_document_is_encoded_before_the_visitor_comes(
    hubs: list[Hub], monkeypatch: pytest.MonkeyPatch
) -> None:
    from embedsync.documents.bokeh.document import BokehDocument

    encoded: list[Any] = []
    whole = BokehDocument.snapshot
    monkeypatch.setattr(BokehDocument, "snapshot", lambda self: encoded.append(self) or whole(self))
    hub = make(hubs, lambda doc: doc.add_root(Div(text="whole")))
    hub.start()
    ready(hub)
    assert len(encoded) == 1
    first = visit(hub)
    assert text(first) == "whole"
    assert [each for each in encoded if each is encoded[0]] == [encoded[0]]


def test_a_document_that_was_changed_is_encoded_anew(hubs: list[Hub]) -> None:
    hub = make(hubs, Builds())
    hub.start()
    ready(hub)
    first = MemoryBrowser(hub).open(hub.ticket("app", session="together"))
    assert text(first) == "build 1"
    hub.prebuilt.stop()  # So that the update finds the one session only.
    hub.update_sessions("app", lambda doc: setattr(doc.roots[0], "text", "changed"))
    first.wait_for(wire.Op)
    assert text(MemoryBrowser(hub).open(hub.ticket("app", session="together"))) == "changed"


def test_a_document_that_has_become_old_is_replaced(hubs: list[Hub]) -> None:
    app = Builds()
    hub = make(hubs, app, prebuilt_age=0.3)
    hub.start()
    wait_until(lambda: app.count >= 3)
    wait_until(lambda: len(app.ended) >= 2)  # Hooks for the end of a session run.
    assert hub.sessions == []


def test_an_update_of_all_sessions_leaves_no_older_document_behind(hubs: list[Hub]) -> None:
    app = Builds()
    hub = make(hubs, app)
    hub.start()
    ready(hub)
    assert hub.update_sessions("app", lambda doc: None) == 0
    wait_until(lambda: len(app.ended) == 1)
    ready(hub)
    assert text(visit(hub)) == "build 2"


def test_they_count_as_sessions_and_make_room_for_visitors(hubs: list[Hub]) -> None:
    app = Builds()
    hub = make(hubs, app, prebuild=5, sessions=3)
    hub.add_app("other", lambda doc: doc.add_root(Div()))
    hub.start()
    ready(hub, 3)
    others = [MemoryBrowser(hub).open(hub.ticket("other")) for _ in range(3)]
    for each in others:
        each.wait_for(wire.SnapshotFrame)
    wait_until(lambda: len(hub.prebuilt) == 0)
    assert len(hub.sessions) == 3


def test_they_count_as_bytes_and_make_room_for_visitors(hubs: list[Hub]) -> None:
    def big(doc: Any) -> None:
        doc.add_root(Div(text="x" * 100_000))

    hub = make(hubs, big, prebuild=2, session_bytes=250_000)
    hub.add_app("other", big)
    hub.start()
    ready(hub, 2)
    assert 200_000 < hub.prebuilt.weight < 250_000
    MemoryBrowser(hub).open(hub.ticket("other")).wait_for(wire.SnapshotFrame)
    MemoryBrowser(hub).open(hub.ticket("other")).wait_for(wire.SnapshotFrame)
    assert len(hub.sessions) == 2
    wait_until(lambda: len(hub.prebuilt) == 0)


def test_an_app_that_raises_is_tried_again_only_after_a_while(
    hubs: list[Hub], caplog: pytest.LogCaptureFixture
) -> None:
    def more(doc: Any) -> None:
        if app.count == 1:
            raise ValueError("no database yet")

    app = Builds(more)
    hub = make(hubs, app, prebuilt_age=600.0)
    hub.start()
    wait_until(lambda: "no database yet" in caplog.text)
    assert text(visit(hub)) == "build 2"
    wait_until(lambda: hub.prebuilt._timer is None)  # It has been looked for something to build.
    assert hub.prebuilt.ready(hub.app("app")) == 0
    assert app.count == 2
    later = time.monotonic() + 601.0
    hub.prebuilt._clock = lambda: later

    def comes_back() -> bool:
        hub.prebuilt.wish(hub.app("app"))
        return hub.prebuilt.ready(hub.app("app")) == 1

    wait_until(comes_back)


def test_nothing_is_built_ahead_while_turns_are_running(hubs: list[Hub]) -> None:
    go_on, started = threading.Event(), threading.Event()

    def slow(doc: Any) -> None:
        started.set()
        go_on.wait(WAIT)
        doc.add_root(Div())

    app = Builds()
    hub = make(hubs, app, long_turn=WAIT)
    hub.add_app("slow", slow)
    browser = MemoryBrowser(hub).open(hub.ticket("slow"))
    assert started.wait(WAIT)
    looks = []
    is_idle = hub.prebuilt._is_idle
    hub.prebuilt._is_idle = lambda: looks.append(is_idle()) or looks[-1]
    hub.start()
    wait_until(lambda: len(looks) >= 3)
    assert app.count == 0
    assert not any(looks)
    go_on.set()
    browser.wait_for(wire.SnapshotFrame)
    ready(hub)


def test_a_process_that_stops_ends_them_and_builds_no_more(hubs: list[Hub]) -> None:
    app = Builds()
    hub = make([], app, prebuild=2)
    hub.start()
    ready(hub, 2)
    hub.stop()
    assert len(app.ended) == 2
    assert len(hub.prebuilt) == 0
    hub.prebuilt.wish(hub.app("app"))
    assert hub.prebuilt._timer is None


def test_hooks_for_the_end_of_a_session_that_nobody_came_to_may_look(
    hubs: list[Hub], caplog: pytest.LogCaptureFixture
) -> None:
    looked: list[Any] = []

    def more(doc: Any) -> None:
        doc.on_session_destroyed(lambda context: looked.append((context.id, context.request.arguments)))

    hub = make([], Builds(more))
    hub.start()
    ready(hub)
    hub.stop()
    assert [arguments for _, arguments in looked] == [{}]
    assert not [each for each in caplog.records if each.levelno >= logging.ERROR]


@pytest.mark.parametrize("hook", ["on_session_created(context)", "process_request(request)"])
def test_an_app_with_a_hook_for_each_visit_is_built_for_each(
    hubs: list[Hub], tmp_path: Path, hook: str, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "hooked"
    folder.mkdir()
    (folder / "main.py").write_text(
        "from bokeh.io import curdoc\nfrom bokeh.models import Div\ncurdoc().add_root(Div(text='main'))\n"
    )
    (folder / "app_hooks.py").write_text(f"def {hook}:\n    return {{}}\n")
    hub = make(hubs, folder)
    hub.start()
    wait_until(lambda: "by its hook" in caplog.text)
    assert text(visit(hub)) == "main"
    assert used(hub) == 0


def test_other_sessions_do_not_see_one_that_nobody_has_come_to(hubs: list[Hub]) -> None:
    counts: list[int] = []

    def app(doc: Any) -> None:
        def count() -> None:
            counts.append(len(doc.session_context.server_context.sessions))

        doc.add_root(Div(text="shown"))
        doc.add_next_tick_callback(count)

    hub = make(hubs, app, prebuild=3)
    hub.start()
    ready(hub, 3)
    visit(hub)
    wait_until(lambda: counts)
    assert counts == [1]


def test_what_surrounds_turns_surrounds_building_ahead(hubs: list[Hub]) -> None:
    from contextlib import contextmanager

    entered: list[str] = []

    @contextmanager
    def around(request: Request) -> Iterator[None]:
        entered.append("nobody" if request.ahead is not None else "somebody")
        yield

    hub = make(hubs, Builds(), nobody=Request(context=around))
    hub.start()
    ready(hub)
    assert set(entered) == {"nobody"}
    entered.clear()
    visit(hub, context=around).wait_for(wire.SnapshotFrame)
    assert entered[0] == "somebody"


def test_documents_of_other_kinds_are_refused(hubs: list[Hub]) -> None:
    with pytest.raises(ConfigurationError, match=r"'prebuild'.*'toy'"):
        make(hubs, ToyRecipe())


def test_a_thread_that_never_stops_adding_callbacks_is_told(hubs: list[Hub]) -> None:
    documents: list[Any] = []
    hub = make(hubs, Builds(documents.append))
    hub.start()
    ready(hub)
    for _ in range(1000):
        documents[0].add_next_tick_callback(lambda: None)
    with pytest.raises(RuntimeError, match="1000 callbacks wait already"):
        documents[0].add_next_tick_callback(lambda: None)


def test_columns_that_were_sent_ahead_are_known(hubs: list[Hub]) -> None:
    sources: list[Any] = []

    def more(doc: Any) -> None:
        sources.append(ColumnDataSource(data={"x": [1, 2], "y": [3, 4]}))
        doc.add_root(sources[-1])

    hub = make(hubs, Builds(more))
    hub.start()
    ready(hub)
    browser = visit(hub)
    snapshot = browser.wait_for(wire.SnapshotFrame)
    hub.update_sessions("app", lambda doc: sources[0].stream({"x": [5], "y": [6]}))
    assert sources[0].id in json.dumps(json.loads(bytes(snapshot.document)))
    event = json.loads(bytes(browser.wait_for(wire.Op).events[0]))
    assert event["kind"] == "ColumnsStreamed"
