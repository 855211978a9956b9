"""Whatever is streamed and patched, by whom and to what: all browsers hold what a fresh one is shown.

The browsers are real BokehJS, and typed arrays of different types count as different.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.documents.bokehjs.play import Play

pytestmark = pytest.mark.filterwarnings("ignore::bokeh.util.warnings.BokehUserWarning")

Begin = Callable[..., Play]

STREAMED = [
    ("np.arange(3)", "[3.5, 4.75]"),
    ("np.arange(3)", "np.array([0.5])"),
    ("np.arange(3)", "[1_700_000_000_000]"),
    ("np.arange(3)", "[4]"),
    ("np.array([2**40])", "['a']"),
    ("np.array([2**40])", "[0.5]"),
    ("np.array([], dtype=int)", "[0.5]"),
    ("np.array([], dtype=int)", "np.array([0.5])"),
    ("np.array([], dtype=int)", "[2]"),
    ("np.array([1], dtype='float32')", "[0.1]"),
    ("np.array([1], dtype='float16')", "np.array([0.1], dtype='float16')"),
    ("np.array([1], dtype='uint8')", "[3]"),
    ("np.array([1], dtype='uint64')", "np.array([2**63], dtype='uint64')"),
    ("np.array([True])", "[True]"),
    ("np.array([True])", "[2]"),
    ("np.array([1.5])", "[None]"),
    ("np.array([1.5])", "[True, nan]"),
    ("np.array([1.5], dtype='>f8')", "[2.5]"),
    ("np.array(['a'])", "np.array(['longer'])"),
    ("np.array(['a'])", "[5]"),
    ("np.array([1, 'a', None], dtype=object)", "[[1, 2]]"),
    ("np.array([1.5])", "[[1, 2]]"),
    ("np.arange(4.0).reshape(2, 2)", "[5.0, 6.0]"),
    ("np.ma.array([1.0, 2.0], mask=[True, False])", "[3.0]"),
    ("np.array([4, 2], dtype='datetime64[ms]')", "np.array([7], dtype='datetime64[ns]')"),
    ("np.array([4, 2], dtype='datetime64[D]')", "[datetime(2024, 1, 2, 3, 4, 5, 678901)]"),
    ("np.array([4, 2], dtype='datetime64[ns]')", "[datetime(2024, 1, 2, 3, 4, 5, 678901)]"),
    ("np.array([4, 2], dtype='timedelta64[s]')", "np.array([7], dtype='timedelta64[s]')"),
    ("pd.Series([1.5])", "[2.5]"),
    ("pd.Series([1, 2])", "np.array([2.5])"),
    ("pd.date_range('2024-01-01', periods=2)", "np.array([7], dtype='datetime64[ns]')"),
    ("pd.Series(['a', None])", "['b']"),
    ("[0.5, 1.5]", "np.array([2])"),
    ("[1, 2]", "[0.5, 'a', None]"),
    ("[1, 2]", "array('d', [0.5])"),
    ("[]", "np.array([2])"),
    ("list(np.array([0.5]))", "list(np.array([0.25], dtype='float32'))"),
    ("(1, 2)", "(3,)"),
    ("array('d', [1.5])", "[2.5]"),
    ("array('f', [1.5])", "[0.1]"),
]
ROLLOVERS = [None, 0, 1, 2, 5]


@pytest.mark.parametrize(("column", "new"), STREAMED)
def test_a_stream_by_the_app(play: Begin, column: str, new: str) -> None:
    for rollover in ROLLOVERS:
        begun = play(f"{{'x': {column}}}")
        for _ in range(3):
            begun.take([("app", 0, f"s.stream({{'x': {new}}}, {rollover})")])
        begun.check()


PATCHED = [
    ("[0, 1, 2, 3]", "(slice(0, 3), [9])"),
    ("[0, 1, 2, 3]", "(slice(0, 1), [7, 8, 9])"),
    ("[0, 1, 2, 3]", "(slice(1, None), [9])"),
    ("[0, 1, 2, 3]", "(slice(1, 4), [9])"),
    ("[0, 1, 2, 3]", "(slice(0, 3, 2), [7, 8])"),
    ("[0, 1, 2, 3]", "(slice(2), [7, 8])"),
    ("[0, 1, 2, 3]", "(slice(0, 2), (x for x in [9]))"),
    ("[0, 1, 2, 3]", "(0, 7), (slice(0, 2), [8, 9])"),
    ("[0, 1, 2, 3]", "(True, 7)"),
    ("(0, 1, 2, 3)", "(1, 7)"),
    ("np.array([0.0, 1, 2, 3])", "(slice(0, 3), [9.0])"),
    ("np.array([0.0, 1, 2, 3])", "(slice(0, 3), 9.0)"),
    ("np.array([0.0, 1, 2, 3])", "(slice(None), 9.0)"),
    ("np.array([0.0, 1, 2, 3])", "(slice(1, None, 2), [8, 9])"),
    ("np.array([0.0, 1, 2, 3])", "(slice(0, 0), 1), (0, 5)"),
    ("np.array([0.0, 1, 2, 3])", "(True, 5)"),
    ("np.array([0, 1])", "(0, 0.7)"),
    ("np.array([0, 1])", "(0, 2**40)"),
    ("np.array([2**40, 1])", "(0, 2), (1, 3)"),
    ("np.array([0, 1], dtype='uint8')", "(0, True)"),
    ("np.array(['abc', 'd'])", "(1, 'longer')"),
    ("np.array([None, datetime(2024, 1, 2)], dtype=object)", "(0, datetime(2024, 1, 2))"),
    ("np.array(['2024-01-01', '2024-01-02'], dtype='datetime64[ns]')", "(0, datetime(2024, 3, 2))"),
    ("np.arange(4.0).reshape(2, 2)", "(0, [7, 8])"),
    ("np.arange(4.0).reshape(2, 2)", "([0, 1], [8])"),
    ("pd.Series([1.5, 2.5])", "(1, 7)"),
    ("array('d', [1.5, 2.5])", "(1, 7)"),
    ("np.arange(3)[::-1]", "(1, 7)"),
    ("[np.arange(6.0).reshape(2, 3)]", "([0, 0, 1], [9])"),
    ("[np.arange(6.0).reshape(2, 3)]", "([0, 1, slice(0, 2)], [8, 9])"),
    ("[np.arange(6.0).reshape(2, 3)]", "([0, slice(None), 2], [8, 9])"),
    ("[np.arange(6.0).reshape(2, 3)]", "([0, slice(0, 9), slice(1, 99)], [1, 2, 3, 4])"),
    ("[np.arange(6.0).reshape(2, 3)]", "([0, -1, -1], 5)"),
    ("[np.arange(6.0).reshape(2, 3)]", "([0, slice(0, 0), 1], [])"),
    ("[np.arange(6).reshape(2, 3)]", "([0, 1, 1], [2**40])"),
    ("[np.arange(3.0), np.arange(2.0)]", "([1, slice(0, 2)], [8, 9])"),
    ("[np.arange(24.0).reshape(2, 3, 4)]", "([0, 0, 1, 2], [9])"),
]


@pytest.mark.parametrize(("column", "patches"), PATCHED)
def test_a_patch_by_the_app(play: Begin, column: str, patches: str) -> None:
    begun = play(f"{{'x': {column}}}")
    begun.take([("app", 0, f"s.patch({{'x': [{patches}]}})")])
    begun.check()
    begun.take(
        [("app", 0, f"s.patch({{'x': [{patches}]}})"), ("app", 0, "s.patch({'x': [(0, s.data['x'][0])]})")]
    )
    begun.check()


COLUMNS = [
    "[1, 2]",
    "['a', None]",
    "(1, 2)",
    "np.arange(2)",
    "np.array([1.5, 2.5])",
    "np.array([1.5, 2.5], dtype='float32')",
    "np.array([1, 2**40])",
    "np.array([True, False])",
    "np.array(['a', 'b'])",
    "np.array(['a', None], dtype=object)",
    "np.array([], dtype=float)",
    "np.array([4, 2], dtype='datetime64[ms]')",
    "array('i', [1, 2])",
    "[]",
]
STREAMS = [
    "[7]",
    "[0.5, 1.5, 2.5]",
    "['a']",
    "[null]",
    "[true]",
    "[[1, 2]]",
    "[]",
    "new Float64Array([0.5, 3])",
]
STREAMS += [
    "new Int32Array([7])",
    "nd([7], 'float64', [1])",
    "nd([1], 'bool', [1])",
    "nd(['a'], 'object', [1])",
]


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("new", STREAMS)
def test_a_stream_by_a_page(play: Begin, column: str, new: str) -> None:
    for rollover in ("undefined", 0, 1, 3):
        begun = play(f"{{'x': {column}}}")
        for where in (0, 0, 1):
            begun.take([("page", where, f"s.stream({{x: {new}}}, {rollover})")])
        begun.site.settle()
        begun.take([("app", 0, "s.stream({'x': [0.5]})")])
        begun.check()


PATCHES = [
    "[0, 7]",
    "[0, 0.5]",
    "[1, 'a']",
    "[0, null]",
    "[0, true]",
    "[0, 1700000000000]",
    "[0, [1, 2]]",
    "[-1, 7]",
    "[2, 7]",
    "[9, 7]",
    "[true, 7]",
    "[0.5, 7]",
    "[[0, 1], [7]]",
    "[new Slice({start: 0, stop: 2}), [7, 8]]",
    "[{start: 0, stop: 2}, [7, 8]]",
    "[new Slice({start: 0, stop: 2}), [7]]",
    "[new Slice({start: 0, stop: 2}), [7, 8, 9]]",
    "[new Slice({start: 0, stop: 2}), 7]",
    "[new Slice({start: 0, stop: 2}), 'ab']",
    "[new Slice({start: 0, stop: 2, step: 2}), [7]]",
    "[new Slice({start: 1}), [7]]",
    "[new Slice({start: 0, stop: 2}), new Float64Array([7, 8])]",
    "[0, 5], [0, 6]",
]


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("patches", PATCHES)
def test_a_patch_by_a_page(play: Begin, column: str, patches: str) -> None:
    begun = play(f"{{'x': {column}}}")
    begun.take([("page", 0, f"s.patch({{x: [{patches}]}})"), ("page", 1, "s.patch({x: [[0, 4]]})")])
    begun.check()
    begun.take([("app", 0, "s.stream({'x': [0.5]})")])
    begun.check()


INNER = [
    "[[0, 0, 1], [9]]",
    "[[0, 1, new Slice({start: 0, stop: 2})], [8, 9]]",
    "[[0, new Slice({}), 2], [8, 9]]",
    "[[0, new Slice({start: 0, stop: 9}), 2], [8, 9]]",
    "[[0, -1, -1], [9]]",
    "[[0, 5, 5], [9]]",
    "[[0, 0, 1], [7, 8]]",
]


@pytest.mark.parametrize("column", ["[np.arange(6.0).reshape(2, 3)]", "[np.arange(6).reshape(2, 3)]"])
@pytest.mark.parametrize("patch", INNER)
def test_a_patch_of_a_part_of_an_item_by_a_page(play: Begin, column: str, patch: str) -> None:
    begun = play(f"{{'x': {column}}}")
    begun.take([("page", 0, f"s.patch({{x: [{patch}]}})")])
    begun.check()


@pytest.mark.parametrize(
    "given", ["[1, 2]", "new Int32Array([1, 2])", "nd([1, 2], 'int32', [2])", "nd([1, 2], 'object', [2])"]
)
@pytest.mark.parametrize("column", COLUMNS)
def test_a_page_that_exchanges_a_column_for_another_array_of_equal_values(
    play: Begin, column: str, given: str
) -> None:
    begun = play(f"{{'x': {column}}}")
    begun.take([("page", 0, f"s.data = {{x: {given}}}")])
    begun.check()
    begun.take([("app", 0, "s.stream({'x': [0.5]})"), ("page", 0, "s.stream({x: [1.5]})")])
    begun.check()


def test_a_column_that_the_app_replaces_where_a_page_has_put_a_map_leaves_the_others(play: Begin) -> None:
    begun = play()
    begun.take([("page", 0, "s.data = new Map([['x', [3, 4]], ['y', [5, 6]]])")])
    begun.site.settle()
    begun.take([("app", 0, "s.data['y'] = [7, 8]")])
    begun.check()
    assert begun.kinds() == ["ModelChanged", "ColumnDataChanged"]


def test_numbers_that_a_page_puts_into_a_column_of_dates_are_milliseconds(play: Begin) -> None:
    begun = play("{'x': np.array(['2024-01-01', '2024-01-02'], dtype='datetime64[ns]')}")
    begun.take(
        [("page", 0, "s.patch({x: [[0, 1700000000000]]})"), ("page", 1, "s.stream({x: [1700000000001.5]})")]
    )
    begun.check()
    dates: Any = begun.names["s"].data["x"]
    assert [str(each) for each in dates] == [
        "2023-11-14T22:13:20.000000000",
        "2024-01-02T00:00:00.000000000",
        "2023-11-14T22:13:20.001500000",
    ]


def test_what_is_streamed_in_the_kind_that_is_there_stays_a_part(play: Begin) -> None:
    begun = play("{'x': np.arange(1000), 'y': np.zeros(1000), 'z': [0] * 1000}")
    begun.take([("app", 0, "s.stream({'x': [7], 'y': [1], 'z': ['a']}, 1000)")])
    begun.take([("app", 0, "s.patch({'x': [(3, 4)], 'y': [(slice(0, 2), 5)]})")])
    begun.check()
    assert begun.kinds() == ["ColumnsStreamed", "ColumnsPatched"]


def test_a_refused_edit_and_a_stream_that_is_held_come_together_once(play: Begin) -> None:
    begun = play("{'x': [1]}")
    begun.take(
        [
            ("app", 0, "doc.hold()"),
            ("app", 0, "s.stream({'x': [2]})"),
            ("page", 0, "s.patch({x: [[77, 1]]})"),
        ]
    )
    begun.site.settle()
    begun.take([("app", 0, "doc.unhold()")])
    begun.check()


@pytest.mark.parametrize("change", ["s.stream({'x': [4, 5]})", "s.patch({'x': []})"])
@pytest.mark.parametrize("silently", ["append(3)", "pop()", "extend([7, 8])"])
@pytest.mark.parametrize("data", ["[1, 2]", "array('d', [1, 2])"])
def test_what_was_done_to_a_list_without_telling_shows_with_the_next_stream_or_patch(
    play: Begin, data: str, silently: str, change: str
) -> None:
    begun = play(f"{{'x': {data}}}")
    begun.take([("app", 0, f"s.data['x'].{silently}"), ("app", 0, change)])
    begun.check()


def test_a_stream_that_raises_halfway_shows_what_it_has_changed(play: Begin) -> None:
    begun = play("{'x': [1], 'y': np.array(['2024-01-01'], dtype='datetime64[ns]')}")
    begun.take([("app", 0, "s.stream({'x': [2], 'y': np.array([1.5])})")])
    begun.check()
    assert isinstance(begun.raised, TypeError)
    assert len(begun.names["s"].data["x"]) == 2


def test_a_patch_that_raises_halfway_shows_what_it_has_changed(play: Begin) -> None:
    begun = play("{'x': np.array([1.0, 2.0])}")
    begun.take([("app", 0, "s.patch({'x': [(0, 5), (1, 'a')]})")])
    begun.check()
    assert isinstance(begun.raised, ValueError)
