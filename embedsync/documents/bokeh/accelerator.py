"""Bokeh's models, made sooner: what can only be had by changing Bokeh's own classes.

Bokeh finds out anew for each model what is the same for all models of its class: which properties it has,
which of their defaults each model keeps for itself, and what the others are, checked and converted. Here each
class is looked at once, and its *outline* remembered on the class itself. Lists and the like that are a
default are made when somebody asks for them.

Off unless :func:`install` is called, for it holds for all code of the process. It takes to be constant what a
class says of its properties: whoever gives a property of a class another default has to do that before the
first model of the class is made. Whatever is unfamiliar, such as a descriptor or a property of another
package, goes Bokeh's own way.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from embedsync.documents.bokeh.private import (
    AliasPropertyDescriptor,
    HasProps,
    Intrinsic,
    Model,
    Property,
    PropertyDescriptor,
    PropertyValueColumnData,
    PropertyValueContainer,
    PropertyValueDict,
    PropertyValueList,
    PropertyValueSet,
    Undefined,
    model_util,
    validation_on,
)
from embedsync.documents.bokeh.properties import FAMILIAR
from embedsync.errors import ConfigurationError

__all__ = ["TESTED", "install", "is_installed", "remove"]

TESTED = ("3.9", "3.10")
"""The versions of Bokeh that this was compared with."""

_OUTLINE = "_embedsync_outline"
_CONSTANTS = frozenset({str, int, float, bool, bytes, type(None), type(Undefined)})
_PLAIN = frozenset({str, int, float, bool, type(None)})
_CONTAINERS: dict[type, type] = {
    PropertyValueList: list,
    PropertyValueDict: dict,
    PropertyValueSet: set,
    PropertyValueColumnData: dict,
}

_lock = threading.Lock()
_replaced: list[tuple[Any, str, Any]] = []


def install() -> None:
    """Make models of Bokeh sooner from now on, in all of the process; doing it again changes nothing.

    Raises:
        ConfigurationError: it was not tested with the Bokeh that is installed.
    """
    from bokeh import __version__

    if ".".join(__version__.split(".")[:2]) not in TESTED:
        raise ConfigurationError(
            f"setting 'accelerate' was tested with Bokeh {' and '.join(TESTED)}, and here is {__version__}: "
            "leave it out"
        )
    with _lock:
        if not _replaced:
            for owner, name, ours in _replacements():
                _replaced.append((owner, name, owner.__dict__[name]))
                setattr(owner, name, ours)


def remove() -> None:
    """Leave Bokeh as it was; models that were made meanwhile are like others."""
    with _lock:
        while _replaced:
            owner, name, original = _replaced.pop()
            setattr(owner, name, original)
        waiting: list[Any] = [HasProps]
        while waiting:
            each = waiting.pop()
            if _OUTLINE in each.__dict__:
                delattr(each, _OUTLINE)
            waiting.extend(type.__subclasses__(each))


def is_installed() -> bool:
    """Whether models are made sooner."""
    return bool(_replaced)


class _Default:
    """The default of one property, as the models of one class have it.

    Attributes:
        descriptor: of the property.
        is_unstable: each model keeps a default of its own.
        container: makes that default, from ``value``; ``None`` for other values.
        is_constant: ``value`` is the default of all.
        value: checked and converted.
    """

    __slots__ = ("container", "descriptor", "is_constant", "is_unstable", "value")

    def __init__(self, model_class: type[HasProps], descriptor: PropertyDescriptor[Any]) -> None:
        self.descriptor = descriptor
        # What it asks of a model are overrides that the class holds.
        self.is_unstable = descriptor.has_unstable_default(model_class)  # type: ignore[arg-type]
        self.container: Callable[[Any], PropertyValueContainer] | None = None
        self.is_constant = False
        self.value: Any = None
        if self._is_literal(model_class):
            value = descriptor.property.themed_default(model_class, descriptor.name, None)
            self.is_constant = _is_constant(value)
            self.value = value
            if type(value) in _CONTAINERS:
                self.value = _CONTAINERS[type(value)](value)
                parts = [*self.value, *self.value.values()] if isinstance(self.value, dict) else self.value
                self.container = type(value) if all(map(_is_constant, parts)) else None

    def _is_literal(self, model_class: type[HasProps]) -> bool:
        """Whether the default is a value, and not something that makes one."""
        overridden = model_class._overridden_defaults()
        prop = self.descriptor.property
        return not callable(overridden.get(self.descriptor.name, prop._default))

    @property
    def is_made_on_demand(self) -> bool:
        """Whether it makes no difference when a model's own default is made."""
        return self.is_unstable and self.container is not None


