"""How often: a little in each run of the tests, very often with ``make faults``."""

from __future__ import annotations

import os
from typing import TypeVar

__all__ = ["FULL", "count"]

FULL = os.environ.get("FAULTS") == "full"

Number = TypeVar("Number", int, float)


def count(few: Number, many: Number) -> Number:
    """``few`` in an ordinary run, ``many`` in a full one."""
    return many if FULL else few
