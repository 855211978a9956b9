"""Which properties of a model its definition holds, found without reading every default.

Bokeh reads all properties of a model, and leaves most of them out again: their defaults take most of the time
of a document's first encoding. Which of them need not be read is the same for all models of a class.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

from embedsync.documents.bokeh.private import (
    HasProps,
    Model,
    PropertyDescriptor,
    PropertyValueContainer,
    Undefined,
)
from embedsync.documents.bokeh.properties import FAMILIAR, is_of_bokeh

__all__ = ["attributes_of"]


class _Property(NamedTuple):
    name: str
    descriptor: PropertyDescriptor[Any]
    always_read: bool
    """Reading the default makes a value that the model keeps, or raises. Lists and the like need not be read:
    they are left out whether the model has made them or not."""


def attributes_of(model: Model) -> dict[str, Any] | None:
    """The values that Bokeh puts into the definition of a model, in its order.

    Not for who has told Bokeh to put in defaults, too.

    Returns:
        ``None`` if that is only known to Bokeh: the class is an app's, or its like.

    Raises:
        UnsetValueError: a property without default was not set.
    """
    model_class = type(model)
    found = _properties_of(model_class) if is_of_bokeh(model_class) else None
    if found is None:
        return None
    themed = model.themed_values() or {}
    made = model._unstable_default_values
    chosen = {*model._property_values, *made, *themed}
    values: dict[str, Any] = {}
    for name, descriptor, always_read in found:
        if name not in chosen:
            if always_read:
                descriptor.get_value(model)
            continue
        value = descriptor.get_value(model)
        if name in themed or name not in made or not isinstance(value, PropertyValueContainer):
            values[name] = value
    return values


@cache
def _properties_of(model_class: type[Model]) -> tuple[_Property, ...] | None:
    """The properties that are encoded, for a class of Bokeh's that leaves encoding as it is."""
    if not _is_usual(model_class):
        return None
    found = []
    for name in model_class.properties(_with_props=True):
        descriptor: Any = model_class.lookup(name)
        if not descriptor.serialized:
            continue
        if type(descriptor) not in FAMILIAR:
            return None
        found.append(_Property(name, descriptor, _is_always_read(descriptor, model_class)))
    return tuple(found)


def _is_usual(model_class: type[Model]) -> bool:
    return model_class.to_serializable is Model.to_serializable and all(
        getattr(model_class, each) is getattr(HasProps, each)
        for each in ("properties_with_values", "query_properties_with_values", "themed_values")
    )


def _is_always_read(descriptor: Any, model_class: type[Model]) -> bool:
    # What it asks of a model are overrides that the class holds.
    is_unstable = descriptor.has_unstable_default(model_class)
    default = model_class._overridden_defaults().get(descriptor.name, descriptor.property._default)
    if is_unstable and callable(default):
        return True
    try:
        value = descriptor.property.themed_default(model_class, descriptor.name, None)
    except ValueError:
        return True
    return value is Undefined or (is_unstable and not isinstance(value, PropertyValueContainer))
