"""What is known of a column without encoding it agrees with how it is encoded."""

from __future__ import annotations

import datetime as dt
from array import array
from typing import Any

import numpy as np
import pandas as pd
import pytest

from embedsync.documents.bokeh.columns import kind_of, shown
from embedsync.documents.bokeh.serializer import Encoding, KnownModels
from embedsync.documents.bokeh.values import same

pytestmark = [
    pytest.mark.filterwarnings("ignore::bokeh.util.warnings.BokehUserWarning"),
    # Newer NumPy says so where Bokeh converts moments that have a time zone.
    pytest.mark.filterwarnings("ignore:no explicit representation of timezones:UserWarning"),
]

_DAY = dt.datetime(2024, 1, 2, 3, 4, 5, 678901)

COLUMNS: list[Any] = [
    [1, "a", None],
    (1, 2),
    [],
    *(np.array([0, 1, 1, 0]).astype(each) for each in "bBhHiIlLqQefdg?"),
    *(np.array([4, 2, 7]).astype(each) for each in ("U", "M8[ns]", "M8[D]", "m8[s]", ">f8", ">i8", "O")),
    np.array([2**40, 1, 2]),
    np.array([2**63, 1, 2], dtype="uint64"),
    np.array([-(2**31), 2**31 - 1, 0]),
    np.array([], dtype=int),
    np.array([], dtype=object),
    np.array([_DAY, None, 3], dtype=object),
    np.array([_DAY, _DAY], dtype=object),
    np.array([1.5, np.nan, np.inf]),
    np.ma.array([1.5, 2.5, 3.5], mask=[True, False, False]),
    np.arange(10)[::2],
    np.arange(10.0)[::-1],
    pd.Series([1.5, 2.5]),
    pd.Series([1, None], dtype="Int64"),
    pd.Series(["a", None]),
    pd.Series(["a", "b"], dtype="category"),
    pd.Series([_DAY, None]),
    pd.date_range("2024-01-01", periods=3, tz="Europe/Zurich"),
    pd.period_range("2024-01", periods=3, freq="M"),
    *(array(each, [1, 2, 3]) for each in "bBhHiIfd"),
]


def encoded(value: Any) -> tuple[Any, Any]:
    """How a value is sent, and what a browser makes of it."""
    event = Encoding(KnownModels())
    rep = event.encode(value)
    if not isinstance(rep, dict):
        return rep, rep
    values: Any = rep["array"]
    if isinstance(values, dict):
        (buffer,) = event._taken
        values = np.frombuffer(buffer.data, dtype=rep["dtype"]).tolist()
    return rep, values


@pytest.mark.parametrize(
    "column", COLUMNS, ids=lambda each: f"{type(each).__name__} {getattr(each, 'dtype', '')}"
)
def test_the_kind_of_a_column_and_its_parts_are_those_of_the_whole(column: Any) -> None:
    rep, whole = encoded(column)
    found = shown(column)
    assert found is not None
    assert found.kind == kind_of(rep)
    for index in (slice(0, 1), slice(1, None), slice(0, None, 2), slice(0, 0)):
        part_rep, part = encoded(found.part(index))
        assert same(part, whole[index])
        assert found.takes_anything or kind_of(part_rep) == found.kind


@pytest.mark.parametrize(
    "column", [np.zeros((2, 2)), np.array([1j]), array("q", [1]), range(3), object(), pd.Series([object()])]
)
def test_what_is_no_plain_column_is_sent_whole_or_as_objects(column: Any) -> None:
    found = shown(column)
    assert found is None or found.takes_anything
