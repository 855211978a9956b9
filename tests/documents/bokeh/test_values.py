"""Whether something has changed is found out sooner, and comes to the same."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from embedsync.documents.bokeh import values
from embedsync.documents.bokeh.values import only_nan_differs

COLUMN = st.one_of(
    arrays(
        st.sampled_from(["f8", "f4", "i4", "bool", "O", "M8[s]", "c16"]),
        st.sampled_from([(0,), (2,), (3,), (2, 2)]),
        elements={"allow_nan": True},
    ),
    st.lists(st.floats() | st.none(), max_size=3),
    st.just(np.array(["a", "b"])),
    st.just(np.array(1.0)),
)
COLUMNS = st.dictionaries(st.sampled_from("xy"), COLUMN)


def at_length(old: Any, new: Any) -> bool:
    quick = values._differs_for_sure
    values._differs_for_sure = lambda *_: False
    try:
        return only_nan_differs(old, new)
    finally:
        values._differs_for_sure = quick


@given(st.one_of(st.tuples(COLUMN, COLUMN), st.tuples(COLUMNS, COLUMNS), st.tuples(COLUMNS, COLUMN)))
def test_columns_differ_as_they_do_when_all_of_them_is_compared(pair: tuple[Any, Any]) -> None:
    for old, new in (pair, pair[::-1], (pair[0], pair[0])):
        assert only_nan_differs(old, new) == at_length(old, new)


@given(arrays("f8", 4, elements=st.sampled_from([np.nan, 0.0, -0.0, 1.0])), st.integers(0, 3))
def test_one_number_more_or_less_is_a_difference_and_another_nan_is_none(old: Any, place: int) -> None:
    new = old.copy()
    assert only_nan_differs({"x": old}, {"x": new}) == at_length({"x": old}, {"x": new})
    new[place] = 2.0
    assert not only_nan_differs({"x": old}, {"x": new})
    assert only_nan_differs({"x": old}, {"x": new}) == at_length({"x": old}, {"x": new})
