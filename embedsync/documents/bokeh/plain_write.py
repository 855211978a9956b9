"""The usual edit: one plain value for one property. What comes of it is what comes of any other, sooner."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from embedsync.documents.bokeh.edits import Set
from embedsync.documents.bokeh.plain_values import is_plain
from embedsync.documents.bokeh.private import Document, HasProps, Model, PropertyDescriptor
from embedsync.documents.bokeh.properties import writable_descriptor
from embedsync.documents.bokeh.view_local import is_view_local

__all__ = ["PlainSet", "plain_write"]


@dataclass(slots=True)
class PlainSet(Set):
    """Give a property a value that is prepared already.

    Attributes:
        descriptor: of the property.
        prepared: what the property makes of the value.
    """

    descriptor: Any = None
    prepared: Any = None

    def apply(self, document: Document, setter: Any) -> None:
        """Do it as ``set_from_json`` does, which would prepare the value once more."""
        model, descriptor = self.model, self.descriptor
        descriptor._set(model, descriptor._get(model), self.prepared, setter=setter)


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
    try:
        prepared = descriptor.property.prepare_value(model, attribute, value)
    except Exception:  # noqa: BLE001 - the long way says what is wrong with it
        return None
    local = is_view_local(model, attribute, event)
    return PlainSet(model, attribute, value, local=local, descriptor=descriptor, prepared=prepared)
