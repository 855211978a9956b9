"""What fills documents, and what `pn.state` knows of them."""

from __future__ import annotations

import asyncio
import json
import threading
from pathlib import Path
from typing import Any

import holoviews as hv
import panel as pn
import pytest

from embedsync import wire
from embedsync.documents.bokeh.private import data_models
from embedsync.hub import Hub
from embedsync.request import ENDPOINT_URL, PAGE_PATH
from tests.documents.bokeh.harness import Live, info
from tests.documents.bokeh.test_in_a_hub import Written, opened
from tests.support.memory import MemoryBrowser, wait_until

hv.extension("bokeh")


def counting() -> tuple[Any, Any]:
    slider = pn.widgets.IntSlider(start=0, end=10, value=1)
    return slider, pn.pane.Str(pn.bind(lambda value: f"it is {value}", slider))


def model_of(live: Live, name: str) -> Any:
    return next(each for each in live.doc.models if type(each).__name__ == name)


def shown_by(component: Any) -> Any:
    """The model that a component of Panel has made."""
    return next(model for model, _ in component._models.values())


def write(model: Any, attribute: str, value: Any) -> dict[str, Any]:
    return {"kind": "ModelChanged", "model": {"id": model.id}, "attr": attribute, "new": value}


def event(name: str, **values: Any) -> dict[str, Any]:
    entries = [list(each) for each in values.items()]
    content = {"type": "event", "name": name, "values": {"type": "map", "entries": entries}}
    return {"kind": "MessageSent", "msg_type": "bokeh_event", "msg_data": content}


@pytest.mark.parametrize("takes", ["nothing", "document"])
def test_what_a_function_returns_is_shown(takes: str) -> None:
    def with_document(doc: Any) -> Any:
        return pn.Column(*counting())

    live = Live(with_document if takes == "document" else lambda: pn.Column(*counting()))
    assert [type(each).__name__ for each in live.doc.roots][:2] == ["Column", "Location"]
    assert "it is 1" in model_of(live, "HTML").text


def test_a_function_may_await_before_it_returns() -> None:
    async def app() -> Any:
        await asyncio.sleep(0)
        return pn.pane.Str("awaited")

    assert "awaited" in model_of(Live(app), "HTML").text


def test_a_script_serves_what_it_calls_servable(tmp_path: Path) -> None:
    script = tmp_path / "app.py"
    script.write_text(
        "import panel as pn\npn.extension()\npn.pane.Str('from a script').servable(title='A title')\n"
    )
    live = Live(script)
    assert "from a script" in model_of(live, "HTML").text
    assert live.doc.title == "A title"


def test_a_template_that_a_script_fills_draws_the_page(tmp_path: Path) -> None:
    script = tmp_path / "app.py"
    script.write_text("import panel as pn\npn.extension(template='fast')\npn.pane.Str('main').servable()\n")
    live = Live(script)
    assert live.recipe.traits.own_page
    assert any("main" in getattr(each, "text", "") for each in live.doc.models)


@pytest.fixture
def hub() -> Any:
    made = Hub("key")
    yield made
    made.stop()


def test_a_slider_changes_what_is_bound_to_it(hub: Hub) -> None:
    slider, text = counting()
    hub.add_app("app", lambda: pn.Column(slider, text))
    (browser,) = opened(hub, "app")
    moved = shown_by(slider)
    shown = shown_by(text)
    browser.edit(1, write(moved, "value", 7))
    wait_until(lambda: any("it is 7" in each for each in Written(browser, shown, "text").values))


def test_asynchronous_callbacks_change_what_is_shown(hub: Hub) -> None:
    slider, text = counting()

    async def later(event: Any) -> None:
        await asyncio.sleep(0)
        slider.value = 9

    button = pn.widgets.Button(label="go")
    button.on_click(later)
    hub.add_app("app", lambda: pn.Column(slider, text, button))
    (browser,) = opened(hub, "app")
    model = shown_by(button)
    shown = shown_by(text)
    browser.edit(1, event("button_click", model={"id": model.id}))
    wait_until(lambda: any("it is 9" in each for each in Written(browser, shown, "text").values))


def test_threads_change_what_is_shown(hub: Hub) -> None:
    text = pn.pane.Str("before")
    hub.add_app("app", lambda: text)
    (browser,) = opened(hub, "app")
    shown = shown_by(text)
    threading.Thread(target=lambda: setattr(text, "object", "from a thread")).start()
    wait_until(lambda: any("from a thread" in each for each in Written(browser, shown, "text").values))


