"""Columns that have not changed are not sent again, unless somebody may hold something else."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from copy import copy
from typing import Any

import numpy as np
import pandas as pd
import pytest
from bokeh.document import Document
from bokeh.models import ColumnDataSource, CustomJS, Div
from hypothesis import given, settings
from hypothesis import strategies as st

from embedsync.document import EventKind
from embedsync.documents.bokeh import last_sent
from embedsync.documents.bokeh.last_sent import LastSent
from embedsync.documents.bokeh.serializer import Encoding, KnownModels
from embedsync.log import merge
from tests.documents.bokeh.harness import Live, Mirror, events, write

LENGTH = 200
X = np.linspace(0, 1, LENGTH)
X.flags.writeable = False  # A patch changes arrays in place.


class Plotted:
    """A document with a source of two columns, which were replaced once."""

    def __init__(self) -> None:
        self.source = ColumnDataSource(data={"x": X.copy(), "y": X.copy()})
        self.live = Live(lambda doc: doc.add_root(Div(tags=[self.source])), authority="compat")
        self.told({"x": X.copy(), "y": X + 1})

    def told(self, data: dict[str, Any]) -> list[str]:
        """The columns that browsers are sent if this takes the place of the data."""
        [event] = self.live.do(lambda: setattr(self.source, "data", data))
        if event["kind"] == "ModelChanged":
            return [f"whole {' '.join(name for name, _ in event['new']['entries'])}"]
        assert (event["kind"], event["cols"]) == (
            "ColumnDataChanged",
            [name for name, _ in event["data"]["entries"]],
        )
        return list(event["cols"])


@pytest.fixture
def plotted() -> Plotted:
    return Plotted()


def test_a_column_that_stays_is_not_sent_again(plotted: Plotted) -> None:
    assert plotted.told({"x": X, "y": X + 2}) == ["y"]
    assert plotted.told({"x": X.copy(), "y": X + 3}) == ["y"], "be it another array"
    assert plotted.told({"x": X + 1, "y": X + 3}) == ["x"]
    plotted.live.check_mirror()


DAYS = pd.date_range("2026-01-01", periods=LENGTH)


@pytest.mark.parametrize(
    "column",
    [
        [*map(float, X)],
        [f"item {each}" for each in range(LENGTH)],
        [float("nan"), None, *map(float, X)],
        tuple(map(float, X)),
        [*X],
        pd.Series(X),
        pd.Series([f"item {each}" for each in range(LENGTH)]),
        pd.Series([None, *(f"item {each}" for each in range(LENGTH))]),
        DAYS,
        DAYS.to_numpy(),
        np.array([f"item {each}" for each in range(LENGTH)]),
        np.arange(2 * LENGTH),
        np.arange(4.0 * LENGTH)[::2],
    ],
    ids=[
        "list of numbers", "list of text", "list with gaps", "tuple", "numbers of NumPy", "series",
        "text of pandas", "text with gaps", "index of days", "days", "array of text", "integers",
        "every other",
    ],
)  # fmt: skip
def test_columns_of_all_kinds_that_stay_are_not_sent_again(column: Any) -> None:
    y = np.zeros(len(column))
    source = ColumnDataSource(data={"x": column, "y": y})
    live = Live(lambda doc: doc.add_root(Div(tags=[source])))
    told = []
    for number in range(3):
        data = {"x": copy(column), "y": y + number + 1}
        [event] = live.do(lambda data=data: setattr(source, "data", data))
        told.append(event.get("cols", "whole"))
    assert told == ["whole", ["y"], ["y"]]
    live.check_mirror()
    [event] = live.do(lambda: setattr(source, "data", {"x": column[1:], "y": y[1:]}))
    assert event["kind"] == "ModelChanged"
    live.check_mirror()


def test_the_first_time_all_are_sent_for_nobody_remembers_what_was_shown() -> None:
    source = ColumnDataSource(data={"x": X, "y": X})
    live = Live(lambda doc: doc.add_root(Div(tags=[source])))
    [event] = live.do(lambda: setattr(source, "data", {"x": X, "y": X + 1}))
    assert event["kind"] == "ModelChanged"


def test_an_array_that_was_changed_in_place_is_sent(plotted: Plotted) -> None:
    own = X.copy()
    plotted.told({"x": own, "y": X})
    own[7] = 42.0
    assert plotted.told({"x": own, "y": X + 1}) == ["whole x y"]
    plotted.live.check_mirror()


@pytest.mark.parametrize(
    "data",
    [
        {"x": X, "y": X + 2, "z": X},
        {"y": X + 2, "x": X},
        {"x": X},
        {"x": X.astype("f4"), "y": X + 2},
        {"x": X, "y": list(X + 2)},
        {"x": list(X), "y": X + 2},
        {"x": X + 3, "y": X + 2},
    ],
    ids=[
        "one more",
        "another order",
        "one less",
        "another type",
        "a list",
        "a list that was an array",
        "all",
    ],
)
def test_what_is_not_as_it_was_is_sent_whole(plotted: Plotted, data: dict[str, Any]) -> None:
    assert plotted.told(data) == [f"whole {' '.join(data)}"]
    plotted.live.check_mirror()


def test_the_same_bytes_of_another_type_are_sent() -> None:
    zeros = np.zeros(400, "f4")
    source = ColumnDataSource(data={"x": zeros, "y": zeros})
    live = Live(lambda doc: doc.add_root(Div(tags=[source])))
    for number, dtype in enumerate(["f4", "i4", "f4"]):
        data = {"x": zeros.view(dtype), "y": zeros + number + 1}
        [event] = live.do(lambda data=data: setattr(source, "data", data))
        assert event["kind"] == "ModelChanged"


def test_what_is_small_is_sent_whole() -> None:
    small = np.arange(3.0)
    source = ColumnDataSource(data={"x": small, "y": small})
    live = Live(lambda doc: doc.add_root(Div(tags=[source])))
    for number in range(3):
        [event] = live.do(lambda number=number: setattr(source, "data", {"x": small, "y": small + number}))
        assert event["kind"] == "ModelChanged"


def test_arrays_with_the_same_bytes_in_another_shape_are_sent() -> None:
    cubes = [np.zeros((10, 4, 6)), np.zeros((10, 6, 4))]
    source = ColumnDataSource(data={"x": cubes[0], "y": cubes[0]})
    live = Live(lambda doc: doc.add_root(Div(tags=[source])))
    for number, cube in enumerate([*cubes, *cubes]):
        [event] = live.do(lambda n=number, c=cube: setattr(source, "data", {"x": c, "y": cubes[0] + n + 1}))
        assert event["kind"] == "ModelChanged"


CHANGES: dict[str, Callable[[ColumnDataSource], Any]] = {
    "a stream": lambda source: source.stream({"x": X[:1], "y": X[:1]}, LENGTH),
    "a patch": lambda source: source.patch({"x": [(0, 5.0)]}),
    "one column": lambda source: source.data.update(x=X + 5),
    "columns as lists": lambda source: setattr(source, "data", {"x": [1], "y": [1]}),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_after_it_was_changed_otherwise_all_is_sent(
    plotted: Plotted, change: Callable[[ColumnDataSource], Any]
) -> None:
    plotted.live.do(lambda: change(plotted.source))
    assert plotted.told({"x": X, "y": X + 2}) == ["whole x y"]
    assert plotted.told({"x": X, "y": X + 3}) == ["y"]
    plotted.live.check_mirror()


def test_after_a_browser_was_shown_the_document_or_a_value_all_is_sent(plotted: Plotted) -> None:
    plotted.live.document.snapshot()
    assert plotted.told({"x": X, "y": X + 2}) == ["whole x y"]
    plotted.live.document.values([(plotted.source.id, "data")])
    assert plotted.told({"x": X, "y": X + 3}) == ["whole x y"]


def encoded(buffer: str) -> dict[str, Any]:
    array = {"type": "bytes", "data": {"id": buffer}}
    return {"type": "ndarray", "array": array, "dtype": "float64", "shape": [LENGTH], "order": "little"}


def test_after_a_browser_has_replaced_the_columns_all_is_sent(plotted: Plotted) -> None:
    columns = {"type": "map", "entries": [["x", encoded("b1")], ["y", encoded("b2")]]}
    edit = write(plotted.source, "data", columns)
    plotted.live.edit(edit, buffers={"b1": X.tobytes(), "b2": X.tobytes()})
    assert plotted.told({"x": X, "y": X + 2}) == ["whole x y"]


def test_after_a_browser_has_written_what_was_there_already_all_is_sent(plotted: Plotted) -> None:
    own = X.copy()
    plotted.told({"x": own, "y": X})
    own[7] = 42.0  # Nobody is told, and so the browser's own values change nothing.
    columns = {"type": "map", "entries": [["x", encoded("b1")], ["y", encoded("b2")]]}
    edit = write(plotted.source, "data", columns)
    edited = plotted.live.edit(edit, buffers={"b1": own.tobytes(), "b2": X.tobytes()})
    assert not edited.patch
    assert not edited.differs
    assert plotted.told({"x": X, "y": X + 2}) == ["whole x y"]


def test_where_a_client_cannot_put_columns_together_all_are_sent(plotted: Plotted) -> None:
    plotted.live.document.send_whole()
    assert plotted.told({"x": X, "y": X + 2}) == ["whole x y"]
    [event] = plotted.live.do(lambda: plotted.source.data.update(y=X + 3))
    assert event["kind"] == "ModelChanged", "one column alone"


def test_where_a_script_of_the_app_may_change_columns_in_place_all_are_sent() -> None:
    def with_script(doc: Document) -> None:
        source.js_on_change("selected", CustomJS(code="cb_obj.data.x[0] = 7"))

    def with_script_for_all(doc: Document) -> None:
        doc.js_on_event("document_ready", CustomJS(code="change()"))

    for begin in (with_script, with_script_for_all):
        source = ColumnDataSource(data={"x": X.copy(), "y": X.copy()})

        def fill(doc: Document, begin: Callable[[Document], None] = begin, source: Any = source) -> None:
            doc.add_root(Div(tags=[source]))
            begin(doc)

        live = Live(fill)
        for number in range(3):
            [event] = live.do(lambda: setattr(source, "data", {"x": X.copy(), "y": X + number + 1}))  # noqa: B023
            assert event["kind"] == "ModelChanged"


def test_from_when_a_script_of_the_app_comes_all_are_sent(plotted: Plotted) -> None:
    assert plotted.told({"x": X, "y": X + 2}) == ["y"]
    plotted.live.do(lambda: plotted.live.doc.add_root(Div(tags=[CustomJS(code="change()")])))
    assert plotted.told({"x": X, "y": X + 3}) == ["whole x y"]


def test_it_stands_beside_other_changes_of_the_turn(plotted: Plotted) -> None:
    div = plotted.live.doc.roots[0]

    def change() -> None:
        div.text = "changed"
        plotted.source.data = {"x": X, "y": X + 2}

    kinds = [each["kind"] for each in plotted.live.do(change)]
    assert sorted(kinds) == ["ColumnDataChanged", "ModelChanged"]
    plotted.live.check_mirror()


def test_the_event_is_that_of_the_encoding(plotted: Plotted) -> None:
    y = X + 2
    plotted.live.do(lambda: setattr(plotted.source, "data", {"x": X, "y": y}))
    [event] = plotted.live.patches[-1].events
    fields = {"kind": "ColumnDataChanged", "model": plotted.source.ref, "attr": "data"}
    known = KnownModels()
    known.buffer(b"")  # Names go on in the one session.
    encoded = Encoding(known).event(fields, {"data": {"y": y}, "cols": ["y"]}, EventKind.DELTA, event.key)
    assert encoded is not None
    ours, its = json.loads(event.content), json.loads(encoded.content)
    assert event.buffers[0].data == encoded.buffers[0].data
    ours["data"]["entries"][0][1]["array"] = its["data"]["entries"][0][1]["array"]
    assert list(ours) == list(its)
    assert ours == its
    assert (event.kind, event.parts) == (EventKind.DELTA, frozenset({"y"}))


def test_who_catches_up_is_sent_each_column_once(plotted: Plotted) -> None:
    before = Mirror(plotted.live.document.snapshot())
    plotted.told({"x": X, "y": X})
    done = len(plotted.live.patches)
    for number in range(20):
        plotted.told({"x": X, "y": X + number + 10})
    patch = merge(plotted.live.patches[done - 1 :])
    assert [each["kind"] for each in events(patch)] == ["ModelChanged", "ColumnDataChanged"]
    before.apply(patch)
    plotted.live.mirror = before
    plotted.live.check_mirror()


def test_no_more_than_a_few_megabytes_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(last_sent, "_MOST", 5000)
    remembered = LastSent()
    columns = {"x": bytes(1500), "y": bytes(1500)}
    remembered.note("a", columns)
    remembered.note("b", columns)
    changed = {"x": bytes(1500), "y": b"y" * 1500}
    assert remembered.replace("a", dict(changed)) == {"x"}
    assert not remembered.replace("b", dict(changed))
    remembered.forget(["a"])
    remembered.note("b", columns)
    assert remembered.replace("b", changed) == {"x"}
    assert changed["x"] is columns["x"], "what stays is kept once"


NAMES = st.sampled_from(["one", "other"])
CONTENTS = st.integers(0, 2)
STEPS = st.one_of(
    st.tuples(st.just("replace"), NAMES, CONTENTS, CONTENTS),
    st.tuples(st.just("change in place"), NAMES, CONTENTS, CONTENTS),
    st.tuples(st.just("stream"), NAMES, CONTENTS, CONTENTS),
    st.tuples(st.just("patch"), NAMES, CONTENTS, CONTENTS),
    st.tuples(st.just("column"), NAMES, CONTENTS, CONTENTS),
    st.tuples(st.just("edit"), NAMES, CONTENTS, CONTENTS),
    st.tuples(st.just("look"), NAMES, CONTENTS, CONTENTS),
    st.tuples(st.just("remove"), NAMES, CONTENTS, CONTENTS),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.lists(STEPS, min_size=1, max_size=3), max_size=12), st.integers(0, 12))
def test_whatever_is_replaced_and_changed_browsers_hold_what_is_there(
    turns: list[list[tuple[str, str, int, int]]], gap: int
) -> None:
    arrays = [np.full(LENGTH, float(number)) for number in range(3)]
    unique = itertools.count(100)
    sources = {name: ColumnDataSource(data={"x": X.copy(), "y": X.copy()}) for name in ("one", "other")}
    root = Div(tags=list(sources.values()))
    live = Live(lambda doc: doc.add_root(root), authority="compat")
    behind = Mirror(live.document.snapshot())

    def step(what: str, name: str, first: int, second: int) -> None:
        source = sources[name]
        match what:
            case "replace":
                source.data = {"x": arrays[first].copy(), "y": arrays[second].copy()}
            case "change in place":
                # Nobody is told of it, until the data is replaced: Bokeh finds it equal to itself.
                own = np.array(source.data["x"])
                source.data = {"x": own, "y": own + next(unique)}
                own[:1] += 1
                source.data = {"x": own, "y": own + next(unique)}
            case "stream":
                source.stream({"x": [1.0], "y": [2.0]}, LENGTH)
            case "patch":
                source.patch({"x": [(first % len(source.data["x"]), 7.0)]})
            case "column":
                source.data["y"] = arrays[second][: len(source.data["x"])].copy()
            case "remove":
                root.tags = [
                    each for each in sources.values() if each is not source or source not in root.tags
                ]

    for turn in turns:
        for what, name, _, second in turn:
            if what == "look":
                live.document.snapshot()
            elif what == "edit" and sources[name].id in live.mirror.models:
                columns = {"type": "map", "entries": [["x", [1.0]], ["y", [float(second)]]]}
                edited = live.edit(write(sources[name], "data", columns))
                live.patches.insert(len(live.patches) - bool(edited.effects), edited.patch)
        live.do(lambda turn=turn: [step(*each) for each in turn])
    live.settle()
    assert live.host.reports == []
    # One that gets all it has missed at once.
    taken = live.patches[:gap]
    for patch in taken:
        behind.apply(patch)
    behind.apply(merge(live.patches[len(taken) :]))
    live.check_mirror()
    live.mirror = behind
    live.check_mirror()
