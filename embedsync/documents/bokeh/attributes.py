"""Which properties of a model its definition holds, found without reading every default.

Bokeh reads all properties of a model, and leaves most of them out again: their defaults take most of the time
of a document's first encoding. Which of them need not be read is the same for all models of a class.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

from embedsync.documents.bokeh.private import (
    DataSpec,
    Field,
    HasProps,
    Model,
    Nothing,
    PropertyDescriptor,
    PropertyValueContainer,
    String,
    Undefined,
    UnitsSpec,
    Unspecified,
    Value,
)
from embedsync.documents.bokeh.properties import FAMILIAR, is_of_bokeh, is_themed

__all__ = ["attributes_of"]


Told = Callable[[Model, Any], Any]


class _Property(NamedTuple):
    name: str
    descriptor: PropertyDescriptor[Any]
    told: Told | None
    """Makes what browsers are told, of a value that the model keeps; ``None`` if only the descriptor can."""
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
    return _of_themed(model, found) if is_themed(model) else _of_plain(model, found)


def _of_plain(model: Model, properties: tuple[_Property, ...]) -> dict[str, Any]:
    chosen, made = model._property_values, model._unstable_default_values
    values: dict[str, Any] = {}
    for name, descriptor, told, always_read in properties:
        is_chosen = name in chosen
        if is_chosen or name in made:
            value = chosen[name] if is_chosen else made[name]
            # One that is undefined raises.
            value = descriptor.get_value(model) if told is None or value is Undefined else told(model, value)
            if is_chosen or not isinstance(value, PropertyValueContainer):
                values[name] = value
        elif always_read:
            descriptor.get_value(model)
    return values


def _of_themed(model: Model, properties: tuple[_Property, ...]) -> dict[str, Any]:
    themed = model.themed_values() or {}
    made = model._unstable_default_values
    chosen = {*model._property_values, *made, *themed}
    values: dict[str, Any] = {}
    for name, descriptor, _, always_read in properties:
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
        found.append(_Property(name, descriptor, _told(descriptor), _is_always_read(descriptor, model_class)))
    return tuple(found)


def _told(descriptor: Any) -> Told | None:
    if type(descriptor).get_value is PropertyDescriptor.get_value:
        return _itself
    prop = descriptor.property
    if type(prop).to_serializable is DataSpec.to_serializable:
        return _of_data_spec(prop)
    if type(prop).to_serializable is UnitsSpec.to_serializable:
        return _of_units_spec(prop, descriptor.name)
    return None


def _itself(_model: Model, value: Any) -> Any:
    return value


def _of_data_spec(prop: Any) -> Told:
    """What ``DataSpec.to_serializable`` does, without making a property for each value."""
    is_value = prop.value_type.replace(String, Nothing()).validate

    def told(_model: Model, value: Any) -> Any:
        try:
            is_value(value, False)
        except ValueError:
            return Field(value) if isinstance(value, str) else value
        return Value(value)

    return told


def _of_units_spec(prop: Any, name: str) -> Told:
    of_data_spec = _of_data_spec(prop)

    def told(model: Model, value: Any) -> Any:
        made = of_data_spec(model, value)
        if made.units is Unspecified:
            units = prop.get_units(model, name)
            if units != prop._units_type._default:
                made.units = units
        return made

    return told


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
