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
from embedsync.documents.bokeh.properties import is_of_bokeh, value_of

__all__ = ["INSERTING", "models_that_need_eval", "needed_scripts", "script_files"]

_BASE = "bokeh.min.js"
_BUNDLES = (
    ("bokeh-gl.min.js", uses_gl),
    ("bokeh-widgets.min.js", uses_widgets),
    ("bokeh-tables.min.js", uses_tables),
    ("bokeh-mathjax.min.js", uses_mathjax),
)

_TELLING: Mapping[str, tuple[str, ...]] = {
    "bokeh-gl.min.js": ("output_backend",),
    "bokeh-mathjax.min.js": ("axis_label", "major_label_overrides", "text", "title"),
}
"""Bundles that depend on what models hold, and in which properties. The others depend on classes alone."""

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
    # The bundle of an extension may refer to whatever is in those of Bokeh that hold models.
    bundles = (
        name
        for name, needed in _BUNDLES
        if needed(_that_tell(name, found)) or (extensions and name in _WITH_MODELS)
    )
    return (_BASE, *bundles, *extensions)


def _that_tell(bundle: str, models: set[Model]) -> set[Model]:
    """Those of the models that tell whether all of them need a bundle: Bokeh takes long to look at each."""
    one_of_each = {type(each): each for each in models}
    if bundle not in _TELLING:
        return set(one_of_each.values())
    telling = {each for each in one_of_each if _may_need(bundle, each)}
    return {each for each in models if type(each) in telling}


def _may_need(bundle: str, model_class: Any) -> bool:
    return not is_of_bokeh(model_class) or _has_one_of(model_class, _TELLING[bundle])


@cache
def _has_one_of(model_class: Any, names: tuple[str, ...]) -> bool:
    return not model_class.properties().isdisjoint(names)


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
