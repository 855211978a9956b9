"""Values that are the same in Python, in JSON and in a browser."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import Any

import numpy as np

__all__ = ["MOST_SAFE", "is_plain", "told_at_once"]

MOST_SAFE = 2**53 - 1
"""``Number.MAX_SAFE_INTEGER`` of ECMAScript; the same with a minus sign is the smallest one."""

_KINDS = frozenset({str, float, int, bool, type(None)})
_OF_NUMPY: tuple[tuple[type, type], ...] = ((np.floating, float), (np.integer, int))


def is_plain(value: Any) -> bool:
    """Whether a value is one of them for sure: neither encoding nor decoding makes anything else of it."""
    kind = type(value)
    if kind is str:
        is_text: bool = value.isascii()  # Other text may hold half of a surrogate pair.
        return is_text
    if kind is float:
        return isfinite(value)
    return kind is bool or (kind is int and -MOST_SAFE <= value <= MOST_SAFE)


def told_at_once(values: Sequence[Any]) -> Sequence[Any] | None:
    """What Bokeh's serializer makes of a list of text, numbers, truth values and nothing, in no more steps
    than the list needs; ``None`` for a list with anything else.
    """
    kinds = set(map(type, values))
    if len(kinds) == 1 and (plain := _kind_of_numpy(*kinds)) is not None:
        values, kinds = [*map(plain, values)], {plain}
    if not kinds <= _KINDS:
        return None
    if int in kinds:
        integers = values if len(kinds) == 1 else [each for each in values if type(each) is int]
        if min(integers) < -MOST_SAFE or max(integers) > MOST_SAFE:
            return None
    if float in kinds:
        floats = values if len(kinds) == 1 else [each for each in values if type(each) is float]
        if not all(map(isfinite, floats)):
            return [_number(each) if type(each) is float else each for each in values]
    return values


def _kind_of_numpy(kind: type) -> type | None:
    if issubclass(kind, np.timedelta64):
        return None  # It is one of NumPy's integers, but browsers count milliseconds.
    for numpy, plain in _OF_NUMPY:
        if issubclass(kind, numpy):
            return plain
    return None


def _number(value: float) -> Any:
    if isfinite(value):
        return value
    return {"type": "number", "value": "nan" if value != value else "+inf" if value > 0 else "-inf"}
