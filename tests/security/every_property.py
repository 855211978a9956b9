"""One model of each class of the installed Bokeh, and every property that a browser can name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import bokeh.models
import bokeh.models.widgets
import bokeh.plotting  # noqa: F401  (defines models too)
from bokeh.core.has_props import _default_resolver
from bokeh.core.property.descriptors import UnsetValueError
from bokeh.model import Model

__all__ = ["every_class", "made", "value_of"]


def every_class() -> Iterator[type[Model]]:
    """All classes of models that Bokeh ships and that can be made."""
    for name, each in sorted(_default_resolver._known_models.items()):
        if each.__module__.startswith("bokeh.") and issubclass(each, Model) and name:
            yield each


def made(model_class: type[Model]) -> Model | None:
    """A model of a class; ``None`` if it cannot be made, for it is abstract or wants code to compile."""
    try:
        return model_class()
    except (TypeError, ValueError, RuntimeError, NotImplementedError):
        return None


def value_of(model: Any, attribute: str) -> Any:
    """What a property holds, or something else if it holds nothing."""
    try:
        return getattr(model, attribute)
    except UnsetValueError:
        return None
