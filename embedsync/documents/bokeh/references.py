"""The models that others refer to, found without reading defaults that refer to nothing.

Bokeh reads each property that may hold a model. Most of them were never set, and to find their defaults takes
most of the time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from functools import cache
from typing import Any, NamedTuple

from embedsync.documents.bokeh.defaults import empty_defaults
from embedsync.documents.bokeh.private import (
    ID,
    HasProps,
    Model,
    Undefined,
    visit_value_and_its_immediate_references,
)
from embedsync.documents.bokeh.properties import FAMILIAR, is_of_bokeh, is_themed

__all__ = ["all_models"]

_NO_MODELS = frozenset({int, float, str, bool, type(None)})


class _Property(NamedTuple):
    name: str
    always_read: bool
    """Its default may hold models: reading it makes them, and the model keeps them."""


def all_models(roots: Iterable[Model]) -> dict[ID, Model]:
    """The roots and all models that can be reached from them, by id: what ``references()`` of each finds."""
    found: dict[ID, Model] = {}
    queued: deque[Model] = deque()
    for root in roots:
        if type(root).references is Model.references:
            queued.append(root)
        else:
            found.update((each.id, each) for each in root.references())
    while queued:
        model = queued.popleft()
        if model.id not in found:
            found[model.id] = model
            _visit(model, queued)
    return found


def _visit(model: Any, queued: deque[Model]) -> None:
    cls: Any = type(model)
    names = _properties_of(cls) if is_of_bokeh(cls) else None
    if names is None or is_themed(model):
        for name in cls.properties_with_refs():
            _add(getattr(model, name), queued)
        return
    values, made = model._property_values, model._unstable_default_values
    for name, always_read in names:
        if name in values:
            _add(values[name], queued)
        elif name in made:
            value = made[name]
            _add(value if value is not Undefined else getattr(model, name), queued)  # Which raises.
        elif always_read:
            _add(getattr(model, name), queued)


def _add(value: Any, queued: deque[Model]) -> None:
    kind = type(value)
    if kind in _NO_MODELS:
        return
    if isinstance(value, Model):
        queued.append(value)
    elif kind is list or isinstance(value, list | tuple):
        for each in value:
            _add(each, queued)
    elif isinstance(value, dict) and not value:
        return  # Each model has a few, and Bokeh takes longer to find that out.
    else:
        visit_value_and_its_immediate_references(value, queued.append)


@cache
def _properties_of(cls: Any) -> tuple[_Property, ...] | None:
    """The properties that may hold models; ``None`` for a class that is unlike others."""
    found = []
    for name in cls.properties_with_refs():
        descriptor: Any = cls.lookup(name)
        if type(descriptor) not in FAMILIAR:
            return None
        is_empty = name in empty_defaults(cls)
        found.append(_Property(name, not is_empty and _may_hold_models(descriptor, cls)))
    return tuple(found)


def _may_hold_models(descriptor: Any, cls: type[HasProps]) -> bool:
    if descriptor.has_unstable_default(cls):
        return True
    try:
        default = descriptor.class_default(cls, no_eval=True)
    except ValueError:
        return True
    return type(default) not in _NO_MODELS and not _is_empty(default)


def _is_empty(value: Any) -> bool:
    return isinstance(value, list | tuple | dict) and not value
