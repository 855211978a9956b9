"""The properties of models: who may see them, and what they hold.

What is the same for all models of one of Bokeh's own classes is looked up once. The classes of apps come and
go with their sessions, and are not remembered.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from embedsync.documents.bokeh.private import (
    OF_BOKEH,
    ColumnDataPropertyDescriptor,
    DataSpecPropertyDescriptor,
    HasProps,
    Model,
    PropertyDescriptor,
    UnitsSpecPropertyDescriptor,
)

__all__ = [
    "FAMILIAR",
    "belongs_to_browser",
    "descriptor_of",
    "is_of_bokeh",
    "is_themed",
    "told_attribute",
    "told_descriptor",
    "value_of",
    "writable_descriptor",
]

FAMILIAR = frozenset(
    {
        PropertyDescriptor,
        DataSpecPropertyDescriptor,
        UnitsSpecPropertyDescriptor,
        ColumnDataPropertyDescriptor,
    }
)
"""The kinds of descriptors whose ways are known. Where there is another one, Bokeh is asked."""
_IMMUTABLE = frozenset({bool, int, float, str, type(None)})
_MISSING: Any = object()


def is_of_bokeh(cls: type) -> bool:
    """Whether a class is one of those that Bokeh brings along."""
    return cls.__module__.startswith(OF_BOKEH)


def descriptor_of(model: HasProps, attribute: str) -> PropertyDescriptor[Any] | None:
    """The descriptor of a property; ``None`` if the model has no property of this name."""
    cls: Any = type(model)
    if is_of_bokeh(cls):
        return _descriptors(cls).get(attribute)
    return _descriptor(cls, attribute)


def is_themed(model: Any) -> bool:
    """Whether a theme gives a property of a model another default. ``themed_values()`` takes longer."""
    return bool(vars(model).get("__themed_values__"))


def value_of(model: Any, attribute: str) -> Any:
    """What ``getattr`` gives of a property, without the long way round by which Bokeh finds defaults."""
    values = model._property_values
    if attribute in values:
        return values[attribute]
    cls: Any = type(model)
    if is_of_bokeh(cls) and not is_themed(model):
        found = _plain_defaults(cls).get(attribute, _MISSING)
        if found is not _MISSING:
            return found
    return getattr(model, attribute)


def told_descriptor(model: Model, attribute: str) -> PropertyDescriptor[Any] | None:
    """The descriptor of a property that browsers are told; ``None`` if there is none."""
    descriptor = descriptor_of(model, attribute)
    return descriptor if descriptor is not None and descriptor.serialized else None


def writable_descriptor(model: Model, attribute: str) -> PropertyDescriptor[Any] | None:
    """The descriptor of a property that browsers may write; ``None`` if there is none."""
    descriptor = descriptor_of(model, attribute)
    # What Bokeh calls read-only is so for Python: it belongs to the browser.
    return descriptor if descriptor is not None and (descriptor.serialized or descriptor.readonly) else None


def belongs_to_browser(model: Model, attribute: str) -> bool:
    """Whether only browsers write this property, and are never told it: sizes, chosen files."""
    descriptor = descriptor_of(model, attribute)
    return descriptor is not None and descriptor.readonly and not descriptor.serialized


def told_attribute(model: Model, attribute: str) -> str | None:
    """The property that browsers are told of when ``attribute`` changes; ``None`` for none."""
    if told_descriptor(model, attribute) is not None:
        return attribute
    base = attribute.removesuffix("_units")
    if base != attribute and isinstance(descriptor_of(model, base), UnitsSpecPropertyDescriptor):
        return base  # units travel as a part of the value that they are the units of
    return None


@cache
def _descriptors(cls: Any) -> Mapping[str, PropertyDescriptor[Any]]:
    found = {name: _descriptor(cls, name) for name in cls.properties(_with_props=True)}
    return {name: each for name, each in found.items() if each is not None}


def _descriptor(cls: type[HasProps], attribute: str) -> PropertyDescriptor[Any] | None:
    if attribute not in cls.properties(_with_props=True):
        return None
    found = cls.lookup(attribute, raises=False)
    return found if isinstance(found, PropertyDescriptor) else None


@cache
def _plain_defaults(cls: Any) -> Mapping[str, Any]:
    """Defaults that are the same object for each model, and never change."""
    found = {}
    for name, descriptor in _descriptors(cls).items():
        # Of those that are asked for by other descriptors, such as aliases, nothing is known here.
        if type(descriptor) is PropertyDescriptor and not descriptor.has_unstable_default(cls):
            default = descriptor.class_default(cls, no_eval=True)
            if type(default) in _IMMUTABLE:
                found[name] = default
    return found
