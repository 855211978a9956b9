"""Values that are the same in Python, in JSON and in a browser."""

from __future__ import annotations

from math import isfinite
from typing import Any

__all__ = ["MOST_SAFE", "is_plain"]

MOST_SAFE = 2**53 - 1
"""``Number.MAX_SAFE_INTEGER`` of ECMAScript; the same with a minus sign is the smallest one."""


def is_plain(value: Any) -> bool:
    """Whether a value is one of them for sure: neither encoding nor decoding makes anything else of it."""
    kind = type(value)
    if kind is str:
        is_text: bool = value.isascii()  # Other text may hold half of a surrogate pair.
        return is_text
    if kind is float:
        return isfinite(value)
    return kind is bool or (kind is int and -MOST_SAFE <= value <= MOST_SAFE)