def test_onload_and_periodic_callbacks_run(hub: Hub) -> None:
    seen: list[str] = []

    def app() -> Any:
        pn.state.onload(lambda: seen.append("loaded"))
        pn.state.add_periodic_callback(lambda: seen.append("tick"), period=10, count=2)
        return pn.pane.Str("text")

    hub.add_app("app", app)
    (browser,) = opened(hub, "app")
    browser.edit(1, event("document_ready"))
    wait_until(lambda: sorted(seen) == ["loaded", "tick", "tick"])


class Django:
    def get_username(self) -> str:
        return "ada"


def test_state_knows_the_visit() -> None:
    seen: dict[str, Any] = {}

    def app(doc: Any) -> None:
        state = pn.state
        seen.update(
            curdoc=state.curdoc is doc,
            arguments=state.session_args,
            user=state.user,
            cookies=state.cookies,
            header=state.headers["X-One"],
            path=state.location.pathname,
            search=state.location.search,
        )

    page = {PAGE_PATH: "/apps/app", ENDPOINT_URL: "./_embedsync"}
    session = info(
        arguments={"x": [b"5"]},
        user=Django(),
        cookies={"a": "b"},
        headers={"X-One": "1"},
        page=page,
        host="h",
    )
    Live(app, session=session)
    assert seen == {
        "curdoc": True,
        "arguments": {"x": [b"5"]},
        "user": "ada",
        "cookies": {"a": "b"},
        "header": "1",
        "path": "/apps/app",
        "search": "?x=5",
    }


def test_nothing_of_a_document_is_left_in_panel_when_its_session_has_ended(hub: Hub, caplog: Any) -> None:
    views = len(pn.state._views)
    hub.add_app("app", lambda: pn.Column(*counting()), grace=0.0)
    (browser,) = opened(hub, "app")
    assert len(pn.state._views) > views
    browser.endpoint.lost()
    wait_until(lambda: hub.status()["sessions"] == 0)
    wait_until(lambda: len(pn.state._views) == views)
    assert [each.message for each in caplog.records if each.levelname == "ERROR"] == []


def test_a_stream_of_holoviews_hears_what_a_person_zooms_to(hub: Hub) -> None:
    ranges = hv.streams.RangeXY()
    curve = hv.DynamicMap(lambda: hv.Curve([(0, 0), (1, 1)]))
    ranges.source = curve
    documents: list[Any] = []

    def app(doc: Any) -> Any:
        documents.append(doc)
        return pn.pane.HoloViews(curve)

    hub.add_app("app", app)
    (browser,) = opened(hub, "app")
    plot = next(each for each in documents[0].models if hasattr(each, "x_range"))
    seen = {"x0": 0.25, "x1": 0.75, "y0": 0.0, "y1": 1.0}
    browser.edit(1, event("rangesupdate", model={"id": plot.id}, **seen))
    wait_until(lambda: ranges.x_range == (0.25, 0.75))


def test_a_dynamic_map_follows_the_widget_that_it_depends_on(hub: Hub) -> None:
    slider = pn.widgets.IntSlider(start=1, end=9, value=2)
    curve = hv.DynamicMap(pn.bind(lambda n: hv.Curve([(0, 0), (1, n)]), slider))
    documents: list[Any] = []

    def app(doc: Any) -> Any:
        documents.append(doc)
        return pn.Column(slider, pn.pane.HoloViews(curve))

    hub.add_app("app", app)
    (browser,) = opened(hub, "app")
    moved = shown_by(slider)
    source = next(each for each in documents[0].models if type(each).__name__ == "ColumnDataSource")
    browser.edit(1, write(moved, "value", 5))
    wait_until(lambda: list(source.data.get("y", ())) == [0, 5])


COMPONENT = """
import panel as pn
import param

class Mine(pn.custom.JSComponent):
    value = param.Integer()
    _esm = "export function render() { return document.createElement('p') }"

Mine().servable()
"""


def test_what_a_script_makes_its_components_of_is_seen_by_its_session_alone_and_goes_with_it(
    hub: Hub, tmp_path: Path
) -> None:
    script = tmp_path / "app.py"
    script.write_text(COMPONENT)
    hub.add_app("app", script, grace=0.0)
    before = len(data_models())
    browsers = [MemoryBrowser(hub).open(hub.ticket("app")) for _ in range(3)]
    for each in browsers:
        document = json.loads(bytes(each.wait_for(wire.SnapshotFrame).document))
        assert sum(definition["name"].startswith("Mine") for definition in document["defs"]) == 1
    for each in browsers:
        each.endpoint.lost()
    wait_until(lambda: hub.status()["sessions"] == 0)
    wait_until(lambda: len(data_models()) == before)
