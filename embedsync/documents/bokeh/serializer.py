"""Encoding documents and their changes for browsers.

The JSON form is Bokeh's. What differs is the bookkeeping: each document remembers which models the
browsers know, so that a definition is sent once and references from then on. Bokeh keeps that per
connection and as a side effect of encoding.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Hashable, Iterable
from functools import cached_property, lru_cache
from math import isfinite
from typing import Any

import msgspec
import numpy as np

from embedsync.document import Buffer, Event, EventKind
from embedsync.documents.bokeh.attributes import attributes_of
from embedsync.documents.bokeh.columns import COLUMNS, SENT_AS_THEY_ARE, Arrays, Held, appended, arrays_of
from embedsync.documents.bokeh.last_sent import LastSent
from embedsync.documents.bokeh.pending import Delta
from embedsync.documents.bokeh.plain_values import MOST_SAFE, told_at_once
from embedsync.documents.bokeh.private import (
    HasProps,
    Model,
    SerializationError,
    Serializer,
    UnsetValueError,
    settings,
)

__all__ = ["Encoding", "KnownModels", "encode_json", "is_sent_as_it_is"]

Report = Callable[[BaseException, str], None]

_PLAIN = frozenset({str, bool, type(None)})
_SENT = "_embedsync_sent"
_NONE: frozenset[str] = frozenset()


def _as_plain(value: Any) -> Any:
    """Text and numbers of classes of their own, such as Django's `SafeString` or NumPy's `float64`."""
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int.__int__(value)
    if isinstance(value, float):
        return float.__float__(value)
    raise TypeError(f"a value of type {type(value).__name__} can't be sent to browsers")


@lru_cache(maxsize=4096)
def _shared(names: frozenset[str]) -> frozenset[str]:
    """One set for all models, of all sessions, of which the same is kept."""
    return names


def is_sent_as_it_is(array: np.ndarray[Any, Any]) -> bool:
    """Whether an array is sent as the bytes that it consists of."""
    return array.dtype in SENT_AS_THEY_ARE and array.ndim > 0 and array.flags.c_contiguous


encode_json = msgspec.json.Encoder(enc_hook=_as_plain).encode
"""The JSON of what Bokeh's serializer makes of a value."""


