"""The properties of models: who may see them, and what they hold.

What is the same for all models of one of Bokeh's own classes is looked up once. The classes of apps come and
go with their sessions, and are not remembered.
"""

from __future__ import annotations

from collections.abc import Mapping
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


_of_bokeh: set[type] = set()


def is_of_bokeh(cls: type) -> bool:
    """Whether a class is one of those that Bokeh brings along."""
    if cls in _of_bokeh:
        return True
    if not cls.__module__.startswith(OF_BOKEH):
        return False
    _of_bokeh.add(cls)
    return True


def descriptor_of(model: HasProps, attribute: str) -> PropertyDescriptor[Any] | None:
    """The descriptor of a property; ``None`` if the model has no property of this name."""
    cls: Any = type(model)
    known = _known.get(cls) or _learn(cls)
    return known.descriptors.get(attribute) if known is not None else _descriptor(cls, attribute)


def is_themed(model: Any) -> bool:
    """Whether a theme gives a property of a model another default. ``themed_values()`` takes longer."""
    return bool(vars(model).get("__themed_values__"))


def value_of(model: Any, attribute: str) -> Any:
    """What ``getattr`` gives of a property, without the long way round by which Bokeh finds defaults."""
    values = model._property_values
    if attribute in values:
        return values[attribute]
    cls: Any = type(model)
    known = _known.get(cls) or _learn(cls)
    if known is not None and not is_themed(model):
        found = known.plain_defaults.get(attribute, _MISSING)
        if found is not _MISSING:
            return found
    return getattr(model, attribute)


def told_descriptor(model: Model, attribute: str) -> PropertyDescriptor[Any] | None:
    """The descriptor of a property that browsers are told; ``None`` if there is none."""
    cls: Any = type(model)
    known = _known.get(cls) or _learn(cls)
    if known is not None:
        return known.told.get(attribute)
    descriptor = _descriptor(cls, attribute)
    return descriptor if descriptor is not None and descriptor.serialized else None


def writable_descriptor(model: Model, attribute: str) -> PropertyDescriptor[Any] | None:
    """The descriptor of a property that browsers may write; ``None`` if there is none."""
    told = told_descriptor(model, attribute)
    if told is not None:
        return told
    # What Bokeh calls read-only is so for Python: it belongs to the browser.
    descriptor = descriptor_of(model, attribute)
    return descriptor if descriptor is not None and descriptor.readonly else None


def belongs_to_browser(model: Model, attribute: str) -> bool:
    """Whether only browsers write this property, and are never told it: sizes, chosen files."""
    if told_descriptor(model, attribute) is not None:
        return False
    descriptor = descriptor_of(model, attribute)
    return descriptor is not None and descriptor.readonly


def told_attribute(model: Model, attribute: str) -> str | None:
    """The property that browsers are told of when ``attribute`` changes; ``None`` for none."""
    if told_descriptor(model, attribute) is not None:
        return attribute
    base = attribute.removesuffix("_units")
    if base != attribute and isinstance(descriptor_of(model, base), UnitsSpecPropertyDescriptor):
        return base  # units travel as a part of the value that they are the units of
    return None


class _Known:
    """What is the same for all models of a class.

    Attributes:
        descriptors: of all properties, by their names.
        told: of those that browsers are told.
        plain_defaults: defaults that are the same object for each model, and never change.
    """

    __slots__ = ("descriptors", "plain_defaults", "told")

    def __init__(self, cls: Any) -> None:
        found = {name: _descriptor(cls, name) for name in cls.properties(_with_props=True)}
        self.descriptors = {name: each for name, each in found.items() if each is not None}
        self.told = {name: each for name, each in self.descriptors.items() if each.serialized}
        self.plain_defaults = _plain_defaults(cls, self.descriptors)


_known: dict[type, _Known] = {}


def _learn(cls: Any) -> _Known | None:
    """What is known of a class from now on; ``None`` if it is not one of Bokeh's."""
    if not is_of_bokeh(cls):
        return None
    known = _known[cls] = _Known(cls)
    return known


def _descriptor(cls: type[HasProps], attribute: str) -> PropertyDescriptor[Any] | None:
    if attribute not in cls.properties(_with_props=True):
        return None
    found = cls.lookup(attribute, raises=False)
    return found if isinstance(found, PropertyDescriptor) else None


def _plain_defaults(cls: Any, descriptors: Mapping[str, PropertyDescriptor[Any]]) -> Mapping[str, Any]:
    found = {}
    for name, descriptor in descriptors.items():
        # Of those that are asked for by other descriptors, such as aliases, nothing is known here.
        if type(descriptor) is PropertyDescriptor and not descriptor.has_unstable_default(cls):
            default = descriptor.class_default(cls, no_eval=True)
            if type(default) in _IMMUTABLE:
                found[name] = default
    return found
