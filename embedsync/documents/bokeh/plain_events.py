"""The most frequent events, sooner than by an :class:`~embedsync.documents.bokeh.serializer.Encoding`.

They tell of text and numbers, and of columns of these. They refer to no other model, and define none.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from operator import attrgetter
from typing import Any

from embedsync.document import Buffer, Event, EventKind
from embedsync.documents.bokeh.columns import COLUMNS, Arrays, appended
from embedsync.documents.bokeh.pending import Delta
from embedsync.documents.bokeh.plain_columns import PlainColumn, plain_array, plain_column
from embedsync.documents.bokeh.plain_values import MOST_SAFE, is_plain
from embedsync.documents.bokeh.private import Model
from embedsync.documents.bokeh.serializer import KnownModels, encode_json

__all__ = ["plain_event", "plain_stream"]

_NONE: frozenset[str] = frozenset()
_IS_TOLD = attrgetter("is_told_by_content")


def plain_event(
    known: KnownModels, model: Model, attribute: str, value: Any, key: Hashable, whole: bool = False
) -> Event | None:
    """The event that ``Encoding.event`` makes; ``None`` for values that are left to that.

    Of columns that were replaced, those are left out that are as they were sent the last time.

    Args:
        known: what the browsers know; it is noted which arrays they will hold.
        model: whose property has changed.
        attribute: name of the property.
        value: its value.
        key: what the event writes.
        whole: leave out no columns.
    """
    if attribute == COLUMNS:
        return _columns_event(known, model, value, key, whole) if isinstance(value, dict) else None
    return _event(model, attribute, value, key) if is_plain(value) else None


def plain_stream(known: KnownModels, delta: Delta) -> Event | None:
    """The event that ``Encoding.event`` makes of a stream of arrays; ``None`` for what is left to that.

    So is a stream that does not make of what browsers hold what it should.

    Args:
        known: what the browsers know; it is noted which arrays they will hold.
        delta: what has changed.
    """
    if delta.kind != "ColumnsStreamed":
        return None
    data, rollover = delta.fields["data"], delta.fields["rollover"]
    if rollover is not None and rollover > MOST_SAFE:
        return None
    columns: dict[str, PlainColumn] = {}
    arrays: Arrays = {}
    for name, each in data.items():
        column = plain_array(each) if type(name) is str and name.isascii() else None
        if column is None:
            return None
        columns[name], arrays[name] = column, column.held
    identifier = delta.model.id
    held = known.columns.get(identifier)
    if not columns or held is None:
        return None
    made = appended(held, arrays, rollover)
    if any(made.get(name) != each for name, each in delta.makes.items()):
        return None
    known.note_columns({identifier: {**held, **made}})
    told, buffers = _told(known, {name: (each, each.content) for name, each in columns.items()})
    content = {
        "kind": delta.kind,
        "model": delta.model.ref,
        "attr": delta.attribute,
        "data": told,
        "rollover": rollover,
    }
    return Event(encode_json(content), EventKind.DELTA, delta.key, buffers=buffers)


def _columns_event(
    known: KnownModels, model: Model, data: dict[Any, Any], key: Hashable, whole: bool
) -> Event | None:
    columns: dict[str, PlainColumn] = {}
    arrays: Arrays = {}
    contents: dict[str, bytes] = {}
    for name, each in data.items():
        column = plain_column(each) if type(name) is str and name.isascii() else None
        if column is None:
            return None
        columns[name], arrays[name], contents[name] = column, column.held, column.content
    if not columns:
        return None
    identifier = model.id
    unchanged = _NONE
    if whole:
        known.last_sent.forget((identifier,))
    elif arrays == known.columns.get(identifier) and all(map(_IS_TOLD, columns.values())):
        unchanged = known.last_sent.replace(identifier, contents)
    else:
        known.last_sent.note(identifier, contents)
    known.columns[identifier] = arrays
    changed = {name: (each, contents[name]) for name, each in columns.items() if name not in unchanged}
    told, buffers = _told(known, changed)
    if not unchanged:
        return _event(model, COLUMNS, told, key, buffers)
    names = list(changed)
    content = {"kind": "ColumnDataChanged", "model": model.ref, "attr": COLUMNS, "data": told, "cols": names}
    return Event(encode_json(content), EventKind.DELTA, key, buffers=buffers, parts=frozenset(names))


def _told(
    known: KnownModels, columns: Mapping[str, tuple[PlainColumn, bytes]]
) -> tuple[Any, tuple[Buffer, ...]]:
    """What Bokeh's serializer makes of columns, each with what it holds, and the buffers of it."""
    buffers: list[Buffer] = []
    entries = []
    for name, (column, content) in columns.items():
        encoded, buffer = column.encoded(content, known.buffer)
        entries.append((name, encoded))
        if buffer is not None:
            buffers.append(buffer)
    return {"type": "map", "entries": entries}, tuple(buffers)


def _event(
    model: Model, attribute: str, encoded: Any, key: Hashable, buffers: tuple[Buffer, ...] = ()
) -> Event:
    content = {"kind": "ModelChanged", "model": model.ref, "attr": attribute, "new": encoded}
    return Event(encode_json(content), EventKind.WRITE, key, buffers=buffers)
