"""Copying and comparing the values that properties hold."""

from __future__ import annotations

import sys
from array import array
from dataclasses import fields, is_dataclass
from datetime import datetime
from typing import Any

import numpy as np

__all__ = ["alike", "copied", "is_pandas", "only_nan_differs", "same"]

_PLAIN = frozenset({str, int, float, bool, type(None)})
_MUTABLE = (list, tuple, dict, set, bytearray, memoryview, array, np.ndarray)


def copied(value: Any) -> Any:
    """Copy containers and arrays, all the way down, so that later changes don't show.

    Models and anything immutable stay what they are.
    """
    if isinstance(value, np.ndarray):
        return value.copy()
    if isinstance(value, list | tuple):
        return [copied(each) if isinstance(each, _MUTABLE) or is_pandas(each) else each for each in value]
    if isinstance(value, dict):
        return {key: copied(each) for key, each in value.items()}
    if isinstance(value, set):
        return set(value)
    if isinstance(value, bytearray | memoryview):
        return bytes(value)
    if isinstance(value, array):
        return value[:]
    if is_pandas(value):
        return value.copy()
    return value


def same(one: Any, other: Any) -> bool:
    """Whether two values mean the same to a browser: NaN is NaN, a tuple is a list, 1 is 1.0."""
    if one is other:
        return True
    if _is_sequence(one) and _is_sequence(other):
        return _same_sequence(one, other)
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(each, other[key]) for key, each in one.items())
    if _is_nan(one) and _is_nan(other):
        return True
    if isinstance(one, bool | np.bool_) != isinstance(other, bool | np.bool_):
        return False
    try:
        return bool(one == other)
    except (TypeError, ValueError):
        return False


def alike(one: Any, other: Any) -> bool:
    """Whether two values that are the same become the same arrays in a browser, all the way down."""
    if isinstance(one, np.ndarray):
        typed = isinstance(other, np.ndarray) and one.dtype == other.dtype and one.shape == other.shape
        return typed and (one.dtype != object or all(map(alike, one.flat, other.flat)))
    if isinstance(one, array):
        return isinstance(other, array) and one.typecode == other.typecode
    if isinstance(one, list | tuple):
        return isinstance(other, list | tuple) and all(map(alike, one, other))
    if isinstance(one, dict):
        return isinstance(other, dict) and all(alike(each, other.get(key)) for key, each in one.items())
    return type(one) is type(other) if is_pandas(one) else not isinstance(other, _MUTABLE)


def only_nan_differs(old: Any, new: Any) -> bool:
    """Whether two values that Bokeh holds to be different are so only because NaN is not itself."""
    if type(old) in _PLAIN:
        return old != old and _is_nan(new)  # At once, for most are like that.
    if _is_nan(old):
        return _is_nan(new)
    if old is new:
        return False
    if isinstance(old, list | tuple | dict | np.ndarray):
        if _differs_for_sure(old, new):
            return False
        return not _plainly_equal(old, new) and same(old, new) and alike(old, new)
    if is_dataclass(old) and type(old) is type(new):  # As `value(…)` of a glyph's property is.
        return old != new and same(_fields(old), _fields(new))
    return False


def _differs_for_sure(old: Any, new: Any) -> bool:
    """Whether columns, or numbers, differ in one that is something, as nearly all do that are set anew.

    It takes a fraction of the time in which all of it is compared.
    """
    if isinstance(old, dict):
        if not isinstance(new, dict):
            return False
        for key, column in old.items():
            if type(column) is np.ndarray and _differs_for_sure(column, new.get(key)):
                return True
        return False
    if old is new or type(old) is not np.ndarray or type(new) is not np.ndarray:
        return False
    if old.dtype.kind not in "biuf" or old.dtype != new.dtype or old.shape != new.shape or not old.size:
        return False
    differing = old != new
    first = int(differing.argmax())
    value = old.item(first)
    return bool(differing.item(first)) and value == value


def _fields(value: Any) -> dict[str, Any]:
    return {each.name: getattr(value, each.name) for each in fields(value)}


def _plainly_equal(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        return np.array_equal(one, other)
    try:
        return bool(one == other)
    except (TypeError, ValueError):
        return False


def _same_sequence(one: Any, other: Any) -> bool:
    if len(one) != len(other):
        return False
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        left, right = _as_array(one), _as_array(other)
        if left.shape != right.shape:
            return False
        if left.dtype.kind in "biuf" and right.dtype.kind in "biuf":
            return bool(np.array_equal(left, right, equal_nan=True))
        return all(same(a, b) for a, b in zip(left.flat, right.flat, strict=True))
    return all(same(a, b) for a, b in zip(one, other, strict=True))


def _as_array(value: Any) -> Any:
    try:
        return np.asarray(value)
    except ValueError:  # sequences of several lengths in a sequence
        found = np.empty(len(value), dtype=object)
        found[:] = list(value)
        return found


def _is_sequence(value: Any) -> bool:
    return (
        isinstance(value, list | tuple | array) or (isinstance(value, np.ndarray) and value.ndim > 0)
    ) or is_pandas(value)


def _is_nan(value: Any) -> bool:
    """Whether it is no number, or no time (NaT), which to a browser is the same."""
    return isinstance(value, _NAN_IS_OF) and bool(value != value)


# What pandas has for no time is a `datetime`.
_NAN_IS_OF = (float, np.floating, np.datetime64, np.timedelta64, datetime)


def is_pandas(value: Any) -> bool:
    """Whether a value is a column of pandas."""
    # Looked up rather than imported: pandas is no dependency, and importing it is slow.
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(value, pandas.Series | pandas.Index)
