"""Documents that can be kept in sync, and the apps that fill them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from embedsync.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from embedsync.app import Recipe
    from embedsync.authority import Authority

__all__ = ["accelerate", "load"]


def load(
    source: Any,
    *,
    authority: str | Authority | None = None,
    read_only: bool = False,
    argv: Sequence[str] | None = None,
    cwd: bool = False,
) -> Recipe:
    """Make a recipe of whatever describes an app.

    Args:
        source: a function ``app(doc)``, plain or ``async``; the path of a script, a directory or a
            notebook; a ``bokeh.application.Application``; or a recipe, which is returned as it is.
        authority: decides on what browsers may change: ``"closed"``, what a person can change through what
            is shown; ``"compat"``, what ``bokeh serve`` allows, which is everything; or an authority of
            your own. Without it, the setting ``authority`` of the process that runs the app does.
        read_only: with either profile, visitors may look around, and change nothing.
        argv: arguments that a script finds in ``sys.argv``, after its own name. The sessions of an
            app that has some are built one at a time, for there is only one ``sys.argv``.
        cwd: whether a script is run in its own folder. On Linux each thread can have one; elsewhere the same
            holds.

    Raises:
        ConfigurationError: there is no such path, this is nothing that describes an app, or there is no
            such profile.
    """
    if _is_recipe(source):
        if authority is not None or read_only or argv is not None or cwd:
            raise ConfigurationError("authority, read_only, argv and cwd are said when a recipe is made")
        recipe: Recipe = source
        return recipe
    _need_bokeh("this app")
    from embedsync.documents.bokeh.apps import recipe_for
    from embedsync.documents.bokeh.authority import authority_of

    given = authority is not None or read_only
    own = authority_of("closed" if authority is None else authority, read_only=read_only) if given else None
    return recipe_for(
        Path(source) if isinstance(source, str) else source,
        authority=own,
        argv=tuple(argv) if argv is not None else None,
        cwd=cwd,
    )


def accelerate() -> None:
    """Make models sooner in this process; see :mod:`embedsync.documents.bokeh.accelerator`.

    Raises:
        ConfigurationError: not with the Bokeh that is installed.
    """
    _need_bokeh("setting 'accelerate'")
    from embedsync.documents.bokeh.accelerator import install

    install()


def _need_bokeh(who: str) -> None:
    try:
        import bokeh  # noqa: F401
    except ImportError as error:
        raise ConfigurationError(
            f'{who} needs Bokeh, which is not installed: pip install "./embedsync[flask]"'
        ) from error


def _is_recipe(source: Any) -> bool:
    names = ("kind", "check", "scripts", "build", "close")
    return not isinstance(source, type) and all(hasattr(source, each) for each in names)
