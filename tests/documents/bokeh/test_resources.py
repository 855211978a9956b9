"""The bundles that a document needs are those that Bokeh says, found without asking for each model."""

from typing import Any

import pytest
from bokeh.core.has_props import is_DataModel
from bokeh.model import DataModel, Model
from bokeh.models import Axis, Button, CustomJS, DataTable, Div, LinearAxis, Plot, Slider, Title
from bokeh.plotting import figure

from embedsync.documents.bokeh.private import (
    data_models,
    forget_classes,
    uses_gl,
    uses_mathjax,
    uses_tables,
    uses_widgets,
)
from embedsync.documents.bokeh.resources import needed_scripts
from tests.documents.bokeh.harness import Live, write
from tests.documents.bokeh.test_attributes import CLASSES

pytestmark = pytest.mark.filterwarnings("ignore::bokeh.util.warnings.BokehDeprecationWarning")

QUESTIONS = {
    "bokeh-gl.min.js": uses_gl,
    "bokeh-widgets.min.js": uses_widgets,
    "bokeh-tables.min.js": uses_tables,
    "bokeh-mathjax.min.js": uses_mathjax,
}
VALUES: tuple[Any, ...] = ("$$x^2$$", "webgl", {1: "$$x^2$$"}, ["$$x^2$$"])


def as_bokeh_says(models: list[Any]) -> tuple[str, ...]:
    """All models are looked at for each bundle."""
    return ("bokeh.min.js", *(name for name, needed in QUESTIONS.items() if needed(set(models))))


def variants(model_class: type[Model]) -> list[Model]:
    """A model as it is made, and one for each text that it takes in each property."""
    found = [model_class()]
    for name in sorted(model_class.properties()):
        for value in VALUES:
            model = model_class()
            try:
                setattr(model, name, value)
            except (ValueError, RuntimeError, TypeError):
                continue
            found.append(model)
    return found


@pytest.mark.parametrize("model_class", CLASSES, ids=lambda each: each.__name__)
def test_each_model_needs_what_bokeh_says_whatever_it_holds(model_class: type[Model]) -> None:
    for each in variants(model_class):
        assert needed_scripts([each]) == as_bokeh_says([each]), each.properties_with_values()


class OwnDiv(Div):
    """A class of an app, which Bokeh is asked about."""

    __view_module__ = "bokeh"


@pytest.mark.parametrize(
    "models",
    [
        [],
        [figure(), Slider(start=0, end=1, value=0)],
        [Title(text="plain"), Title(text="$$x$$"), Button()],
        [LinearAxis(), LinearAxis(major_label_overrides={1: "$$x$$"})],
        [Plot(), Plot(output_backend="webgl")],
        [OwnDiv(text="plain"), OwnDiv(text="$$x$$")],
        [DataTable(), Axis(axis_label="$$y$$")],
    ],
    ids=str,
)
def test_models_together_need_what_bokeh_says(models: list[Model]) -> None:
    assert needed_scripts(models) == as_bokeh_says(models)


def test_the_classes_that_browsers_must_be_told_about_are_those_that_bokeh_would_tell() -> None:
    class Values(DataModel):
        pass

    class Panels(DataModel):  # That is the module of those that Panel makes.
        __module__ = "bokeh.core.has_props"

    try:
        known = [each for each in Model.model_class_reverse_map.values() if is_DataModel(each)]
        assert data_models() == known
        assert known[-2:] == [Values, Panels]
    finally:
        forget_classes([__name__], [Panels])


def test_what_a_browser_brings_does_not_decide_what_the_pages_of_others_allow() -> None:
    """Where browsers may bring any model, as under ``embedsync serve``."""
    told: list[tuple[str, ...]] = []
    button = Button()
    live = Live(lambda doc: doc.add_root(button), authority="compat")
    live.document.on_text_to_compile = told.append
    script = {"type": "object", "name": "CustomJS", "id": "brought", "attributes": {"code": "alert(1)"}}
    live.edit(write(button, "tags", [script]))
    assert told == []
    live.do(lambda: button.js_on_click(CustomJS(code="")))
    assert told == [("CustomJS",)]
