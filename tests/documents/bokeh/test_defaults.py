"""Empty defaults that were given up are there again when somebody asks, and are heard as before."""

import contextlib
import re
from typing import Any

import pytest
from bokeh.core.properties import Dict, Int, List, String
from bokeh.model import Model
from bokeh.models import Button, ColumnDataSource, Slider
from bokeh.plotting import figure

from embedsync.documents.bokeh import defaults
from embedsync.documents.bokeh.attributes import attributes_of
from embedsync.documents.bokeh.defaults import give_up_empty_defaults
from embedsync.documents.bokeh.private import PropertyValueContainer, UnsetValueError
from tests.documents.bokeh.harness import Live
from tests.documents.bokeh.test_attributes import CLASSES, THEMES, bokehs
from tests.documents.bokeh.test_properties import read

pytestmark = pytest.mark.filterwarnings("ignore::bokeh.util.warnings.BokehDeprecationWarning")


def containers(model: Model) -> dict[str, Any]:
    made = model._unstable_default_values
    return {name: each for name, each in made.items() if isinstance(each, PropertyValueContainer)}


@pytest.mark.parametrize("theme", [None, THEMES[0]], ids=["plain", "themed"])
@pytest.mark.parametrize("model_class", CLASSES, ids=lambda each: each.__name__)
def test_a_model_without_itsempty_defaults_is_like_any_other(model_class: type[Model], theme: Any) -> None:
    model, twin = model_class(), model_class()
    for each in (model, twin) if theme is not None else ():
        theme.apply_to_model(each)
    give_up_empty_defaults([model])
    assert not any(name in containers(model) for name in ("tags", "js_event_callbacks"))
    given_up = [name for name in containers(twin) if name not in containers(model)]
    assert [name for name, _ in defined(model)] == [name for name, _ in defined(twin)]
    for name in model_class.properties():
        value, other = read(model, name), read(twin, name)
        assert type(value) is type(other), name
        assert value == other or without_ids(value) == without_ids(other), name
    assert all(name in containers(model) for name in given_up)
    for name in given_up:
        assert heard(model, name) == heard(twin, name), name


def without_ids(value: Any) -> str:
    return re.sub(r"id='\w+'", "", repr(value))


def defined(model: Model) -> Any:
    found = bokehs(model)
    if found is UnsetValueError:
        with pytest.raises(UnsetValueError):
            attributes_of(model)
        return []
    return found


def heard(model: Model, name: str) -> Any:
    """What a callback is told when a default is changed in place."""
    told: list[Any] = []
    model.on_change(name, lambda attr, old, new: told.append((attr, old, new)))
    value: Any = getattr(model, name)
    with contextlib.suppress(ValueError):  # Not every property takes this.
        match value:
            case dict():
                value["here"] = "there"
            case list():
                value.append("here")
            case set():
                value.add("here")
    return told, dict(model._property_values).get(name)


def test_a_default_that_app_code_holds_is_still_its_models() -> None:
    slider = Slider(start=0, end=1, value=0)
    tags = slider.tags
    told: list[Any] = []
    slider.on_change("tags", lambda attr, old, new: told.append((attr, old, new)))
    give_up_empty_defaults([slider])
    tags.append("new")
    assert told == [("tags", [], ["new"])]
    assert slider.tags == ["new"]
    give_up_empty_defaults([slider])
    assert slider.tags == ["new"]


def test_what_was_emptied_stays_as_it_was_set() -> None:
    button = Button(tags=["full"])
    button.tags = []
    give_up_empty_defaults([button])
    assert "tags" in button._property_values
    assert dict(defined(button))["tags"] == []


class Own(Model):
    """A model of an app."""

    number = Int(default=1)
    parts = List(String, default=[])
    more = Dict(String, Int, default={})


def test_classes_of_apps_are_left_alone() -> None:
    own = Own()
    own.parts, own.more  # noqa: B018  (reading makes them)
    give_up_empty_defaults([own])
    assert {"parts", "more"} <= containers(own).keys()
    before = defaults.empty_defaults.cache_info().currsize
    give_up_empty_defaults([Own()])
    assert defaults.empty_defaults.cache_info().currsize == before


def fill(doc: Any) -> None:
    source = ColumnDataSource({"x": [1, 2], "y": [3, 4]})
    plot = figure(name="plot")
    plot.scatter("x", "y", source=source)
    doc.add_root(plot)
    doc.add_root(Slider(start=0, end=1, value=0, name="slider"))


def test_a_document_holds_no_empty_default_that_nobody_has_asked_for() -> None:
    live = Live(fill)
    assert {name for model in live.doc.models for name, each in containers(model).items() if not each} <= {
        "major_label_overrides"  # Bokeh looks for mathematics there.
    }
    before = [len(containers(each)) for each in live.doc.models]
    live.doc.models.recompute()
    assert [len(containers(each)) for each in live.doc.models] == before
    slider = live.doc.get_model_by_name("slider")
    assert live.do(lambda: slider.tags.append("new"))[0]["attr"] == "tags"


def test_models_that_come_later_hold_none_either() -> None:
    live = Live(fill)
    added = figure()
    live.do(lambda: live.doc.add_root(added))
    assert [name for name, each in containers(added.xaxis[0]).items() if not each] == []
