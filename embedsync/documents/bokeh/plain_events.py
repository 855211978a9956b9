"""The most frequent events, sooner than by an :class:`~embedsync.documents.bokeh.serializer.Encoding`.

They tell of text and numbers, and of columns that are arrays. They refer to no other model, and define none.
"""

from __future__ import annotations

import sys
from collections.abc import Hashable
from functools import lru_cache
from typing import Any

import numpy as np

from embedsync.document import Buffer, Event, EventKind
from embedsync.documents.bokeh.columns import COLUMNS, SENT_AS_THEY_ARE, Arrays, Held, kind_of
from embedsync.documents.bokeh.plain_values import is_plain
from embedsync.documents.bokeh.private import Model
from embedsync.documents.bokeh.serializer import KnownModels, encode_json

__all__ = ["plain_event"]

_NONE: frozenset[str] = frozenset()


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


def _columns_event(
    known: KnownModels, model: Model, columns: dict[Any, Any], key: Hashable, whole: bool
) -> Event | None:
    arrays: Arrays = {}
    for name, column in columns.items():
        held = _held(column) if type(name) is str and name.isascii() else None
        if held is None:
            return None
        arrays[name] = held
    if not arrays:
        return None
    identifier = model.id
    contents = {name: each.tobytes() for name, each in columns.items()}
    unchanged = _NONE
    if whole:
        known.last_sent.forget((identifier,))
    elif arrays == known.columns.get(identifier) and max([each.ndim for each in columns.values()]) <= 2:
        unchanged = known.last_sent.replace(identifier, contents)
    else:
        # The kind of an array tells how many dimensions it has, but not how long all of them are.
        known.last_sent.note(identifier, contents)
    buffers: list[Buffer] = []
    entries = []
    for name, column in columns.items():
        if name in unchanged:
            continue
        buffer = known.buffer(contents[name])
        buffers.append(buffer)
        encoded = {
            "type": "ndarray",
            "array": {"type": "bytes", "data": {"id": buffer.id}},
            "shape": column.shape,
            "dtype": SENT_AS_THEY_ARE[column.dtype],
            "order": sys.byteorder,
        }
        entries.append((name, encoded))
    known.columns[identifier] = arrays
    told = {"type": "map", "entries": entries}
    if not unchanged:
        return _event(model, COLUMNS, told, key, tuple(buffers))
    names = [name for name, _ in entries]
    content = {"kind": "ColumnDataChanged", "model": model.ref, "attr": COLUMNS, "data": told, "cols": names}
    parts = frozenset(names)
    return Event(encode_json(content), EventKind.DELTA, key, buffers=tuple(buffers), parts=parts)


def _held(column: Any) -> Held | None:
    """What browsers hold of an array that is sent as it is; ``None`` for any other column."""
    if type(column) is not np.ndarray or not column.flags.c_contiguous:
        return None
    return _held_of(column.dtype, column.shape)


@lru_cache(maxsize=256)
def _held_of(dtype: np.dtype[Any], shape: tuple[int, ...]) -> Held | None:
    # Most callbacks make arrays of the same lengths again and again.
    if dtype not in SENT_AS_THEY_ARE or not shape:
        return None
    return Held(kind_of({"type": "ndarray", "dtype": SENT_AS_THEY_ARE[dtype], "shape": shape}), shape[0])


def _event(
    model: Model, attribute: str, encoded: Any, key: Hashable, buffers: tuple[Buffer, ...] = ()
) -> Event:
    content = {"kind": "ModelChanged", "model": model.ref, "attr": attribute, "new": encoded}
    return Event(encode_json(content), EventKind.WRITE, key, buffers=buffers)
