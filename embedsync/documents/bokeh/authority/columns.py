"""Which values a person could have put into the columns of a data source."""

from __future__ import annotations

import itertools
import numbers
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from embedsync.documents.bokeh.authority.shown import columns_open

__all__ = ["complaint"]

_LOOKED_AT = 1000
"""Values of a column that tell what kind it is of."""


def complaint(source: Any, data: Any, *, whole: bool) -> str:
    """What speaks against columns, or parts of columns, in words.

    Args:
        source: the data source.
        data: values by the names of the columns.
        whole: whether these are all values of all columns.
    """
    open_columns = columns_open(source)
    if not open_columns:
        return "no tool or table in the document lets a person edit it"
    if not isinstance(data, Mapping):
        return "these are not columns"
    if whole and data.keys() != source.data.keys():
        return "these are other columns"
    if whole and len({len(each) for each in data.values()}) > 1:
        return "the columns have several lengths"
    for name, values in data.items():
        if name not in open_columns and not (whole and _unchanged(source.data[name], values)):
            return f"no tool or table lets a person edit the column {name!r}"
        if not _fits(source.data.get(name), values):
            return f"the column {name!r} holds values of another kind"
    return ""


def _unchanged(there: Any, values: Any) -> bool:
    """A tool that edits one column sends them all."""
    return there is values or (len(there) == len(values) and all(map(_equal, values, there)))


def _equal(one: Any, other: Any) -> bool:
    return bool(np.all(np.asarray(one == other)))


def _fits(column: Any, values: Any) -> bool:
    """Numbers stay numbers and texts stay texts, at any depth; a tool fills up with nothing."""
    kinds = {_kind(each) for each in itertools.islice(_leaves(column), _LOOKED_AT)} - {None}
    return {_kind(each) for each in _leaves(values)} - {None} <= (kinds or {"number", "text"})


def _leaves(values: Any) -> Iterable[Any]:
    if isinstance(values, np.ndarray) and values.dtype != object:
        # All of one kind: one will do.
        yield from values.flat[:1]
        return
    if isinstance(values, str | bytes | Mapping) or not hasattr(values, "__iter__"):
        yield values
        return
    for each in values:
        yield from _leaves(each)


def _kind(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, str):
        return "text"
    if isinstance(value, bool | np.bool_ | numbers.Number | np.number | np.datetime64):
        return "number"
    return type(value).__name__