class _Outline:
    """What all models of one class have in common.

    Attributes:
        checked: whether defaults were checked; Bokeh can be told not to.
        names: of the properties.
        defaults: of those that are familiar, by name.
        overridden: defaults that the class and its bases override.
        first: properties of which a model has a default of its own from the start: name, descriptor, and what
            is known of it.
        references: names of properties that may refer to models, and whether the default refers to none.
    """

    __slots__ = ("checked", "defaults", "first", "names", "overridden", "references")

    def __init__(self, model_class: type[HasProps]) -> None:
        self.checked = validation_on()
        self.names = model_class.properties(_with_props=True)
        self.overridden = _originals["_overridden_defaults"].__func__(model_class)
        self.defaults: dict[str, _Default] = {}
        self.first: list[tuple[str, Any, _Default | None]] = []
        for name in self.names:
            descriptor: Any = model_class.lookup(name)
            known = self._learn(model_class, descriptor)
            if known is None:
                if not (
                    isinstance(descriptor, AliasPropertyDescriptor) and _is_stable(model_class, descriptor)
                ):
                    self.first.append((name, descriptor, None))
            elif known.is_unstable and not known.is_made_on_demand:
                self.first.append((name, descriptor, known))
        self.references = [
            (name, self._refers_to_nothing(name)) for name in model_class.properties_with_refs()
        ]

    def _learn(self, model_class: type[HasProps], descriptor: Any) -> _Default | None:
        if type(descriptor) not in FAMILIAR or not _is_of_bokeh(type(descriptor.property)):
            return None
        try:
            known = _Default(model_class, descriptor)
        except ValueError:
            return None  # a default that is not valid, which is told to who reads it
        self.defaults[descriptor.name] = known
        return known

    def _refers_to_nothing(self, name: str) -> bool:
        known = self.defaults.get(name)
        if known is None or (known.is_constant and known.value is Undefined):
            return False
        return known.is_constant or known.container is not None


def _outline(model_class: type[HasProps]) -> _Outline:
    found: _Outline | None = model_class.__dict__.get(_OUTLINE)
    if found is None or not (found.checked or not validation_on()):
        found = _Outline(model_class)
        setattr(model_class, _OUTLINE, found)
    return found


def _is_constant(value: Any) -> bool:
    return type(value) in _CONSTANTS or (type(value) is tuple and all(map(_is_constant, value)))


def _is_of_bokeh(found: type) -> bool:
    return found.__module__.startswith("bokeh.core.")


def _is_stable(model_class: type[HasProps], descriptor: Any) -> bool:
    return not descriptor.has_unstable_default(model_class)


# In place of methods of HasProps.


def _init(self: Any, **properties: Any) -> None:
    super(HasProps, self).__init__()
    state = self.__dict__
    state["_property_values"] = {}
    made = state["_unstable_default_values"] = {}
    state["_unstable_themed_values"] = {}
    for name, value in properties.items():
        if value is not Undefined and value is not Intrinsic:
            setattr(self, name, value)
    for name, descriptor, known in _outline(type(self)).first:
        if name in properties:
            continue
        if known is not None and known.is_constant:
            made[name] = known.value
        elif known is not None or descriptor.has_unstable_default(self):
            descriptor._get(self)
    state["_initialized"] = True


