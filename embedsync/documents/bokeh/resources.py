"""Which of BokehJS's bundles a document needs, and what else it asks of a page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from embedsync.documents.bokeh.extensions import extension_scripts
from embedsync.documents.bokeh.private import (
    Model,
    settings,
    uses_gl,
    uses_mathjax,
    uses_tables,
    uses_widgets,
)
from embedsync.documents.bokeh.properties import is_of_bokeh, is_themed, value_of

__all__ = ["INSERTING", "brings_scripts", "models_that_need_eval", "needed_scripts", "script_files"]

_BASE = "bokeh.min.js"
_BUNDLES = (
    ("bokeh-gl.min.js", uses_gl),
    ("bokeh-widgets.min.js", uses_widgets),
    ("bokeh-tables.min.js", uses_tables),
    ("bokeh-mathjax.min.js", uses_mathjax),
)

_QUESTIONS = dict(_BUNDLES)
_TELLING = {
    "bokeh-gl.min.js": frozenset({"output_backend"}),
    "bokeh-mathjax.min.js": frozenset({"axis_label", "major_label_overrides", "text", "title"}),
}
"""Bundles that depend on what models hold, and in which properties. The others depend on classes alone."""
_answers: dict[tuple[str, type[Model]], bool] = {}

_WITH_MODELS = ("bokeh-widgets.min.js", "bokeh-tables.min.js")

INSERTING = "ReactiveESM"
"""Components of Panel that make modules of text, which takes scripts that are put into the page."""

_EVAL = frozenset(
    {
        "CustomJS",
        "CustomJSCompare",
        "CustomJSExpr",
        "CustomJSFilter",
        "CustomJSHover",
        "CustomJSTickFormatter",
        "CustomJSTicker",
        "CustomJSTransform",
        "HTMLTemplateFormatter",
        # Of Panel, and what is made of them.
        INSERTING,
        "ReactiveHTML",
    }
)


def script_files() -> Mapping[str, Path]:
    """All bundles of the installed Bokeh: their files, by name."""
    folder = Path(settings.bokehjs_path()) / "js"
    names = [_BASE, *(name for name, _ in _BUNDLES)]
    return {name: folder / name for name in names if (folder / name).exists()}


def needed_scripts(models: Iterable[Model]) -> tuple[str, ...]:
    """What these models need, in the order to load it: names of bundles, then what extensions load."""
    found = set(models)
    extensions = extension_scripts(found)
    kinds = _by_class(found)
    # The bundle of an extension may refer to whatever is in those of Bokeh that hold models.
    bundles = (
        name for name, _ in _BUNDLES if _is_needed(name, kinds) or (extensions and name in _WITH_MODELS)
    )
    return (_BASE, *bundles, *extensions)


def _by_class(models: Iterable[Model]) -> dict[type[Model], list[Model]]:
    kinds: dict[type[Model], list[Model]] = {}
    for each in models:
        kinds.setdefault(type(each), []).append(each)
    return kinds


def _is_needed(bundle: str, kinds: Mapping[type[Model], list[Model]]) -> bool:
    """Whether Bokeh would load a bundle for these models, which looks at each of them for long."""
    asked: set[Model] = set()
    for model_class, models in kinds.items():
        if not is_of_bokeh(model_class):
            asked.update(models)
            continue
        telling = _telling(bundle, model_class)
        for each in models if telling else models[:1]:
            if telling and (is_themed(each) or not telling.isdisjoint(each._property_values)):
                asked.add(each)
            elif _is_needed_by_class(bundle, each):
                return True
    return _QUESTIONS[bundle](asked)


@cache
def _telling(bundle: str, model_class: Any) -> frozenset[str]:
    return _TELLING.get(bundle, frozenset()).intersection(model_class.properties())


def _is_needed_by_class(bundle: str, model: Model) -> bool:
    """The same for a model that has no other values in the properties that tell than all of its class."""
    key = bundle, type(model)
    known = _answers.get(key)
    if known is None:
        known = _answers[key] = _QUESTIONS[bundle]({model})
    return known


@cache
def brings_scripts(model_class: Any) -> bool:
    """Whether models of a class bring code of the app, or of an extension, to browsers."""
    return not is_of_bokeh(model_class) or any(base.__name__ in _EVAL for base in model_class.__mro__)


def models_that_need_eval(models: Iterable[Model]) -> tuple[str, ...]:
    """Names of the model classes here that a page must allow ``unsafe-eval`` for.

    These models carry JavaScript as text, which the browser compiles; the bundle for WebGL does, too.
    """
    found = list(models)
    classes = {type(each) for each in found}
    names = {base.__name__ for each in classes for base in each.__mro__ if base.__name__ in _EVAL}
    plots = {each for each in classes if "output_backend" in each.properties()}
    if any(type(each) in plots and value_of(each, "output_backend") == "webgl" for each in found):
        names.add("output_backend='webgl'")
    return tuple(sorted(names))
