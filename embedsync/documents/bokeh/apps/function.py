"""Apps that are a function of the document."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from embedsync.app import SessionInfo
from embedsync.authority import Authority
from embedsync.documents.bokeh import panel
from embedsync.documents.bokeh.apps.recipe import BokehRecipe, Steps, awaited
from embedsync.documents.bokeh.document import BokehDocument
from embedsync.errors import BuildError, ConfigurationError

__all__ = ["FunctionRecipe"]


class FunctionRecipe(BokehRecipe):
    """Fills documents by ``def app(doc)`` or ``async def app(doc)``.

    What the function returns is shown if it is something of Panel's. Such a function need not take the
    document.

    Raises:
        ConfigurationError: the function takes more than one argument, or others than that one.
    """

    def __init__(self, function: Callable[..., Any], authority: Authority | None = None) -> None:
        super().__init__(authority)
        self._takes_document = _takes_document(function)
        self._function = function

    def fill(self, document: BokehDocument, session: SessionInfo) -> Steps:
        """Call the function."""
        given = (document.bokeh,) if self._takes_document else ()
        returned = yield from awaited(document, self._function(*given))
        if panel.is_shown_by_panel(returned):
            panel.show(document.bokeh, returned)
        elif not self._takes_document and not document.bokeh.roots:
            name = getattr(self._function, "__name__", repr(self._function))
            kind = type(returned).__name__
            raise BuildError(f"{name}() takes no document and returned {kind}, which Panel does not show")


def _takes_document(function: Callable[..., Any]) -> bool:
    """Whether a function takes the document, as Bokeh's apps do, or nothing, as Panel's do."""
    try:
        signature = inspect.signature(function)
    except ValueError:  # some callables of extension modules have none
        return True
    for arguments in ((None,), ()):
        try:
            signature.bind(*arguments)
        except TypeError:
            continue
        return bool(arguments)
    name = getattr(function, "__name__", repr(function))
    raise ConfigurationError(
        f"an app is a function with one argument, the document, or with none if it returns something of "
        f"Panel's; {name}{signature} is not"
    )