class KnownModels:
    """What the browsers of a session know.

    Every browser starts with a snapshot and gets every op after it, so what it knows at a position
    is the same for all.

    Attributes:
        local: names of properties, by model id, whose present value is the view of one browser, not
            to be told to another.
        columns: the arrays that browsers hold in data sources.
        last_sent: what is in some of them.
    """

    def __init__(self) -> None:
        self._known: dict[str, Model] = {}
        self._stale: set[str] = set()
        self._sent: dict[str, frozenset[str]] = {}
        self._sent_of_others = False
        self._buffers = itertools.count(1)
        self.local: dict[str, set[str]] = {}
        self.columns: dict[str, Arrays] = {}
        self.last_sent = LastSent()

    def __contains__(self, model: Model) -> bool:
        return self.knows(model.id, model)

    def knows(self, identifier: str, model: Model) -> bool:
        """Whether they know a model, of which this is the id."""
        return self._known.get(identifier) is model and identifier not in self._stale

    def buffer(self, data: bytes) -> Buffer:
        """Name some bytes."""
        return Buffer(f"s{next(self._buffers)}", data)

    @property
    def has_stale(self) -> bool:
        """Whether models have left the document, of which browsers were not told."""
        return bool(self._stale)

    def learn(self, models: Iterable[Model]) -> None:
        """The browsers have been told of these models."""
        for each in models:
            self._known[each.id] = each
            self._stale.discard(each.id)

    def detached(self, ids: Iterable[str]) -> None:
        """These models left the document: if they come back, they must be defined again.

        While a model is in no document nothing tells what changes in it.
        """
        self._stale.update(each for each in ids if each in self._known)

    def left_meanwhile(self) -> frozenset[str]:
        """Models that left the document since browsers were told of it last, perhaps to come back."""
        return frozenset(self._stale)

    def nothing_left_since(self, stale: frozenset[str]) -> None:
        """What left the document since then was put back as it had been."""
        self._stale.intersection_update(stale)

    def note_columns(self, columns: dict[str, Arrays]) -> None:
        """Browsers are told something of these data sources."""
        self.columns.update(columns)
        self.last_sent.forget(columns)

    def forget_gone(self, present: Callable[[str], bool]) -> tuple[str, ...]:
        """Forget the models that are no longer in the document; returns their ids."""
        gone = tuple(sorted(each for each in self._stale if not present(each)))
        for each in gone:
            model = self._known.pop(each)
            if (sent := self._sent.pop(each, None)) is not None:
                self._keep_with(model, sent)
            self.local.pop(each, None)
            self.columns.pop(each, None)
            self.last_sent.forget((each,))
        self._stale.difference_update(gone)
        return gone

    def attributes_sent(self, model: Model) -> frozenset[str]:
        """Names of the properties that browsers may hold a value of."""
        found: frozenset[str] | None = self._sent.get(model.id)
        if found is None and self._sent_of_others:
            found = vars(model).get(_SENT)
        return found if found is not None else _NONE

    def note_sent(self, model: Model, names: Iterable[str]) -> None:
        """Browsers are sent values of these properties."""
        identifier = model.id
        sent = self._sent.get(identifier)
        if sent is None:
            sent = self.attributes_sent(model)
        if sent.issuperset(names):
            return
        sent = _shared(sent.union(names))
        if self._known.get(identifier) is model:
            self._sent[identifier] = sent
        else:
            self._keep_with(model, sent)

    def _keep_with(self, model: Model, sent: frozenset[str]) -> None:
        """Keep it for as long as there is a model that browsers do not know, for it may come back."""
        # Not for all: a model with an attribute more than others of its class takes up much more memory.
        setattr(model, _SENT, sent)
        self._sent_of_others = True

    def clear(self) -> None:
        """Let go of everything."""
        self._known.clear()
        self._stale.clear()
        self.local.clear()
        self.columns.clear()
        self.last_sent.clear()
        self._sent.clear()


