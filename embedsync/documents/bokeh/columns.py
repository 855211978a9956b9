"""Columns of data sources, as BokehJS holds them.

A stream or a patch is applied to the array that a browser holds, and by BokehJS's rules: a typed array keeps
its type, where NumPy finds one that fits old and new values; slices write past the end or leave holes. So the
browsers are sent a part only where their array takes it as it is, and as the column holds it afterwards,
whatever was asked for. In all other cases they are sent the whole value.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from embedsync.documents.bokeh.private import (
    BINARY_ARRAY_TYPES,
    array_encoding_disabled,
    transform_array,
    transform_series,
)
from embedsync.documents.bokeh.values import copied, is_pandas, same

__all__ = [
    "COLUMNS",
    "SENT_AS_THEY_ARE",
    "Arrays",
    "Held",
    "Part",
    "Shown",
    "appended",
    "arrays_of",
    "check_place",
    "is_plain_array",
    "kind_of",
    "meant_for",
    "patched_part",
    "sharing",
    "shown",
    "streamed_part",
    "was_patched",
    "was_streamed",
]

COLUMNS = "data"
"""The property that holds them."""


class Held(NamedTuple):
    """An array in a browser: its kind and its length."""

    kind: str
    length: int


Arrays = dict[str, Held]
"""What arrays browsers hold, by the names of the columns."""

_LIST = "list"
_OBJECTS = "ndarray object"
_NARROWED = {np.dtype("int64"): np.int32, np.dtype("uint64"): np.uint32}
SENT_AS_THEY_ARE = {np.dtype(each): np.dtype(each).name for each in BINARY_ARRAY_TYPES}
"""Types of arrays that are sent as their bytes, with the names that browsers have for them."""
_KINDS = {dtype: f"ndarray {name}" for dtype, name in SENT_AS_THEY_ARE.items()}


@dataclass(frozen=True, slots=True)
class Part:
    """A change of some columns that browsers can make.

    Attributes:
        fields: of the event, copied.
        makes: the arrays that must come of it. Their kinds are the same before.
    """

    fields: dict[str, Any]
    makes: Arrays


@dataclass(frozen=True, slots=True)
class Shown:
    """A column in the form in which it is sent.

    Attributes:
        kind: of the array that browsers make of it.
        values: the column, or what Bokeh's serializer makes of it.
        converted: what is left to do to a part of ``values``, so that it need not be done to all.
    """

    kind: str
    values: Any
    converted: Callable[[Any], Any] | None = None

    @property
    def takes_anything(self) -> bool:
        """Whether its array in a browser is one that holds values of all types."""
        return self.kind in (_LIST, _OBJECTS)

    def part(self, index: slice) -> Any:
        """A copy of some values."""
        part = self.values[index]
        if self.converted is not None:
            return self.converted(part)
        return part.tolist() if self.kind == _OBJECTS else copied(part)

    def tail(self, count: int) -> Any:
        """A copy of the last values."""
        return self.part(slice(len(self.values) - count, None))

    def item(self, index: int) -> Any:
        """A copy of one value.

        Raises:
            IndexError: there is none.
        """
        if not 0 <= index < len(self.values):
            raise IndexError(index)
        return self.part(slice(index, index + 1))[0]


def shown(column: Any) -> Shown | None:
    """What is sent of a column; ``None`` for what is sent as a whole only."""
    try:
        return _shown(column)
    except Exception:  # noqa: BLE001 - it can't be encoded, which is told when that is tried
        return None


def is_plain_array(column: Any) -> bool:
    """Whether a column is an array of numbers that is sent as the bytes that it consists of."""
    return type(column) is np.ndarray and column.ndim == 1 and column.dtype in _KINDS


def kind_of(rep: Any) -> str:
    """The kind of array that browsers make of an encoded column."""
    if isinstance(rep, dict):
        dimensions = rep.get("shape", [0])
        return f"{rep.get('type')} {rep.get('dtype')}" + f" {len(dimensions)}" * (len(dimensions) != 1)
    return _LIST


def arrays_of(rep: Any, size: Callable[[str], int]) -> Arrays:
    """The arrays that browsers make of encoded columns.

    Args:
        rep: the columns.
        size: tells how many bytes a buffer has.
    """
    entries = rep.get("entries", ()) if isinstance(rep, dict) else ()
    return {name: Held(kind_of(each), _length(each, size)) for name, each in entries if isinstance(name, str)}


def appended(held: Arrays, added: Arrays, rollover: int | None) -> Arrays:
    """The arrays that come of appending some to those that browsers hold; only such as they hold."""
    made = {}
    for name, each in added.items():
        if name in held:
            length = held[name].length + each.length
            made[name] = Held(held[name].kind, length if rollover is None else min(length, rollover))
    return made


def _length(rep: Any, size: Callable[[str], int]) -> int:
    match rep:
        case list():
            return len(rep)
        case {"shape": [length, *_]}:
            return int(length)
        case {"dtype": dtype, "array": {"data": {"id": identifier}}}:
            return size(identifier) // int(np.dtype(dtype).itemsize)
    return 0


def streamed_part(
    before: Mapping[str, Any], now: Mapping[str, Any], new: Mapping[str, Any], rollover: Any
) -> Part | None:
    """What browsers can do to have what was streamed; ``None`` if they need the whole value.

    Args:
        before: the columns as they were; lists may have been appended to since.
        now: the columns as they are.
        new: what was appended.
        rollover: how long the columns may be.
    """
    if rollover is not None:
        if not isinstance(rollover, int | np.integer) or rollover < 1:
            return None  # BokehJS takes 0 for no rollover at all.
        rollover = int(rollover)
    data, makes = {}, {}
    for name, values in new.items():
        if (kind := _kind_of_plain_arrays(before.get(name), now[name], values)) is not None:
            length = len(now[name])
            data[name] = now[name][max(length - len(values), 0) :].copy()
            makes[name] = Held(kind, length)
            continue
        column = shown(now[name])
        if column is None or not _same_beginning(before.get(name), now[name]):
            return None
        if isinstance(now[name], np.ndarray) and np.size(values) != len(values):
            return None  # NumPy has taken lists in a list for more values.
        data[name] = column.tail(min(len(values), len(column.values)))
        makes[name] = Held(column.kind, len(column.values))
    return Part({"data": data, "rollover": rollover}, makes)


def _kind_of_plain_arrays(before: Any, now: Any, new: Any) -> str | None:
    """The kind of a column to which an array was appended; ``None`` unless they are arrays sent as they are.

    Most are, and need no closer look.
    """
    if not type(before) is type(now) is type(new) is np.ndarray or not now.ndim == new.ndim == 1:
        return None
    return _KINDS.get(now.dtype) if before.dtype == now.dtype else None


def patched_part(now: Mapping[str, Any], patches: Mapping[str, Sequence[tuple[Any, Any]]]) -> Part | None:
    """What browsers can do to have what was patched; ``None`` if they need the whole value.

    Args:
        now: the columns as they are.
        patches: what was asked for.
    """
    told, makes = {}, {}
    for name, each in patches.items():
        column = shown(now[name])
        if column is None:
            return None
        try:
            told[name] = [(place, value) for asked in each for place, value in _patched(column, *asked)]
        except (IndexError, TypeError, ValueError):
            return None
        makes[name] = Held(column.kind, len(column.values))
    return Part({"patches": told}, makes)


def check_place(column: Any, place: Any, value: Any) -> None:
    """Whether a browser and Python mean the same by a patch.

    Raises:
        ValueError: they don't: NumPy repeats values, lists get longer or shorter, negative places count
            from the end, while BokehJS writes holes or past the end.
    """
    if type(place) is int:
        return  # Bokeh checks it.
    if isinstance(place, slice):
        lengths = [len(range(*place.indices(len(column))))]
    elif isinstance(place, list) and 2 <= len(place) <= 3 and type(place[0]) is int:
        item = column[place[0]]
        lengths = [_count(index, length) for index, length in zip(place[1:], np.shape(item), strict=True)]
    else:
        raise ValueError(f"not a place in a column: {place!r}")
    if not _is_array(value) or len(value) != math.prod(lengths):
        raise ValueError("the values of a patch do not fit their place")


def meant_for(column: Any, values: Any) -> Any:
    """Browsers hold dates, and lengths of time, as milliseconds: what these numbers mean to a column.

    Raises:
        ValueError: a number is beyond what the column can hold; NumPy would make another date of it.
    """
    if not isinstance(column, np.ndarray) or column.dtype.kind not in "mM":
        return values
    milliseconds = np.asarray(values, dtype=float)
    unit, count = np.datetime_data(column.dtype)
    finest = max(1e3, _IN_A_MILLISECOND.get(unit, 0) / count)
    if np.any(np.abs(milliseconds) >= 2**63 / finest):
        raise ValueError("a time that the column cannot hold")
    return (milliseconds * 1000).round().astype(f"{column.dtype.kind}8[us]")


_IN_A_MILLISECOND = {"ns": 1e6, "ps": 1e9, "fs": 1e12, "as": 1e15}
"""Units that are finer than the microseconds in which dates come."""


def was_streamed(sent: Any, now: Any, length: int, rollover: int | None) -> bool:
    """Whether a browser that appended ``sent`` to a column holds what Python holds.

    Args:
        sent: the values.
        now: the column afterwards.
        length: of the column before.
        rollover: how long it may be.
    """
    column = shown(now)
    if column is None or rollover == 0:
        return False
    if column.takes_anything and not _takes_anything(sent):
        return False  # The browser has a typed array now.
    if not column.takes_anything and rollover is not None and length > rollover:
        return False  # BokehJS never makes a typed array shorter.
    count = min(len(sent), len(column.values))
    return same(list(sent)[len(sent) - count :], column.tail(count))


def was_patched(now: Any, place: Any, value: Any) -> bool:
    """Whether a browser that put ``value`` into a column holds what Python holds."""
    column = shown(now)
    if column is None:
        return False
    if isinstance(place, list):
        (_, *inner) = place
        return same(list(value), now[place[0]][tuple(inner)].flatten())
    return same(value, column.part(place) if isinstance(place, slice) else column.item(place))


def _count(index: Any, length: int) -> int:
    if type(index) is int and 0 <= index < length:
        return 1
    if isinstance(index, slice) and (index.stop is None or index.stop <= length):
        return len(range(*index.indices(length)))
    raise ValueError(f"not a place in an array: {index!r}")


def _is_array(value: Any) -> bool:
    return isinstance(value, list | array) or (isinstance(value, np.ndarray) and value.ndim == 1)


def _takes_anything(value: Any) -> bool:
    return isinstance(value, list) or (isinstance(value, np.ndarray) and value.dtype == object)


def sharing(model: Any, names: Iterable[str], sources: Iterable[Any]) -> list[Any]:
    """Sources with columns that have changed because those of ``model`` have.

    Bokeh changes lists, and where it patches arrays, in place, and an app may give one to several columns.
    """
    lists: dict[int, list[str]] = {}
    arrays: dict[str, Any] = {}
    for name in names:
        column = model.data[name]
        if isinstance(column, np.ndarray):
            arrays[name] = column
        else:
            lists.setdefault(id(column), []).append(name)

    def shares(source: Any, name: str, column: Any) -> bool:
        if isinstance(column, np.ndarray):
            with_it = [each for each, array in arrays.items() if _overlap(array, column)]
        else:
            with_it = lists.get(id(column), [])
        return any(source is not model or each != name for each in with_it)

    return [
        source
        for source in sources
        if any(shares(source, name, column) for name, column in source.data.items())
    ]


def _overlap(one: Any, other: Any) -> bool:
    return bool(np.may_share_memory(one, other) and np.shares_memory(one, other))


def _shown(column: Any) -> Shown | None:
    if type(column) is np.ndarray and column.ndim == 1 and (kind := _KINDS.get(column.dtype)):
        return Shown(kind, column)  # At once, for most are like that.
    if isinstance(column, list | tuple):
        return Shown(_LIST, column)
    if isinstance(column, array):
        found = np.frombuffer(column, dtype=column.typecode) if len(column) else np.array([], column.typecode)
        return Shown(f"typed_array {found.dtype.name}", column) if found.dtype in BINARY_ARRAY_TYPES else None
    if is_pandas(column):
        column = transform_series(column)
    if not isinstance(column, np.ndarray) or column.ndim != 1:
        return None
    if type(column) is np.ndarray and (narrowed := _NARROWED.get(column.dtype)):
        if _fits(column, narrowed):
            return Shown(f"ndarray {np.dtype(narrowed).name}", column, lambda part: part.astype(narrowed))
        return Shown(_OBJECTS, column)
    if type(column) is np.ndarray and column.dtype.kind in "mM":
        return Shown("ndarray float64", column, transform_array)
    sent = transform_array(column)
    if sent.dtype.kind == "U" or array_encoding_disabled(sent):
        return Shown(_OBJECTS, sent)
    return Shown(f"ndarray {sent.dtype.name}", sent)


def _fits(column: Any, dtype: Any) -> bool:
    info = np.iinfo(dtype)
    return len(column) == 0 or bool(info.min <= column.min() and column.max() <= info.max)


def _same_beginning(before: Any, now: Any) -> bool:
    """Whether appending has left the values that were there as they were."""
    if not isinstance(now, np.ndarray):
        return True
    if type(before) is not np.ndarray and not is_pandas(before):
        return False  # Masked values are not masked any more.
    # NumPy converts them where old and new values have different types; text only gets more room.
    old = before.dtype
    return old == now.dtype or (isinstance(old, np.dtype) and old.kind == now.dtype.kind == "U")


def _patched(column: Shown, place: Any, value: Any) -> list[tuple[Any, Any]]:
    """One patch as browsers can make it; empty if it changes nothing.

    Raises:
        ValueError: they can't.
    """
    if type(place) is bool:
        raise ValueError("NumPy takes it for all places or none")
    if isinstance(place, int):
        return [(int(place), column.item(place))]
    if isinstance(place, slice):
        found = range(*place.indices(len(column.values)))
        if isinstance(column.values, list | array) and (
            place.stop is None or place.stop > len(column.values) or len(value) != len(found)
        ):
            raise ValueError("it may have got longer or shorter")
        return [(_bounds(found), column.part(place))] if found else []
    return _patched_item(column.values[place[0]], place)


def _patched_item(item: Any, place: Sequence[Any]) -> list[tuple[Any, Any]]:
    """A patch of a part of an array that stands in a column."""
    if item.dtype not in BINARY_ARRAY_TYPES or item.ndim > 2:
        return [(int(place[0]), copied(item))]
    inner = []
    for index, length in zip(place[1:], item.shape, strict=True):
        found = range(*index.indices(length)) if isinstance(index, slice) else range(length)[index:][:1]
        if not found:
            return []
        inner.append(found)
    bounds = [_bounds(each) for each in inner]
    return [((int(place[0]), *bounds), item[tuple(bounds)].flatten())]


def _bounds(found: range) -> slice:
    return slice(found.start, found[-1] + 1, found.step)
