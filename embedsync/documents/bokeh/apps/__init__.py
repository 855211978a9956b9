"""Recipes: what fills a Bokeh document for a new session."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

from embedsync.authority import Authority
from embedsync.documents.bokeh.apps.recipe import BokehRecipe
from embedsync.documents.bokeh.private import import_optional
from embedsync.errors import ConfigurationError

__all__ = ["recipe_for"]


def recipe_for(
    source: Any, *, authority: Authority | None, argv: tuple[str, ...] | None, cwd: bool
) -> BokehRecipe:
    """Make a recipe of a function, a path or a Bokeh application.

    Raises:
        ConfigurationError: there is no such path, or this is nothing that describes an app.
    """
    # Bokeh looks for pandas in `sys.modules`, and would find half of it while another session's app
    # imports it for the first time.
    import_optional("pandas")
    if isinstance(source, Path):
        return _recipe_for_path(source, authority, argv, cwd)
    if getattr(type(source), "_is_a_bokeh_application_class", False):
        from embedsync.documents.bokeh.apps.application import ApplicationRecipe

        return ApplicationRecipe(source, authority)
    if callable(source) and not inspect.isclass(source):
        from embedsync.documents.bokeh.apps.function import FunctionRecipe

        return FunctionRecipe(source, authority)
    raise ConfigurationError(
        f"{source!r} is no app: give a function with one argument, the path of a script, directory or "
        "notebook, or a bokeh.application.Application"
    )


def _recipe_for_path(
    path: Path, authority: Authority | None, argv: tuple[str, ...] | None, cwd: bool
) -> BokehRecipe:
    from embedsync.documents.bokeh.apps.directory import DirectoryRecipe
    from embedsync.documents.bokeh.apps.script import ScriptRecipe

    path = path.expanduser().absolute()
    if not path.exists():
        raise ConfigurationError(f"there is no app at {path}")
    if path.is_dir():
        return DirectoryRecipe(path, authority, argv, cwd)
    if path.suffix in (".py", ".ipynb"):
        return ScriptRecipe(path, authority, argv, cwd)
    raise ConfigurationError(f"{path} is no app: scripts end with .py, notebooks with .ipynb")