class Encoding(Serializer):
    """Encodes the events of one patch, or one snapshot.

    Args:
        known: what the browsers know.
        report: told of a value that can't be encoded; without it such a value raises.
        afresh: define every model again, for a browser that knows nothing.

    Attributes:
        defined: the models that were defined.
        columns: the arrays of data sources of which something was sent.
    """

    def __init__(
        self,
        known: KnownModels,
        report: Report | None = None,
        *,
        afresh: bool = False,
    ) -> None:
        super().__init__(references=set())
        self._known_models = known
        self._report = report
        self._afresh = afresh
        self.defined: dict[str, Model] = {}
        self.columns: dict[str, Arrays] = {}
        self._taken: list[Buffer] = []
        self._nothing_for_what_fails = False

    def event(
        self, fields: dict[str, Any], values: dict[str, Any], kind: EventKind, key: Hashable = None
    ) -> Event | None:
        """Encode one event; ``None`` if it can't be encoded, which is reported.

        Args:
            fields: parts of the event that are JSON already.
            values: parts that hold values of properties, models, arrays.
            kind: how it treats the value under ``key``.
            key: what it writes.

        Raises:
            Exception: it can't be encoded and there is nobody to report that to.
        """
        defined = len(self.defined)
        try:
            encoded = {name: self.encode(value) for name, value in values.items()}
            content = self._to_json(fields | encoded)
        except Exception as error:  # noqa: BLE001 - it is raised again if there is nobody to report it to
            self._undo(defined)
            self._taken.clear()
            self.fail(fields, error)
            return None
        if fields.get("attr") == COLUMNS:
            self._note_columns(fields, encoded)
        buffers: tuple[Buffer, ...] = ()
        if self._taken:
            buffers, self._taken = tuple(self._taken), []
        newly = tuple(itertools.islice(self.defined, defined, None)) if len(self.defined) > defined else ()
        return Event(content, kind, key, newly, buffers)

    def fail(self, fields: dict[str, Any], error: Exception) -> None:
        """Report why an event cannot be encoded.

        Raises:
            Exception: the same, if there is nobody to report it to.
        """
        if self._report is None:
            raise error
        self._report(error, f"encoding {_described(fields)}")

    def fits(self, delta: Delta) -> bool:
        """Whether browsers hold arrays of which a part of some columns makes what it should."""
        held = self._columns_of(delta.model.id)
        if delta.kind == "ColumnsStreamed":
            new, rollover = delta.fields["data"], delta.fields["rollover"]
            held = appended(held, {name: Held("", len(each)) for name, each in new.items()}, rollover)
        return all(held.get(name) == each for name, each in delta.makes.items())

    def document(
        self, fields: dict[str, Any], classes: Iterable[type[HasProps]] = ()
    ) -> tuple[bytes, tuple[Buffer, ...]]:
        """Encode the fields of a whole document; classes that browsers must be told of come first."""
        definitions = [found for each in classes if (found := self._class(each)) is not None]
        encoded = {name: self.encode(value) for name, value in fields.items()}
        content = self._to_json({"defs": definitions, **encoded} if definitions else encoded)
        buffers, self._taken = tuple(self._taken), []
        return content, buffers

    # What Bokeh's serializer asks of itself.

    def has_ref(self, obj: Any) -> bool:
        """Whether ``obj`` is known to whom this is sent."""
        return self.get_ref(obj) is not None

    def get_ref(self, obj: Any) -> Any:
        """A reference to ``obj`` if it needs no definition."""
        if isinstance(obj, Model):
            if obj.id in self.defined or (not self._afresh and obj in self._known_models):
                return obj.ref
            return None
        return super().get_ref(obj)

    def add_ref(self, obj: Any, ref: Any) -> None:
        """Note that ``obj`` is being defined."""
        if isinstance(obj, Model):
            self.defined[obj.id] = obj
        else:
            super().add_ref(obj, ref)

    def encode(self, obj: Any) -> Any:
        """Encode a value."""
        if type(obj) in _PLAIN:
            return obj
        if type(obj) is float and isfinite(obj):
            return obj
        if type(obj) is int and -MOST_SAFE <= obj <= MOST_SAFE:
            return obj
        if type(obj) is list and (told := told_at_once(obj)) is not None:
            return told
        if isinstance(obj, Model):
            return self.get_ref(obj) or self._encode_model(obj)
        if type(obj) is np.ndarray and is_sent_as_it_is(obj):
            return self._array(obj)
        try:
            return super().encode(obj)
        except Exception:
            if self._nothing_for_what_fails:
                return None
            raise

    def _array(self, obj: np.ndarray[Any, Any]) -> Any:
        """Encode an array as Bokeh does, sooner."""
        return {
            "type": "ndarray",
            "array": self._encode_bytes(obj),
            "shape": list(obj.shape),
            "dtype": SENT_AS_THEY_ARE[obj.dtype],
            "order": sys.byteorder,
        }

    def _class(self, found: type[HasProps]) -> Any:
        """Define a class that exists in Python only; what can't be encoded of its defaults is left out."""
        defined, taken = len(self.defined), len(self._taken)
        try:
            return self.encode(found)
        except Exception as error:
            if self._report is None:
                raise
            self._report(error, f"encoding the class {found.__qualname__}")
        self._undo(defined)
        del self._taken[taken:]
        self._references.pop(id(found), None)
        self._nothing_for_what_fails = True
        try:
            return self.encode(found)
        finally:
            self._nothing_for_what_fails = False

    def _encode_model(self, model: Model) -> Any:
        defined = len(self.defined)
        taken = len(self._taken)
        try:
            definition: Any = self._definition(model)
        except Exception as error:
            if self._report is None:
                raise
            self._report(error, f"encoding {model!r}")
            self._undo(defined)
            del self._taken[taken:]
            definition = self._without_what_fails(model, self._report)
        return self._with_all_ever_sent(model, definition)

    def _definition(self, model: Model) -> Any:
        """What ``model.to_serializable`` gives, sooner where that can be had."""
        values = attributes_of(model) if self._leaves_out_defaults else None
        if values is None:
            return model.to_serializable(self)
        self.add_ref(model, model.ref)
        definition = {"type": "object", "name": model.__qualified_model__, "id": model.id}
        attributes = {name: self.encode(value) for name, value in values.items()}
        return {**definition, "attributes": attributes} if attributes else definition

    @cached_property
    def _leaves_out_defaults(self) -> bool:
        return not settings.serialize_include_defaults()

    def _without_what_fails(self, model: Model, report: Report) -> dict[str, Any]:
        """Define a model without the values that can't be encoded: the rest of the page goes on."""
        self.add_ref(model, model.ref)
        attributes = {}
        for name, value in model.properties_with_values(include_defaults=False).items():
            defined = len(self.defined)
            taken = len(self._taken)
            try:
                attributes[name] = self.encode(value)
            except Exception as error:  # noqa: BLE001 - values of app code raise anything
                self._undo(defined)
                del self._taken[taken:]
                report(error, f"encoding {type(model).__name__}.{name}")
        return {
            "type": "object",
            "name": model.__qualified_model__,
            "id": model.id,
            "attributes": attributes,
        }

    def _with_all_ever_sent(self, model: Model, definition: dict[str, Any]) -> dict[str, Any]:
        """Add properties that are back at their defaults, but of which a browser may have another value."""
        sent = self._known_models.attributes_sent(model)
        attributes = definition.get("attributes", {})
        local = self._known_models.local.get(model.id, set())
        for name in local:
            attributes.pop(name, None)
        for name in sent.difference(attributes, local):
            try:
                attributes[name] = self.encode(model.lookup(name).get_value(model))
            except UnsetValueError:
                continue  # it has no default, and was deleted: there is nothing to tell
            definition["attributes"] = attributes
        self._known_models.note_sent(model, attributes)
        if COLUMNS in attributes:
            self.columns[model.id] = arrays_of(attributes[COLUMNS], self._size)
        return definition

    def _note_columns(self, fields: dict[str, Any], encoded: dict[str, Any]) -> None:
        identifier = fields["model"]["id"]
        held = self._columns_of(identifier)
        match fields["kind"]:
            case "ModelChanged":
                self.columns[identifier] = arrays_of(encoded["new"], self._size)
            case "ColumnDataChanged":
                self.columns[identifier] = {**held, **arrays_of(encoded["data"], self._size)}
            case "ColumnsStreamed":
                added = arrays_of(encoded["data"], self._size)
                self.columns[identifier] = {**held, **appended(held, added, encoded["rollover"])}
            case "ColumnsPatched":
                self.columns[identifier] = held

    def _size(self, identifier: str) -> int:
        return next(len(each.data) for each in self._taken if each.id == identifier)

    def _columns_of(self, identifier: str) -> Arrays:
        if identifier in self.columns:
            return self.columns[identifier]
        return self._known_models.columns.get(identifier, {})

    def _encode_bytes(self, obj: Any) -> Any:
        buffer = self._known_models.buffer(obj.tobytes() if type(obj) is np.ndarray else bytes(obj))
        self._taken.append(buffer)
        return {"type": "bytes", "data": {"id": buffer.id}}

    def _to_json(self, rep: Any) -> bytes:
        try:
            return encode_json(rep)
        except UnicodeEncodeError as error:
            if self._report is None:
                raise
            self._report(error, "encoding text with half of a surrogate pair")
            return encode_json(_without_surrogates(rep))

    def _undo(self, defined: int) -> None:
        for each in list(itertools.islice(self.defined, defined, None)):
            del self.defined[each]
            self.columns.pop(each, None)

    def error(self, message: str) -> Any:
        """Raise that something can't be encoded."""
        raise SerializationError(message)


def _without_surrogates(rep: Any) -> Any:
    """Replace what is no Unicode text: halves of surrogate pairs, which no JSON can carry."""
    match rep:
        case str():
            return rep.encode("utf-8", "replace").decode("utf-8")
        case list() | tuple():
            return [_without_surrogates(each) for each in rep]
        case dict():
            return {_without_surrogates(key): _without_surrogates(each) for key, each in rep.items()}
    return rep


def _described(fields: dict[str, Any]) -> str:
    model = fields.get("model", {}).get("id", "")
    return f"{fields.get('kind')} {model} {fields.get('attr', '')}".rstrip()
