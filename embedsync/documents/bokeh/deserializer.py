"""Decoding what a browser sent, strictly: anything unexpected is a refusal, and nothing is changed."""

from __future__ import annotations

import math
import sys
from array import array
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from embedsync.documents.bokeh.plain_values import MOST_SAFE
from embedsync.documents.bokeh.private import (
    ID,
    HasProps,
    Model,
    UnitsSpecPropertyDescriptor,
    model_class,
    registered_decoders,
)
from embedsync.documents.bokeh.properties import writable_descriptor
from embedsync.errors import Refused
from embedsync.wire import Refusal

__all__ = ["Decoder", "GoneModel", "check_value"]

_DTYPES = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64")
_TYPECODES = {
    "uint8": "B",
    "int8": "b",
    "uint16": "H",
    "int16": "h",
    "uint32": "I",
    "int32": "i",
    "float32": "f",
    "float64": "d",
}
_MOST_DIMENSIONS = 4
_NUMBERS = {"nan": math.nan, "+inf": math.inf, "-inf": -math.inf}


class GoneModel(Exception):  # noqa: N818 - it says what is the case, not that something is wrong
    """A value refers to a model that has left the document."""


class Decoder:
    """Decodes the values of one edit.

    Args:
        find: the model of an id, if it is in the document.
        was_here: whether a model of this id has ever been in the document.
        recall: the model of an id that left the document but still exists.
        buffers: the bytes that values may refer to.

    Attributes:
        created: new models, by id, that the edit brings.
        writes: attributes that came with definitions of models that are here already.
    """

    def __init__(
        self,
        find: Callable[[str], Model | None],
        was_here: Callable[[str], bool],
        recall: Callable[[str], Model | None],
        buffers: dict[str, bytes],
    ) -> None:
        self.find = find
        self._was_here = was_here
        self._recall = recall
        self.buffers = buffers
        self._used: set[str] = set()
        self.created: dict[str, Model] = {}
        self.returning: dict[str, Model] = {}
        self.writes: list[tuple[Model, str, Any]] = []

    def finish(self) -> None:
        """All events are decoded: no buffer may be left over."""
        if self._used != self.buffers.keys():
            self.error("a buffer is not referred to")

    def model(self, rep: Any) -> Model:
        """Decode a value that must be a model."""
        decoded = self.decode(rep) if isinstance(rep, dict) else None
        if not isinstance(decoded, Model):
            self.error("not a model")
        return decoded

    def decode(self, rep: Any) -> Any:
        """Decode any value."""
        if isinstance(rep, dict):
            return self._decode_dict(rep)
        if isinstance(rep, list):
            return [self.decode(each) for each in rep]
        if isinstance(rep, str):
            return self._text(rep)
        return self._safe(rep) if type(rep) is int else rep

    def error(self, message: Any) -> NoReturn:
        """Refuse the edit as malformed."""
        raise Refused(Refusal.MALFORMED, str(message))

    def has_ref(self, model: Model) -> bool:
        """Whether the edit brings this model."""
        return model.id in self.created

    def _decode_dict(self, rep: dict[str, Any]) -> Any:
        if "type" not in rep:
            if rep.keys() == {"id"}:
                return self._reference(rep["id"])
            return {self._text(key): self.decode(each) for key, each in rep.items()}
        match rep["type"]:
            case "ref":
                return self._reference(rep.get("id"))
            case "number":
                return self._number(rep.get("value"))
            case "array":
                return [self.decode(each) for each in self._list(rep.get("entries", []))]
            case "set":
                return self._hashable(set, [self.decode(each) for each in self._list(rep.get("entries", []))])
            case "map":
                return self._map(rep)
            case "bytes":
                return self._bytes(rep)
            case "slice":
                return self._slice(rep)
            case "typed_array":
                return self._typed_array(rep)
            case "ndarray":
                return self._ndarray(rep)
            case "object":
                return self._object(rep)
            case str() as name if name in registered_decoders():
                return registered_decoders()[name](rep, self)
            case other:
                return self.error(f"no value is of the type {other!r}")

    def _text(self, text: str) -> str:
        if not text.isascii():
            try:
                text.encode()
            except UnicodeEncodeError:
                self.error("text with half of a surrogate pair")
        return text

    def _list(self, value: Any) -> list[Any]:
        if not isinstance(value, list):
            self.error("not a list")
        return value

    def _hashable(self, make: Callable[[Any], Any], entries: Any) -> Any:
        try:
            return make(entries)
        except TypeError:
            self.error("something that cannot be a key")

    def _map(self, rep: dict[str, Any]) -> dict[Any, Any]:
        pairs = []
        for each in self._list(rep.get("entries", [])):
            if not isinstance(each, list) or len(each) != 2:
                self.error("not a pair of key and value")
            pairs.append((self.decode(each[0]), self.decode(each[1])))
        found: dict[Any, Any] = self._hashable(dict, pairs)
        return found

    def _number(self, value: Any) -> float:
        if isinstance(value, str):
            if value not in _NUMBERS:
                self.error("not a number")
            return _NUMBERS[value]
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.error("not a number")
        return self._safe(value) if isinstance(value, int) else value

    def _safe(self, number: int) -> float:
        """All numbers of a browser are floating-point ones; up to here they can stand for integers."""
        if abs(number) <= MOST_SAFE:
            return number
        try:
            return float(number)
        except OverflowError:
            self.error("not a number of a browser")

    def _slice(self, rep: dict[str, Any]) -> slice:
        parts = [rep.get(name) for name in ("start", "stop", "step")]
        if not all(each is None or (isinstance(each, int) and not isinstance(each, bool)) for each in parts):
            self.error("not a slice")
        return slice(*parts)

    def _bytes(self, rep: Any) -> bytes:
        data = rep.get("data") if isinstance(rep, dict) and rep.get("type") == "bytes" else None
        if not isinstance(data, dict) or not isinstance(data.get("id"), str):
            self.error("bytes are not in a buffer")
        identifier = data["id"]
        if identifier not in self.buffers:
            self.error("a buffer is missing")
        self._used.add(identifier)
        return self.buffers[identifier]

    def _typed_array(self, rep: dict[str, Any]) -> array[Any]:
        found = self._numbers(self._bytes(rep.get("array")), rep)
        return array(_TYPECODES[rep["dtype"]], found.tobytes())

    def _ndarray(self, rep: dict[str, Any]) -> Any:
        shape = self._shape(rep.get("shape"))
        entries = rep.get("array")
        if isinstance(entries, dict) and entries.get("type") == "bytes":
            found = self._numbers(self._bytes(entries), rep)
        else:
            found = self._objects(entries, rep.get("dtype"))
        if math.prod(shape) != found.size:
            self.error("the shape of an array does not fit its size")
        return found.reshape(shape)

    def _shape(self, shape: Any) -> list[int]:
        valid = isinstance(shape, list) and len(shape) <= _MOST_DIMENSIONS
        if not valid or not all(type(each) is int and each >= 0 for each in shape):
            self.error("not the shape of an array")
        found: list[int] = shape
        return found

    def _numbers(self, data: bytes, rep: dict[str, Any]) -> Any:
        dtype, order = rep.get("dtype"), rep.get("order")
        if order not in ("little", "big"):
            self.error("no such byte order")
        if dtype == "bool":
            found = np.frombuffer(data, dtype="uint8")
            if found.max(initial=0) > 1:
                self.error("not truth values")  # Its browser holds them as other numbers.
            return found == 1
        if dtype not in _DTYPES:
            self.error("no such type of array")
        kind = np.dtype(dtype)
        if len(data) % kind.itemsize:
            self.error("the size of a buffer does not fit its type")
        found = np.frombuffer(data, dtype=kind.newbyteorder("<" if order == "little" else ">"))
        # A copy: arrays in a document can be written to, and the buffer belongs to the frame.
        return found.astype(kind.newbyteorder("<" if sys.byteorder == "little" else ">"))

    def _objects(self, entries: Any, dtype: Any) -> Any:
        if isinstance(entries, dict) and entries.get("type") == "array":
            entries = entries.get("entries", [])
        values = [self.decode(each) for each in self._list(entries)]
        if dtype == "object":
            found = np.empty(len(values), dtype=object)
            for position, each in enumerate(values):
                found[position] = each
            return found
        if dtype != "bool" and dtype not in _DTYPES:
            self.error("no such type of array")
        if not all(isinstance(each, bool | int | float) for each in values):
            self.error("not an array of numbers")
        return np.array(values, dtype=dtype)

    def _reference(self, identifier: Any) -> Model:
        if not isinstance(identifier, str):
            self.error("not the id of a model")
        model = self.created.get(identifier) or self.returning.get(identifier) or self.find(identifier)
        if model is not None:
            return model
        if self._was_here(identifier):
            raise GoneModel(identifier)
        raise Refused(Refusal.UNKNOWN_MODEL, f"there is no model {identifier!r}")

    def _object(self, rep: dict[str, Any]) -> Model:
        identifier, name = rep.get("id"), rep.get("name")
        if not isinstance(identifier, str) or not isinstance(name, str):
            self.error("not the definition of a model")
        attributes = rep.get("attributes", {})
        if not isinstance(attributes, dict):
            self.error("not the attributes of a model")
        model = self.created.get(identifier) or self.find(identifier)
        if model is None:
            model = self._recalled(identifier, name)
        if model is not None:
            self._write_attributes(model, attributes)
            return model
        return self._new_model(identifier, name, attributes)

    def _recalled(self, identifier: str, name: str) -> Model | None:
        """A model that left and comes back keeps its identity, and with it its callbacks."""
        model = self._recall(identifier)
        if model is None or type(model) is not model_class(name):
            return None
        self.returning[identifier] = model
        return model

    def _write_attributes(self, model: Model, attributes: dict[str, Any]) -> None:
        for name, value in attributes.items():
            self.writes.append((model, name, self.decode(value)))

    def _new_model(self, identifier: str, name: str, attributes: dict[str, Any]) -> Model:
        found = model_class(name)
        if found is None:
            raise Refused(Refusal.UNKNOWN_MODEL, f"there is no model class {name!r}")
        model: Model = found.__new__(found, id=ID(identifier))
        self.created[identifier] = model
        if not model._initialized:
            # Only the properties: what the class's own __init__ would add comes as attributes.
            HasProps.__init__(model)
        for attribute, value in attributes.items():
            descriptor = writable_descriptor(model, attribute)
            if descriptor is None:
                raise Refused(Refusal.UNKNOWN_PROPERTY, f"{name}.{attribute}")
            decoded = self.decode(value)
            try:
                descriptor.set_from_json(model, decoded)
            except Exception as error:
                raise Refused(Refusal.BAD_VALUE, f"{name}.{attribute}: {error}") from error
        return model


def check_value(model: Model, attribute: str, value: Any) -> None:
    """Whether a property takes this value.

    Raises:
        Refused: there is no such property, or it does not take the value.
    """
    descriptor = writable_descriptor(model, attribute)
    where = f"{type(model).__name__}.{attribute}"
    if descriptor is None:
        raise Refused(Refusal.UNKNOWN_PROPERTY, where)
    try:
        if (
            isinstance(descriptor, UnitsSpecPropertyDescriptor)
            and isinstance(value, dict)
            and value.get("units")
        ):
            units = descriptor.units_prop
            units.property.prepare_value(model, units.name, value["units"])
            value = {name: each for name, each in value.items() if name != "units"}
        descriptor.property.prepare_value(model, attribute, value)
    except Exception as error:
        raise Refused(Refusal.BAD_VALUE, f"{where}: {error}") from error
