"""Bokeh documents in a real process: pool, application loop, timers, and browsers in memory."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bokeh.io import curdoc
from bokeh.models import ColumnDataSource, Div, Slider

import embedsync
from embedsync import wire
from embedsync.hub import Hub
from embedsync.settings import Settings
from tests.documents.bokeh.harness import write
from tests.support.memory import WAIT, MemoryBrowser, wait_until


@pytest.fixture
def hub() -> Iterator[Hub]:
    made = Hub("key")
    yield made
    made.stop()


class Written:
    """What a browser was told of one property, in order."""

    def __init__(self, browser: MemoryBrowser, model: Any, attribute: str) -> None:
        self._browser = browser
        self._key = ({"id": model.id}, attribute)

    @property
    def values(self) -> list[Any]:
        events = [
            json.loads(bytes(each))
            for frame in list(self._browser.frames)
            if isinstance(frame, wire.Op)
            for each in frame.events
        ]
        return [each["new"] for each in events if (each.get("model"), each.get("attr")) == self._key]


def opened(hub: Hub, app: str, count: int = 1) -> list[MemoryBrowser]:
    browsers = [MemoryBrowser(hub).open(hub.ticket(app, session="together")) for _ in range(count)]
    for each in browsers:
        each.wait_for(wire.SnapshotFrame)
    return browsers


def test_a_slider_moves_a_text_for_its_author_and_for_another_viewer(hub: Hub) -> None:
    models: list[Any] = []

    def app(doc: Any) -> None:
        slider, div = Slider(start=0, end=10, value=1), Div(text="")
        slider.on_change("value", lambda attr, old, new: setattr(div, "text", f"{old} to {new}"))
        models.extend([slider, div])
        doc.add_root(slider)
        doc.add_root(div)

    hub.add_app("app", app)
    author, other = opened(hub, "app", 2)
    slider, div = models
    author.edit(1, write(slider, "value", 7))
    result = author.wait_for(wire.Result)
    assert (result.commit, result.own, result.values) == (True, True, [])
    wait_until(lambda: Written(author, div, "text").values and Written(other, div, "text").values)
    assert Written(author, slider, "value").values == []
    assert Written(other, slider, "value").values == [7]
    assert Written(other, div, "text").values == ["1 to 7"]


def test_a_lost_browser_is_told_to_the_app_once_whether_it_comes_back_or_not(hub: Hub) -> None:
    seen: list[str] = []

    def app(doc: Any) -> None:
        doc.add_root(Div())
        doc.on_event("connection_lost", lambda event: seen.append(event.event_name))
        doc.on_session_destroyed(lambda context: seen.append("destroyed"))

    hub.add_app("app", app, grace=WAIT)
    browser = MemoryBrowser(hub).open(hub.ticket("app"))
    found = browser.wait_for(wire.Opened)
    browser.wait_for(wire.SnapshotFrame)
    browser.endpoint.lost()
    wait_until(lambda: seen == ["connection_lost"])
    again = MemoryBrowser(hub).resume(found)
    again.wait_for(wire.Opened)
    again.send(wire.Detach())
    wait_until(lambda: "destroyed" in seen)
    assert seen == ["connection_lost", "connection_lost", "destroyed"]


@pytest.mark.parametrize("asynchronous", [False, True])
def test_hooks_for_the_beginning_of_the_process_run_when_the_hub_starts_and_only_then(
    hub: Hub, asynchronous: bool, tmp_path: Path
) -> None:
    word = "async def" if asynchronous else "def"
    (tmp_path / "main.py").write_text("")
    (tmp_path / "app_hooks.py").write_text(
        f"from pathlib import Path\n{word} on_server_loaded(server_context):\n"
        "    with (Path(__file__).parent / 'notes').open('a') as notes:\n        notes.write('loaded ')\n"
    )
    hub.add_app("app", tmp_path)
    hub.start()
    wait_until((tmp_path / "notes").exists)
    opened(hub, "app")
    assert (tmp_path / "notes").read_text() == "loaded "


def test_a_hook_that_fails_when_the_hub_starts_is_logged_and_tried_again(
    hub: Hub, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "main.py").write_text("")
    (tmp_path / "app_hooks.py").write_text(
        "from pathlib import Path\nasync def on_server_loaded(server_context):\n"
        "    note = Path(__file__).parent / 'note'\n    if not note.exists():\n"
        "        note.touch()\n        raise ValueError('not yet')\n"
    )
    hub.add_app("app", tmp_path)
    hub.start()
    wait_until(lambda: "not yet" in caplog.text)
    opened(hub, "app")


def test_asynchronous_code_writes_on_the_loop_and_goes_on_on_another_thread(hub: Hub) -> None:
    models: list[Any] = []
    seen: list[Any] = []

    async def app(doc: Any) -> None:
        slider, div = Slider(start=0, end=10, value=1), Div(text="")

        async def slow(attr: str, old: float, new: float) -> None:
            await asyncio.sleep(0)
            div.text = "from the loop"

        def after(attr: str, old: float, new: float) -> None:
            div.name = "from the pool"

        div.on_change("text", lambda attr, old, new: seen.append((new, curdoc() is doc)))
        slider.on_change("value", slow, after)
        await asyncio.sleep(0)
        models.extend([slider, div])
        doc.add_root(slider)
        doc.add_root(div)

    hub.add_app("app", app)
    (browser,) = opened(hub, "app")
    slider, div = models
    browser.edit(1, write(slider, "value", 7))
    wait_until(lambda: Written(browser, div, "text").values and Written(browser, div, "name").values)
    assert seen == [("from the loop", True)]
    (op,) = [each for each in browser.frames if isinstance(each, wire.Op)]
    assert len(op.events) == 2


def test_a_background_task_and_a_thread_reach_browsers_after_their_turn_is_over(hub: Hub) -> None:
    models: list[Any] = []
    go, tasks = threading.Event(), []

    def app(doc: Any) -> None:
        slider, by_task, by_thread = Slider(start=0, end=10, value=1), Div(text=""), Div(text="")

        async def background() -> None:
            await asyncio.to_thread(go.wait, WAIT)
            by_task.text = f"task {curdoc() is doc}"

        def in_thread() -> None:
            go.wait(WAIT)
            curdoc().add_next_tick_callback(lambda: setattr(by_thread, "text", f"thread {curdoc() is doc}"))

        async def start(attr: str, old: float, new: float) -> None:
            tasks.append(asyncio.create_task(background()))
            embedsync.thread(in_thread)

        slider.on_change("value", start)
        models.extend([slider, by_task, by_thread])
        for each in models:
            doc.add_root(each)

    hub.add_app("app", app)
    (browser,) = opened(hub, "app")
    slider, by_task, by_thread = models
    browser.edit(1, write(slider, "value", 7))
    browser.wait_for(wire.Result)
    go.set()
    wait_until(
        lambda: Written(browser, by_task, "text").values and Written(browser, by_thread, "text").values
    )
    assert Written(browser, by_task, "text").values == ["task True"]
    assert Written(browser, by_thread, "text").values == ["thread True"]


def test_columns_that_are_remembered_count_as_the_weight_of_their_session(hub: Hub) -> None:
    source = ColumnDataSource({"x": [0.0]})

    def app(doc: Any) -> None:
        doc.add_root(Div(tags=[source]))

    hub.add_app("app", app)
    opened(hub, "app")
    (session,) = hub.sessions
    before = session.weight
    numbers = [*map(float, range(10_000))]
    assert session.update(lambda doc: source.update(data={"x": numbers}))
    size = len(json.dumps(numbers, separators=(",", ":")))
    wait_until(lambda: session.weight - before >= 2 * size)  # In the log, and to be compared with.
    assert session.weight - before < 2.1 * size


def test_a_session_that_ends_stops_its_timers_and_runs_its_hooks(hub: Hub) -> None:
    ended, ticks = threading.Event(), []

    def app(doc: Any) -> None:
        doc.add_periodic_callback(lambda: ticks.append(1), 5)
        doc.on_session_destroyed(lambda context: ended.set())

    hub.add_app("app", app)
    opened(hub, "app")
    wait_until(lambda: len(ticks) > 2)
    (session,) = hub.sessions
    session.end()
    assert ended.wait(WAIT)
    wait_until(lambda: not hub.sessions)
    count = len(ticks)
    hub.stop()
    assert len(ticks) == count


@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_callback_shows_its_progress_while_it_goes_on(hub: Hub, asynchronous: bool) -> None:
    models: list[Any] = []
    go = threading.Event()

    def app(doc: Any) -> None:
        slider, div = Slider(start=0, end=10, value=1), Div(text="")

        def work(attr: str, old: float, new: float) -> None:
            div.text = "half"
            doc.session_context.flush()
            assert go.wait(WAIT)
            div.text = "whole"

        async def work_later(attr: str, old: float, new: float) -> None:
            div.text = "half"
            doc.session_context.flush()
            assert await asyncio.to_thread(go.wait, WAIT)
            div.text = "whole"

        slider.on_change("value", work_later if asynchronous else work)
        models.extend([slider, div])
        doc.add_root(slider)
        doc.add_root(div)

    hub.add_app("app", app)
    (browser,) = opened(hub, "app")
    slider, div = models
    browser.edit(1, write(slider, "value", 7))
    wait_until(lambda: Written(browser, div, "text").values == ["half"])
    go.set()
    wait_until(lambda: Written(browser, div, "text").values == ["half", "whole"])


def test_with_an_interval_progress_shows_by_itself() -> None:
    models: list[Any] = []
    go = threading.Event()

    def app(doc: Any) -> None:
        slider, div = Slider(start=0, end=10, value=1), Div(text="")

        def work(attr: str, old: float, new: float) -> None:
            for number in range(1, 4):
                div.text = str(number)
            assert go.wait(WAIT)

        slider.on_change("value", work)
        models.extend([slider, div])
        doc.add_root(slider)
        doc.add_root(div)

    hub = Hub("key", Settings(flush_interval=1e-9))
    try:
        hub.add_app("app", app)
        (browser,) = opened(hub, "app")
        slider, div = models
        browser.edit(1, write(slider, "value", 7))
        wait_until(lambda: Written(browser, div, "text").values == ["1", "2", "3"])
        go.set()
    finally:
        go.set()
        hub.stop()


def test_a_callback_whose_value_was_changed_again_can_notice_it(hub: Hub) -> None:
    models: list[Any] = []
    noticed: list[tuple[float, bool]] = []
    begun = threading.Event()

    def app(doc: Any) -> None:
        slider, other = Slider(start=0, end=10, value=1), Slider(start=0, end=10, value=1)

        def work(attr: str, old: float, new: float) -> None:
            begun.set()
            if new == 2:
                wait_until(lambda: doc.session_context.superseded)
            noticed.append((new, doc.session_context.superseded))

        slider.on_change("value", work)
        models.extend([slider, other])
        doc.add_root(slider)
        doc.add_root(other)

    hub.add_app("app", app)
    (browser,) = opened(hub, "app")
    slider, other = models
    browser.edit(1, write(slider, "value", 2))
    assert begun.wait(WAIT)
    browser.edit(2, write(other, "value", 5))
    browser.edit(3, write(slider, "value", 3))
    wait_until(lambda: len(noticed) == 2)
    assert noticed == [(2, True), (3, False)]
    assert [each.cseq for each in browser.frames if isinstance(each, wire.Result)] == [1, 2, 3]
