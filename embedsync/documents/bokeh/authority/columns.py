"""Which values a person could have put into the columns of a data source."""

from __future__ import annotations

import datetime as dt
import itertools
import math
import numbers
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from embedsync.documents.bokeh.authority.shown import columns_open, is_drawn
from embedsync.documents.bokeh.values import same

__all__ = ["complaint"]

_LOOKED_AT = 1000
"""Values of a column that tell what kind it is of."""


def complaint(source: Any, data: Any, *, whole: bool, streamed: bool = False) -> str:
    """What speaks against columns, or parts of columns, in words.

    Args:
        source: the data source.
        data: values by the names of the columns.
        whole: whether these are all values of all columns.
        streamed: whether these are rows to append.
    """
    open_columns = columns_open(source)
    if not open_columns:
        return "no tool or table in the document lets a person edit it"
    if not isinstance(data, Mapping):
        return "these are not columns"
    if whole and data.keys() != source.data.keys():
        return "these are other columns"
    lengths = {len(each) for each in data.values()} if whole else set()
    if len(lengths) > 1:
        return "the columns have several lengths"
    if not is_drawn(source) and (
        streamed or (whole and lengths != {len(each) for each in source.data.values()})
    ):
        return "in a table no rows come or go"
    for name, values in data.items():
        if name not in open_columns and not (whole and same(values, source.data[name])):
            return f"no tool or table lets a person edit the column {name!r}"
        if not _fits(source.data.get(name), values, patched=not (whole or streamed)):
            return f"the column {name!r} holds values of another kind"
    return ""


def _fits(column: Any, values: Any, *, patched: bool) -> bool:
    """Numbers stay numbers and texts stay texts, at any depth; a tool fills up with nothing."""
    kinds = {_kind(each) for each in itertools.islice(_leaves(column), _LOOKED_AT)} - {None}
    if patched and kinds == {"number"} and isinstance(column, np.ndarray):
        # The editor of a column for which nobody has chosen one gives texts; NumPy makes numbers of them.
        values = [each for each in _leaves(values) if not _reads_as_number(each)]
    return {_kind(each) for each in _leaves(values)} - {None} <= (kinds or {"number", "text"})


def _reads_as_number(value: Any) -> bool:
    if not isinstance(value, str):
        return False
    try:
        return math.isfinite(float(value))
    except ValueError:
        return False


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


# Browsers hold these as numbers.
_TIMES = np.datetime64 | np.timedelta64 | dt.date | dt.time | dt.timedelta


def _kind(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, str):
        return "text"
    if isinstance(value, bool | np.bool_ | numbers.Number | np.number | _TIMES):
        return "number"
    return type(value).__name__
