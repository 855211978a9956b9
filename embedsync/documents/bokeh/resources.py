"""Which of BokehJS's bundles a document needs, and what else it asks of a page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from embedsync.documents.bokeh.extensions import extension_scripts
from embedsync.documents.bokeh.private import (
    Model,
    settings,
    uses_gl,
    uses_mathjax,
    uses_tables,
    uses_widgets,
)
from embedsync.documents.bokeh.properties import descriptor_of, value_of

__all__ = ["INSERTING", "models_that_need_eval", "needed_scripts", "script_files"]

_BASE = "bokeh.min.js"
_BUNDLES = (
    ("bokeh-gl.min.js", uses_gl),
    ("bokeh-widgets.min.js", uses_widgets),
    ("bokeh-tables.min.js", uses_tables),
    ("bokeh-mathjax.min.js", uses_mathjax),
)

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
    bundles = (name for name, needed in _BUNDLES if needed(found) or (extensions and name in _WITH_MODELS))
    return (_BASE, *bundles, *extensions)


def models_that_need_eval(models: Iterable[Model]) -> tuple[str, ...]:
    """Names of the model classes here that a page must allow ``unsafe-eval`` for.

    These models carry JavaScript as text, which the browser compiles; the bundle for WebGL does, too.
    """
    names: set[str] = set()
    for each in models:
        names.update(base.__name__ for base in type(each).__mro__ if base.__name__ in _EVAL)
        if descriptor_of(each, "output_backend") is not None and value_of(each, "output_backend") == "webgl":
            names.add("output_backend='webgl'")
    return tuple(sorted(names))
