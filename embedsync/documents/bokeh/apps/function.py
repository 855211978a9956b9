"""Apps that are a function of the document."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from embedsync.app import SessionInfo
from embedsync.authority import Authority
from embedsync.documents.bokeh.apps.recipe import BokehRecipe, Steps, awaited
from embedsync.documents.bokeh.document import BokehDocument
from embedsync.errors import ConfigurationError

__all__ = ["FunctionRecipe"]


class FunctionRecipe(BokehRecipe):
    """Fills documents by ``def app(doc)`` or ``async def app(doc)``.

    Raises:
        ConfigurationError: the function does not take exactly one argument.
    """

    def __init__(self, function: Callable[..., Any], authority: Authority | None = None) -> None:
        super().__init__(authority)
        _check_signature(function)
        self._function = function

    def fill(self, document: BokehDocument, session: SessionInfo) -> Steps:
        """Call the function."""
        yield from awaited(document, self._function(document.bokeh))


def _check_signature(function: Callable[..., Any]) -> None:
    try:
        signature = inspect.signature(function)
    except ValueError:  # some callables of extension modules have none
        return
    try:
        signature.bind(None)
    except TypeError as error:
        name = getattr(function, "__name__", repr(function))
        raise ConfigurationError(
            f"an app is a function with one argument, the document; {name}{signature} is not"
        ) from error