def _setattr(self: Any, name: str, value: Any) -> None:
    if name.startswith("_") or name in _outline(type(self)).names:
        super(HasProps, self).__setattr__(name, value)
    else:
        _originals["__setattr__"](self, name, value)


def _themed_values(self: Any) -> dict[str, Any] | None:
    found: dict[str, Any] | None = self.__dict__.get("__themed_values__")
    return found


def _apply_theme(self: Any, property_values: dict[str, Any]) -> None:
    if property_values or "__themed_values__" in self.__dict__:
        _originals["apply_theme"](self, property_values)


def _overridden_defaults(cls: type[HasProps]) -> dict[str, Any]:
    found: Any = cls.__dict__.get(_OUTLINE)
    defaults: dict[str, Any] = (
        found.overridden if found is not None else _originals["_overridden_defaults"].__func__(cls)
    )
    return defaults


# In place of methods of PropertyDescriptor and Property.


def _get(self: Any, obj: Any) -> Any:
    values = obj.__dict__.get("_property_values")
    if values is None:
        return _originals["_get"](self, obj)
    name = self.name
    return values[name] if name in values else self._get_default(obj)


def _get_default(self: Any, obj: Any) -> Any:
    name, state = self.name, obj.__dict__
    themed, made = state.get("__themed_values__"), state["_unstable_default_values"]
    if themed is not None and name in themed:
        return _originals["_get_default"](self, obj)
    if name in made:
        return made[name]
    known = _outline(type(obj)).defaults.get(name)
    if known is None or known.descriptor is not self:
        return _originals["_get_default"](self, obj)
    if known.container is not None:
        value = known.container(known.value)
        if known.is_unstable:
            value._register_owner(obj, self)
            made[name] = value
        return value
    if known.is_constant:
        if known.is_unstable:
            made[name] = known.value
        return known.value
    return _originals["_get_default"](self, obj)


def _has_unstable_default(self: Any, obj: Any) -> bool:
    found = (obj if isinstance(obj, type) else type(obj)).__dict__.get(_OUTLINE)
    known = found.defaults.get(self.name) if found is not None else None
    if known is None or known.descriptor is not self:
        return bool(_originals["has_unstable_default"](self, obj))
    return bool(known.is_unstable)


def _matches(self: Any, new: Any, old: Any) -> bool:
    if type(new) in _PLAIN and type(old) in _PLAIN:
        return bool(new == old)
    return bool(_originals["matches"](self, new, old))


# In place of a function of bokeh.model.util.


def _visit_immediate_value_references(value: Any, visitor: Callable[[Model], None]) -> None:
    visit = model_util.visit_value_and_its_immediate_references
    if not isinstance(value, HasProps):
        visit(value, visitor)
        return
    state = value.__dict__
    values, made = state["_property_values"], state["_unstable_default_values"]
    themed = state.get("__themed_values__") or ()
    outline = _outline(type(value))
    for name, refers_to_nothing in outline.references:
        if refers_to_nothing and name not in values and name not in made and name not in themed:
            continue
        child = getattr(value, name)
        if type(child) not in _PLAIN:
            visit(child, visitor)


_originals: dict[str, Any] = {}


def _replacements() -> list[tuple[Any, str, Any]]:
    found = [
        (HasProps, "__init__", _init),
        (HasProps, "__setattr__", _setattr),
        (HasProps, "themed_values", _themed_values),
        (HasProps, "apply_theme", _apply_theme),
        (HasProps, "_overridden_defaults", classmethod(_overridden_defaults)),
        (PropertyDescriptor, "_get", _get),
        (PropertyDescriptor, "_get_default", _get_default),
        (PropertyDescriptor, "has_unstable_default", _has_unstable_default),
        (Property, "matches", _matches),
        (model_util, "visit_immediate_value_references", _visit_immediate_value_references),
    ]
    _originals.update({name: owner.__dict__[name] for owner, name, _ in found})
    return found
