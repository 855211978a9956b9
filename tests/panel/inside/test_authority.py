"""In closed sites a person can use Panel's widgets, and browsers can write nothing else."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

import pandas as pd
import panel as pn
import panel.models
import param
import pytest
from bokeh.model import Model

from embedsync import allow_client_write
from embedsync.documents.bokeh.authority.panel import PANEL, RULES
from embedsync.documents.bokeh.authority.table import reach_of
from embedsync.errors import Refused
from embedsync.wire import Refusal
from tests.documents.bokeh.harness import Live

pn.extension("tabulator")


def write(model: Any, attribute: str, value: Any) -> dict[str, Any]:
    return {"kind": "ModelChanged", "model": {"id": model.id}, "attr": attribute, "new": value}


def shown(component: Any) -> tuple[Live, Any]:
    live = Live(lambda: component, authority="closed")
    return live, next(model for model, _ in component._models.values())


def all_models() -> dict[str, type[Model]]:
    for each in pkgutil.iter_modules(panel.models.__path__):
        importlib.import_module(f"panel.models.{each.name}")
    classes = Model.model_class_reverse_map.values()
    return {each.__name__: each for each in classes if each.__module__.startswith("panel.models.")}


def test_the_table_names_what_there_is() -> None:
    models = all_models()
    for name, reach in PANEL.items():
        assert (reach.inputs | reach.view) <= models[name].properties(), name
    assert {name for name, _ in RULES} <= PANEL.keys()


def test_the_table_names_events_that_there_are() -> None:
    def below(kind: type) -> set[str]:
        return {
            kind.__dict__.get("event_name"),
            *(name for each in kind.__subclasses__() for name in below(each)),
        }

    from bokeh.events import ModelEvent

    all_models()
    assert {name for reach in PANEL.values() for name in reach.events | reach.view_events} <= below(
        ModelEvent
    )


@pytest.mark.parametrize(
    ("component", "attribute", "value"),
    [
        (pn.widgets.IntSlider(start=0, end=10), "value", 7),
        (pn.widgets.TextInput(), "value", "text"),
        (pn.widgets.Select(options=["a", "b"]), "value", "b"),
        (pn.widgets.Player(start=0, end=5), "value", 3),
        (pn.widgets.Toggle(), "active", True),
        (pn.widgets.ToggleIcon(), "value", True),
        (pn.layout.Card(pn.pane.Str("text")), "collapsed", True),
    ],
    ids=lambda each: type(each).__name__,
)
def test_a_person_can_use_a_widget(component: Any, attribute: str, value: Any) -> None:
    live, model = shown(component)
    live.edit(write(model, attribute, value))
    assert getattr(model, attribute) == value


@pytest.mark.parametrize(
    ("component", "attribute", "value"),
    [
        (pn.widgets.IntSlider(start=0, end=10), "value", 70),
        (pn.widgets.IntSlider(start=0, end=10), "end", 70),
        (pn.widgets.Select(options=["a", "b"]), "value", "c"),
        (pn.widgets.Player(start=0, end=5), "value", 6),
        (pn.pane.HTML("text"), "text", "<b>"),
        (pn.layout.Card(pn.pane.Str("text")), "children", []),
    ],
    ids=lambda each: type(each).__name__,
)
def test_whatever_else_is_refused(component: Any, attribute: str, value: Any) -> None:
    live, model = shown(component)
    before = getattr(model, attribute)
    with pytest.raises(Refused) as caught:
        live.edit(write(model, attribute, value))
    assert caught.value.code == Refusal.FORBIDDEN
    assert getattr(model, attribute) == before


def test_a_table_opens_the_columns_that_have_an_editor() -> None:
    data = pd.DataFrame({"name": ["a", "b"], "n": [1, 2]})
    live, model = shown(pn.widgets.Tabulator(data, editors={"name": None}))

    def patch(column: str, value: Any) -> dict[str, Any]:
        return {
            "kind": "ColumnsPatched",
            "model": {"id": model.source.id},
            "attr": "data",
            "patches": {"type": "map", "entries": [[column, [[0, value]]]]},
        }

    live.edit(patch("n", 5))
    assert list(model.source.data["n"]) == [5, 2]
    with pytest.raises(Refused):
        live.edit(patch("name", "c"))
    model.hidden_columns = ["n"]
    with pytest.raises(Refused):
        live.edit(patch("n", 6))


class Counter(pn.custom.JSComponent):
    value = param.Integer()
    other = param.Integer()
    _esm = "export function render() { return document.createElement('p') }"


def test_what_a_component_of_the_app_holds_needs_a_grant() -> None:
    live, model = shown(Counter())
    with pytest.raises(Refused):
        live.edit(write(model.data, "value", 1))
    allow_client_write(type(model.data), "value")
    live.edit(write(model.data, "value", 1))
    assert model.data.value == 1
    with pytest.raises(Refused):
        live.edit(write(model.data, "other", 1))


def test_the_classes_of_bokeh_that_panel_builds_on_bring_their_reach() -> None:
    reach = reach_of(all_models()["TextInput"])
    assert "value" in reach.inputs
    assert {"value_submit", "enter-pressed"} <= reach.events
