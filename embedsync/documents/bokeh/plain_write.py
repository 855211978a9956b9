"""The usual edit: one plain value for one property. What comes of it is what comes of any other, sooner."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from embedsync.documents.bokeh.edits import Set
from embedsync.documents.bokeh.plain_values import is_plain
from embedsync.documents.bokeh.private import (
    Bool,
    Document,
    Float,
    HasProps,
    Int,
    Model,
    Nullable,
    PropertyDescriptor,
    Required,
    String,
)
from embedsync.documents.bokeh.properties import writable_descriptor
from embedsync.documents.bokeh.view_local import is_view_local

__all__ = ["PlainSet", "plain_write"]


_UNSET: Any = object()
_TRIGGER = Model.trigger
_NOTHING: frozenset[type] = frozenset()
_PLAIN = frozenset({str, float, int, bool, type(None)})
_OF_ONE_KIND: dict[type, frozenset[type]] = {
    Bool: frozenset({bool}),
    Int: frozenset({int}),
    Float: frozenset({float, int}),
    String: frozenset({str}),
}
"""What properties take as it is, and make nothing else of, unless they assert something."""
_OF_ANOTHER = frozenset({Required, Nullable})
"""Properties that take what another one takes."""


@dataclass(slots=True)
class PlainSet(Set):
    """Give a property a value that is prepared already.

    Attributes:
        descriptor: of the property.
        prepared: what the property makes of the value.
    """

    descriptor: Any = None
    prepared: Any = None

    @property
    def changes_nothing_else(self) -> bool:
        """See :attr:`Set.changes_nothing_else`."""
        return type(self.model).trigger is _TRIGGER

    def apply(self, document: Document, setter: Any) -> None:
        """Do it as ``set_from_json`` does, which would prepare the value once more."""
        if not self._applied_at_once(document, setter):
            descriptor = self.descriptor
            descriptor._set(self.model, descriptor._get(self.model), self.prepared, setter=setter)

    def _applied_at_once(self, document: Document, setter: Any) -> bool:
        """Do it if one plain value takes the place of another, which has nothing to do with other models."""
        model, name, value = self.model, self.attribute, self.prepared
        values = model._property_values
        old = values.get(name, _UNSET)
        if (
            type(old) not in _PLAIN
            or type(value) not in _PLAIN
            or type(model).trigger is not _TRIGGER
            or model._document is not document
        ):
            return False
        if value == old:
            return True
        model._unstable_themed_values.pop(name, None)
        model._unstable_default_values.pop(name, None)
        values[name] = value
        document.callbacks.notify_change(model, name, old, value, None, setter)
        return True


def plain_write(events: Sequence[Any], find: Callable[[str], Model | None]) -> PlainSet | None:
    """The step of an edit that is nothing but a plain value for a property, which takes it.

    Returns ``None`` for any other edit, and for one in which something is wrong.

    Args:
        events: of the edit, which comes without buffers.
        find: a model of the document by its id.
    """
    event = events[0] if len(events) == 1 else None
    if type(event) is not dict or event.get("kind") != "ModelChanged" or not is_plain(event.get("new")):
        return None
    reference, attribute, value = event.get("model"), event.get("attr"), event["new"]
    if type(reference) is not dict or len(reference) != 1 or type(attribute) is not str:
        return None
    identifier = reference.get("id")
    model = find(identifier) if type(identifier) is str else None
    if model is None or type(model).set_from_json is not HasProps.set_from_json:
        return None
    descriptor = writable_descriptor(model, attribute)
    if descriptor is None or type(descriptor) is not PropertyDescriptor:
        return None
    prop = descriptor.property
    if type(value) in _taken(prop):
        prepared = value
    else:
        try:
            prepared = prop.prepare_value(model, attribute, value)
        except Exception:  # noqa: BLE001 - the long way says what is wrong with it
            return None
    local = is_view_local(model, attribute, event)
    return PlainSet(model, attribute, value, local=local, descriptor=descriptor, prepared=prepared)


def _taken(prop: Any) -> frozenset[type]:
    """Types of which a property takes every value as it is, as far as that is known."""
    if prop.assertions:
        return _NOTHING
    kind: Any = type(prop)
    if kind in _OF_ANOTHER:
        return _taken(prop._type_params[0])
    return _OF_ONE_KIND.get(kind, _NOTHING)
