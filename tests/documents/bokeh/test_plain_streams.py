"""Arrays that are streamed lead to the same by the short way as by Bokeh's own."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

import numpy as np
import pandas as pd
import pytest
from bokeh.core.properties import Any as AnyValue
from bokeh.core.properties import ColumnData, Seq, String
from bokeh.document import Document
from bokeh.models import ColumnDataSource
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from embedsync.document import EventKind
from embedsync.documents.bokeh import column_methods, document
from embedsync.documents.bokeh.private import PropertyDescriptor
from embedsync.documents.bokeh.serializer import Encoding
from tests.documents.bokeh.harness import Live
from tests.documents.bokeh.test_plain_write import renumbered

pytestmark = [
    pytest.mark.filterwarnings("ignore:ColumnDataSource's columns must be of the same length"),
    pytest.mark.filterwarnings("ignore:out of range integer"),
]

X = np.array([1.0, 2.0, 3.0])


@contextmanager
def only_the_long_way() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(column_methods, "stream_arrays", lambda *_, **named: False)
        patched.setattr(document, "plain_stream", lambda *_: None)
        yield


@contextmanager
def only_the_short_way() -> Iterator[None]:
    def refuse(*arguments: Any, **named: Any) -> Any:
        raise AssertionError("it goes the long way")

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(PropertyDescriptor, "_notify_mutated", refuse)
        patched.setattr(Encoding, "event", refuse)
        yield


def columns_of(length: int) -> st.SearchStrategy[Any]:
    numbers = st.floats(-100, 100, width=16)
    return st.one_of(
        arrays(st.sampled_from(["f8", "f8", "f8", "f4", "i4", "u1", "i8", ">f8", "bool"]), length),
        arrays("O", length, elements=st.integers(0, 9)),
        arrays(st.sampled_from(["U2", "M8[ms]"]), length),
        arrays("f8", (length, 2)),
        st.lists(numbers, min_size=length, max_size=length),
        st.lists(numbers, min_size=length, max_size=length).map(pd.Series),
        st.lists(numbers, min_size=2 * length, max_size=2 * length).map(lambda found: np.array(found)[::2]),
    )


ARRAYS = st.integers(0, 4).flatmap(
    lambda length: st.fixed_dictionaries(dict.fromkeys("xy", arrays("f8", length)))
)
ANYTHING = st.integers(0, 4).flatmap(
    lambda length: st.fixed_dictionaries({"x": columns_of(length), "y": columns_of(length)})
)
STREAMS = st.tuples(
    st.one_of(ARRAYS, ARRAYS, ANYTHING, st.fixed_dictionaries({"x": columns_of(1)})),
    st.sampled_from([None, None, 1, 3, 5, 0, -1, np.int64(3), 2**53]),
)


def life(begun: dict[str, Any], turns: list[list[tuple[dict[str, Any], Any]]]) -> list[Any]:
    """All that browsers, callbacks and logs are told of these streams, and what they raise."""
    begun, turns = deepcopy((begun, turns))  # Bokeh appends to lists in place.
    source = ColumnDataSource(data=begun)
    told: list[Any] = []

    def fill(doc: Any) -> None:
        doc.add_root(source)
        source.on_change("data", lambda attribute, old, new: told.append((attribute, repr(old), repr(new))))
        doc.on_change(lambda event: told.append((event.kind, repr(event.data), event.rollover, event.setter)))

    live = Live(fill)

    def stream(new: dict[str, Any], rollover: Any) -> None:
        try:
            source.stream(new, rollover)
        except Exception as error:  # noqa: BLE001 - both ways raise the same
            told.append(repr(error))

    for turn in turns:
        live.do(lambda turn=turn: [stream(*each) for each in turn])
        told.append({name: (type(each), repr(each)) for name, each in source.data.items()})
        told.append(live.document._known.columns)
    live.settle()
    live.check_mirror()
    return [*told, live.patches, [repr(error) for error, _ in live.host.reports]]


@settings(max_examples=300, deadline=None)
@given(st.one_of(ARRAYS, ANYTHING), st.lists(st.lists(STREAMS, min_size=1, max_size=2), max_size=4))
def test_whatever_is_streamed_the_short_way_leads_to_where_bokehs_own_does(
    begun: dict[str, Any], turns: list[list[tuple[dict[str, Any], Any]]]
) -> None:
    short = life(begun, turns)
    with only_the_long_way():
        assert renumbered(short) == renumbered(life(begun, turns))


@pytest.mark.parametrize("rollover", [None, 2, 4, 100])
def test_arrays_that_are_appended_to_arrays_take_the_short_way(rollover: int | None) -> None:
    source = ColumnDataSource(data={"x": X, "y": X})
    live = Live(lambda doc: doc.add_root(source))
    with only_the_short_way():
        live.do(lambda: source.stream({"x": X, "y": -X}, rollover))
    [event] = live.patches[-1].events
    assert (event.kind, event.key) == (EventKind.DELTA, (source.id, "data"))
    assert not live.host.reports
    live.check_mirror()


def test_a_stream_that_makes_other_arrays_than_browsers_would_is_sent_whole() -> None:
    source = ColumnDataSource(data={"x": np.arange(5.0)})
    live = Live(lambda doc: doc.add_root(source))
    [event] = live.do(lambda: source.stream({"x": np.arange(2, dtype=np.int32)}))
    assert event["kind"] == "ColumnsStreamed", "numbers of another type become those of the column"
    dict.__setitem__(source.data, "x", np.arange(5, dtype=np.int32))  # Nobody is told of it.
    [event] = live.do(lambda: source.stream({"x": np.arange(2, dtype=np.int32)}))
    assert event["kind"] == "ModelChanged"
    live.check_mirror()


def test_documents_of_others_are_left_to_bokeh() -> None:
    source = ColumnDataSource(data={"x": X})
    Live(lambda doc: None)  # From now on the short way is there.
    document = Document()
    document.add_root(source)
    with only_the_short_way(), pytest.raises(AssertionError, match="the long way"):
        source.stream({"x": X})


with warnings.catch_warnings(action="ignore", category=RuntimeWarning):  # Bokeh advises against it.

    class Checked(ColumnDataSource):
        """Has columns of its own, for which more holds."""

        data = ColumnData(String, Seq(AnyValue)).asserts(
            lambda _, data: all(np.all(each >= 0) for each in data.values()), "not below zero"
        )


class Counting(ColumnDataSource):
    """Notices what changes."""

    _count = 0

    def trigger(self, attr: str, old: Any, new: Any, hint: Any = None, setter: Any = None) -> None:
        self._count += 1
        super().trigger(attr, old, new, hint, setter)


def test_what_a_class_of_the_app_adds_to_columns_holds() -> None:
    checked, counting = Checked(data={"x": X}), Counting(data={"x": X})
    live = Live(lambda doc: [doc.add_root(each) for each in (checked, counting)])
    before = counting._count

    def stream() -> None:
        with pytest.raises(ValueError, match="not below zero"):
            checked.stream({"x": -X})
        with only_the_short_way():
            counting.stream({"x": -X})

    live.do(stream)
    assert not live.host.reports
    assert counting._count == before + 1


def test_of_two_sources_with_the_same_arrays_the_other_stays_as_it_is() -> None:
    one = ColumnDataSource(data={"x": X})
    other = ColumnDataSource(data=dict(one.data))
    live = Live(lambda doc: [doc.add_root(each) for each in (one, other)])
    live.do(lambda: one.stream({"x": X}))
    assert (len(one.data["x"]), len(other.data["x"])) == (2 * len(X), len(X))
    live.check_mirror()


def test_what_is_streamed_is_told_as_it_was_though_the_array_is_used_again() -> None:
    source, buffer = ColumnDataSource(data={"x": X.copy()}), X.copy()
    live = Live(lambda doc: doc.add_root(source))

    def stream_twice() -> None:
        source.stream({"x": buffer})
        buffer[:] = 7.0
        source.stream({"x": buffer})

    live.do(stream_twice)
    assert np.array_equal(source.data["x"], [*X, *X, 7.0, 7.0, 7.0])
    live.check_mirror()
    assert [each.buffers[0].data for each in live.patches[-1].events] == [X.tobytes(), buffer.tobytes()]
