"""A definition holds what Bokeh puts into it: the same values in the same order, for every model there is."""

import warnings
from typing import Any

import numpy as np
import pytest
from bokeh.core.properties import Int, Required, String
from bokeh.layouts import column, gridplot
from bokeh.model import Model
from bokeh.models import ColumnDataSource, DataTable, Scatter, Slider, TableColumn
from bokeh.plotting import figure
from bokeh.themes import built_in_themes
from hypothesis import given, settings
from hypothesis import strategies as st

from embedsync.documents.bokeh import attributes
from embedsync.documents.bokeh.attributes import attributes_of
from embedsync.documents.bokeh.live import LiveDocument
from embedsync.documents.bokeh.private import UnsetValueError
from embedsync.documents.bokeh.serializer import Encoding, KnownModels


def constructible() -> list[type[Model]]:
    import bokeh.models  # noqa: F401  (it registers them all)

    found = []
    for each in Model.model_class_reverse_map.values():
        if not each.__module__.startswith(("bokeh.models.", "bokeh.plotting.")) or not issubclass(
            each, Model
        ):
            continue
        try:
            each()
        except Exception:  # noqa: BLE001  (abstract, or in need of arguments)
            continue
        found.append(each)
    return sorted(found, key=lambda each: each.__qualified_model__)


with warnings.catch_warnings(action="ignore"):
    CLASSES = constructible()
THEMES = list(built_in_themes.values())

# Some are on their way out, and say so.
pytestmark = pytest.mark.filterwarnings("ignore::bokeh.util.warnings.BokehDeprecationWarning")


def bokehs(model: Model) -> Any:
    """What Bokeh would define, or the type of what it raises."""
    try:
        return list(model.properties_with_values(include_defaults=False).items())
    except UnsetValueError:
        return UnsetValueError


def ours(model: Model) -> Any:
    try:
        found = attributes_of(model)
    except UnsetValueError:
        return UnsetValueError
    assert found is not None, f"{type(model).__name__} is left to Bokeh"
    return list(found.items())


def same(model: Model, twin: Model) -> None:
    """Compare both ways, on two models of one history; and again, for reading makes values."""
    for _ in range(2):
        left, right = bokehs(model), ours(twin)
        if left is UnsetValueError or right is UnsetValueError:
            assert left is right
            continue
        assert [name for name, _ in left] == [name for name, _ in right]
        assert model._unstable_default_values.keys() == twin._unstable_default_values.keys()
        assert model._unstable_themed_values.keys() == twin._unstable_themed_values.keys()
    # And on one model, whose values are then the same objects.
    assert repr(bokehs(model)) == repr(ours(model))


@pytest.mark.parametrize("model_class", CLASSES, ids=lambda each: each.__name__)
def test_every_model_is_defined_as_bokeh_defines_it(model_class: type[Model]) -> None:
    same(model_class(), model_class())
    for theme in THEMES[:2]:
        model, twin = model_class(), model_class()
        theme.apply_to_model(model)
        theme.apply_to_model(twin)
        same(model, twin)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_whatever_is_set_read_or_themed_is_defined_as_bokeh_defines_it(data: st.DataObject) -> None:
    model_class = data.draw(st.sampled_from(CLASSES))
    model, twin, donor = model_class(), model_class(), model_class()
    names = sorted(model_class.properties())
    for name in data.draw(st.lists(st.sampled_from(names), max_size=8)):
        read_only = data.draw(st.booleans())
        for each in (model, twin):
            try:
                value = getattr(each if read_only else donor, name)
                if not read_only:
                    setattr(each, name, value)
            except (UnsetValueError, RuntimeError, ValueError, TypeError):
                break
    if data.draw(st.booleans()):
        theme = data.draw(st.sampled_from(THEMES))
        theme.apply_to_model(model)
        theme.apply_to_model(twin)
    same(model, twin)


def test_a_document_is_encoded_as_if_bokeh_had_defined_its_models(monkeypatch: pytest.MonkeyPatch) -> None:
    document = LiveDocument()
    source = ColumnDataSource(data={"x": np.arange(5.0), "y": [1, 2, 3, 4, None]})
    plots = [figure(title=str(each)) for each in range(3)]
    for each in plots:
        each.line("x", "y", source=source)
        each.scatter("x", "y", source=source, marker="circle")
    table = DataTable(source=source, columns=[TableColumn(field="x")])
    document.add_root(column(Slider(start=0, end=1, value=0.5), gridplot(plots, ncols=2), table))

    def encoded() -> bytes:
        return Encoding(KnownModels(), afresh=True).document({"roots": document.roots})[0]

    fast = encoded()
    monkeypatch.setattr("embedsync.documents.bokeh.serializer.attributes_of", lambda model: None)
    assert fast == encoded()


def test_classes_of_apps_are_left_to_bokeh() -> None:
    class Own(Scatter):
        extra = Int(default=3)

    class Needy(Model):
        needed = Required(String)

    assert attributes_of(Own()) is None
    assert attributes_of(Needy()) is None


def test_nothing_of_an_apps_class_is_kept() -> None:
    class Own(Scatter):
        pass

    before = attributes._properties_of.cache_info().currsize
    attributes_of(Own())
    assert attributes._properties_of.cache_info().currsize == before
