from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from bokeh.models import Button, Column, ColumnDataSource, DataRange1d, Div, Slider
from bokeh.plotting import figure
from hypothesis import example, given, settings
from hypothesis import strategies as st

from embedsync.authority import Permissive
from embedsync.errors import Refused
from embedsync.wire import Refusal
from tests.documents.bokeh.harness import Live, click, events, kinds, write


class Page:
    """A document with one of everything that browsers write to."""

    def __init__(self, authority: Any = None) -> None:
        self.slider = Slider(start=0, end=10, value=1)
        self.source = ColumnDataSource(data={"x": [1, 2], "y": np.array([1.0, 2.0])})
        self.button = Button(label="b")
        self.plot = figure()
        self.box = Column(self.slider, self.button, tags=[self.source])
        self.live = Live(lambda doc: (doc.add_root(self.box), doc.add_root(self.plot)), authority=authority)

    def refused(self, *edits: Any, buffers: dict[str, bytes] | None = None) -> str:
        """Send an edit that must be refused and change nothing; returns the code."""
        before = content(self.live)
        with pytest.raises(Refused) as caught:
            self.live.edit(*edits, buffers=buffers)
        self.live.settle()
        assert content(self.live) == before
        self.live.check_mirror()
        return caught.value.code


def content(live: Live) -> Any:
    snapshot = live.document.snapshot()
    return [
        [each["id"] for each in json.loads(snapshot.content)["roots"]],
        {each.data for each in snapshot.buffers},
        {each.id: dict(each._property_values) for each in live.doc.models},
    ].__repr__()


def ndarray(buffer: str = "c.1", **changes: Any) -> dict[str, Any]:
    array = {"type": "bytes", "data": {"id": buffer}}
    return {"type": "ndarray", "array": array, "dtype": "float64", "order": "little", "shape": [2]} | changes


def columns(**data: Any) -> dict[str, Any]:
    return {"type": "map", "entries": [[name, each] for name, each in data.items()]}


def test_an_edit_with_one_bad_value_changes_nothing() -> None:
    page = Page()
    code = page.refused(write(page.slider, "value", 5), write(page.slider, "title", {"type": "map"}))
    assert code == Refusal.BAD_VALUE
    assert page.slider.value == 1


@pytest.mark.parametrize(
    ("value", "attribute"),
    [
        ("text", "value"),
        (None, "value"),
        ([1], "value"),
        (1, "title"),
        ("sideways", "orientation"),
        ("wide", "margin"),
    ],
)
def test_a_value_that_the_property_does_not_take_is_refused(value: Any, attribute: str) -> None:
    page = Page()
    assert page.refused(write(page.slider, attribute, value)) == Refusal.BAD_VALUE


@pytest.mark.parametrize("attribute", ["nothing", "_callbacks", "document", "on_change", "__class__", "id"])
def test_what_is_no_property_cannot_be_written(attribute: str) -> None:
    page = Page()
    assert page.refused(write(page.slider, attribute, 1)) == Refusal.UNKNOWN_PROPERTY


def test_a_model_that_never_existed_is_refused() -> None:
    page = Page()
    event = {"kind": "ModelChanged", "model": {"id": "nobody"}, "attr": "value", "new": 1}
    assert page.refused(event) == Refusal.UNKNOWN_MODEL
    assert page.refused(write(page.box, "children", [{"id": "nobody"}])) == Refusal.UNKNOWN_MODEL


def test_an_event_on_a_model_that_is_gone_is_skipped_and_the_rest_is_done() -> None:
    page = Page()
    page.live.do(lambda: setattr(page.box, "children", [page.button]))
    edited = page.live.edit(
        write(page.slider, "value", 5), write(page.box, "name", "kept"), click(page.slider)
    )
    assert edited.prepared.skipped == (0, 2)
    assert page.box.name == "kept"
    assert page.slider.value == 1


def test_a_value_that_refers_to_a_gone_model_is_refused() -> None:
    page = Page()
    page.live.do(lambda: setattr(page.box, "children", [page.button]))
    assert page.refused(write(page.box, "children", [{"id": page.slider.id}])) == Refusal.UNKNOWN_MODEL


def test_a_new_model_in_a_value_becomes_part_of_the_document() -> None:
    page = Page()
    new = {"type": "object", "name": "Div", "id": "c-1", "attributes": {"text": "hello"}}
    edited = page.live.edit(write(page.box, "children", [new, {"id": page.button.id}]))
    div = page.live.doc.get_model_by_id("c-1")
    assert isinstance(div, Div)
    assert div.text == "hello"
    assert edited.patch.events[0].defines == ("c-1",)
    assert edited.patch.gone == (page.slider.id,)
    page.live.check_mirror()


def test_new_models_of_a_refused_edit_do_not_exist() -> None:
    page = Page()
    new = {"type": "object", "name": "Div", "id": "c-1"}
    page.refused(write(page.box, "children", [new]), write(page.slider, "value", "bad"))
    assert page.refused(write(page.box, "children", [{"id": "c-1"}])) == Refusal.UNKNOWN_MODEL


def test_a_definition_of_a_known_model_is_a_reference_and_writes() -> None:
    page = Page()
    known = {"type": "object", "name": "Slider", "id": page.slider.id, "attributes": {"value": 7}}
    edited = page.live.edit(write(page.box, "children", [known]))
    assert page.box.children == [page.slider]
    assert page.slider.value == 7
    assert [each.key for each in edited.prepared.written] == [
        (page.slider.id, "value"),
        (page.box.id, "children"),
    ]
    page.live.check_mirror()


def test_a_model_that_a_browser_brings_back_is_the_same_with_its_callbacks() -> None:
    page, seen = Page(), []
    page.slider.on_change("value", lambda attr, old, new: seen.append(new))
    page.live.do(lambda: setattr(page.box, "children", [page.button]))
    again = {"type": "object", "name": "Slider", "id": page.slider.id, "attributes": {"value": 7}}
    page.live.edit(write(page.box, "children", [again]))
    assert page.box.children == [page.slider]
    page.live.edit(write(page.slider, "value", 8))
    assert seen[-1] == 8


@pytest.mark.parametrize("name", ["Nothing", "object", "os.system", "Model.nothing"])
def test_a_class_that_does_not_exist_is_refused(name: str) -> None:
    page = Page()
    new = {"type": "object", "name": name, "id": "c-1"}
    assert page.refused(write(page.box, "children", [new])) == Refusal.UNKNOWN_MODEL


def test_an_array_comes_in_with_its_shape_type_and_byte_order() -> None:
    page = Page()
    big = np.array([[1, 2], [3, 4]], dtype=">u4")
    array = ndarray(dtype="uint32", order="big", shape=[2, 2])
    page.live.edit(write(page.source, "data", columns(x=array)), buffers={"c.1": big.tobytes()})
    held: Any = page.source.data["x"]
    assert held.tolist() == [[1, 2], [3, 4]]
    assert held.dtype == np.dtype("uint32")
    assert held.flags.writeable


@pytest.mark.parametrize(
    ("array", "data"),
    [
        (ndarray(dtype="S20000000"), b"x" * 16),
        (ndarray(dtype="O"), b"x" * 16),
        (ndarray(dtype="int64"), b"x" * 16),
        (ndarray(dtype="float64,float64"), b"x" * 16),
        (ndarray(dtype=None), b"x" * 16),
        (ndarray(dtype=["float64"]), b"x" * 16),
        (ndarray(order="="), b"x" * 16),
        (ndarray(order=None), b"x" * 16),
        (ndarray(shape=[3]), b"x" * 16),
        (ndarray(shape=[-1]), b"x" * 16),
        (ndarray(shape=[2.0]), b"x" * 16),
        (ndarray(shape=[True, 2]), b"x" * 16),
        (ndarray(shape="2"), b"x" * 16),
        (ndarray(shape=[1, 1, 1, 1, 2]), b"x" * 16),
        (ndarray(shape=[0, 2**62, 2**62]), b"x" * 16),
        (ndarray(), b"x" * 15),
        (ndarray(), b"x" * 8),
        (ndarray(), b""),
        (ndarray("another"), b"x" * 16),
        (ndarray(array="base64"), b"x" * 16),
        (ndarray(array={"type": "bytes", "data": "H4sIAAAA"}), b"x" * 16),
        (ndarray(array=[1, 2], dtype="object", shape=[3]), b""),
        ({"type": "bytes", "data": {"id": ["c.1"]}}, b""),
        ({"type": "typed_array", "array": None, "dtype": "uint8", "order": "little"}, b""),
    ],
)
def test_an_array_that_is_not_what_it_says_is_refused(array: Any, data: bytes) -> None:
    page = Page()
    code = page.refused(write(page.source, "data", columns(x=array)), buffers={"c.1": data})
    assert code == Refusal.MALFORMED


def test_a_buffer_that_nothing_refers_to_is_refused() -> None:
    page = Page()
    assert page.refused(write(page.slider, "value", 2), buffers={"c.1": b"x"}) == Refusal.MALFORMED


@pytest.mark.parametrize(
    "event",
    [
        None,
        [],
        "text",
        {},
        {"kind": "Nothing"},
        {"kind": ["ModelChanged"]},
        {"kind": "ModelChanged"},
        {"kind": "ModelChanged", "model": None, "attr": "value", "new": 1},
        {"kind": "ModelChanged", "model": {"id": 5}, "attr": "value", "new": 1},
        {"kind": "ModelChanged", "model": {"id": "x", "type": "other"}, "attr": "value", "new": 1},
        {"kind": "RootAdded", "model": 5},
        {"kind": "TitleChanged", "title": None},
        {"kind": "MessageSent", "msg_type": 1, "msg_data": 1},
        {"kind": "MessageSent", "msg_type": "bokeh_event", "msg_data": {"type": "event", "name": "nothing"}},
        {"kind": "MessageSent", "msg_type": "bokeh_event", "msg_data": 5},
        {"kind": "MessageSent", "msg_type": "m", "msg_data": {"type": "set", "entries": [[1]]}},
        {"kind": "MessageSent", "msg_type": "m", "msg_data": {"type": "map", "entries": [1]}},
        {"kind": "MessageSent", "msg_type": "m", "msg_data": {"type": "number", "value": "1e400"}},
        {"kind": "MessageSent", "msg_type": "m", "msg_data": {"type": "symbol", "name": "x"}},
        {"kind": "MessageSent", "msg_type": "m", "msg_data": {"type": "slice", "start": "a"}},
        {"kind": "MessageSent", "msg_type": "m", "msg_data": {"type": "object", "name": "Div"}},
        {"kind": "MessageSent", "msg_type": "m", "msg_data": {"type": "value"}},
        {"kind": "MessageSent", "msg_type": "m", "msg_data": "half \ud800"},
    ],
)
def test_a_malformed_event_is_refused(event: Any) -> None:
    page = Page()
    assert page.refused(event) == Refusal.MALFORMED


@pytest.mark.parametrize("value", [10**400, {"type": "number", "value": -(10**400)}, [10**400]])
def test_a_number_that_no_browser_can_hold_is_refused_also_where_only_its_sender_would_see_it(
    value: Any,
) -> None:
    slider, scale = Slider(start=0, end=10, value=1), DataRange1d()
    live = Live(lambda doc: doc.add_root(Column(slider, tags=[scale])))
    for target in (write(slider, "tags", [value]), write(scale, "start", value, local=True)):
        with pytest.raises(Refused):
            live.edit(target)
    live.check_mirror()
    assert live.host.reports == []


def test_a_number_beyond_the_integers_of_a_browser_is_a_floating_point_one() -> None:
    slider = Slider(start=0, end=10, value=1)
    live = Live(lambda doc: doc.add_root(slider))
    live.edit(write(slider, "tags", [2**53 - 1, 2**53, -(10**30)]))
    assert [type(each) for each in slider.tags] == [int, float, float]
    live.check_mirror()


def test_half_a_surrogate_pair_is_refused_at_the_door() -> None:
    page = Page()
    assert page.refused(write(page.slider, "title", "\udfff")) == Refusal.MALFORMED


def test_streams_and_patches_of_a_browser_travel_as_such() -> None:
    page = Page()
    model = {"id": page.source.id}
    streamed = {"kind": "ColumnsStreamed", "model": model, "attr": "data", "rollover": 2}
    edited = page.live.edit(streamed | {"data": columns(x=[3], y=[3.0])})
    assert kinds(events(edited.patch)) == ["ColumnsStreamed"]
    assert page.source.data["x"] == [2, 3]
    patched = {"kind": "ColumnsPatched", "model": model, "attr": "data", "patches": columns(x=[[0, 9]])}
    page.live.edit(patched)
    assert page.source.data["x"] == [9, 3]
    changed = {"kind": "ColumnDataChanged", "model": model, "attr": "data", "cols": ["x"]}
    page.live.edit(changed | {"data": columns(x=[7, 8])})
    assert page.source.data["x"] == [7, 8]
    assert page.source.data["y"].tolist() == [2.0, 3.0]
    page.live.check_mirror()


@pytest.mark.parametrize(
    "event",
    [
        {"kind": "ColumnsStreamed", "data": columns(z=[1]), "rollover": None},
        {"kind": "ColumnsStreamed", "data": columns(x=[1], y=[1, 2]), "rollover": None},
        {"kind": "ColumnsPatched", "patches": columns(x=[[99, 1]])},
        {"kind": "ColumnsPatched", "patches": columns(x=[[0, 5], ["a", 1]])},
        {"kind": "ColumnsPatched", "patches": columns(y=[[0, 5.0], [1, "text"]])},
    ],
)
def test_a_delta_that_fails_halfway_leaves_no_trace(event: dict[str, Any]) -> None:
    page = Page()
    delta = event | {"model": {"id": page.source.id}, "attr": "data"}
    code = page.refused(write(page.slider, "value", 5), write(page.box, "children", []), delta)
    assert code in (Refusal.BAD_VALUE, Refusal.MALFORMED)
    assert page.source.data["x"] == [1, 2]
    assert page.source.data["y"].tolist() == [1.0, 2.0]
    assert page.slider.document is page.live.doc
    page.live.do(lambda: page.source.stream({"x": [3], "y": [3.0]}))
    page.live.do(lambda: setattr(page.slider, "value", 6))
    page.live.check_mirror()


@pytest.mark.parametrize("column", ["x", "new"])
def test_columns_that_were_replaced_before_something_failed_are_put_back(column: str) -> None:
    page = Page()
    model = {"id": page.source.id}
    some = {"kind": "ColumnDataChanged", "model": model, "attr": "data", "cols": [column]}
    failing = {"kind": "ColumnsPatched", "model": model, "attr": "data", "patches": columns(y=[[99, 1]])}
    assert page.refused(some | {"data": columns(**{column: [7, 8]})}, failing) == Refusal.BAD_VALUE
    assert list(page.source.data) == ["x", "y"]
    assert page.source.data["x"] == [1, 2]
    page.live.check_mirror()


def test_a_delta_on_something_without_columns_is_refused() -> None:
    page = Page()
    event = {"kind": "ColumnsStreamed", "model": {"id": page.slider.id}, "attr": "data", "data": columns()}
    assert page.refused(event) == Refusal.UNKNOWN_PROPERTY


def test_a_value_that_python_holds_otherwise_is_told_and_an_equal_one_is_not() -> None:
    page = Page()
    edited = page.live.edit(
        write(page.slider, "value", 3.0),
        write(page.plot.title, "text_color", "#ff0000"),
        write(page.source, "data", columns(x=[1, {"type": "number", "value": "nan"}])),
    )
    assert edited.differs == []
    edited = page.live.edit(write(page.slider, "value", 4), write(page.slider, "value", 5))
    assert edited.differs == []
    edited = page.live.edit(write(page.plot, "title", "a text, where the property holds a model"))
    assert edited.differs == [(page.plot.id, "title")]
    assert page.plot.title.text == "a text, where the property holds a model"


def test_a_delta_that_meets_waiting_changes_of_its_property_becomes_a_whole_value() -> None:
    page = Page()
    page.live.do(lambda: page.live.doc.hold())
    page.live.do(lambda: page.source.stream({"x": [3], "y": [3.0]}))
    event = {"kind": "ColumnsStreamed", "model": {"id": page.source.id}, "attr": "data", "rollover": None}
    edited = page.live.edit(event | {"data": columns(x=[4], y=[4.0])})
    assert kinds(events(edited.patch)) == ["ModelChanged"]
    assert edited.differs == [(page.source.id, "data")]
    page.live.do(lambda: page.live.doc.unhold())
    assert page.live.value_of(page.source, "data")["x"] == [1, 2, 3, 4]
    page.live.check_mirror()


def test_a_click_reaches_its_callbacks_and_travels_no_further() -> None:
    page, clicks = Page(), []
    page.button.on_click(lambda: clicks.append("without"))
    page.button.on_event("button_click", lambda event: clicks.append(event.model))
    edited = page.live.edit(click(page.button))
    assert clicks == ["without", page.button]
    assert not edited.patch
    assert edited.prepared.written == ()


def test_a_message_reaches_its_callbacks() -> None:
    page, got = Page(), []
    page.live.doc.on_message("hello", got.append)
    page.live.edit({"kind": "MessageSent", "msg_type": "hello", "msg_data": columns(a=[1])})
    assert got == [{"a": [1]}]


def test_a_document_event_reaches_its_callbacks_without_anyone_being_told() -> None:
    page, got = Page(), []
    page.live.doc.on_event("document_ready", lambda event: got.append(event.event_name))
    data = {"type": "event", "name": "document_ready", "values": {"type": "map"}}
    page.live.edit({"kind": "MessageSent", "msg_type": "bokeh_event", "msg_data": data})
    assert got == ["document_ready"]


def test_roots_and_title_can_be_changed_by_browsers() -> None:
    page = Page()
    new = {"type": "object", "name": "Div", "id": "c-1"}
    page.live.edit({"kind": "RootAdded", "model": new}, {"kind": "TitleChanged", "title": "theirs"})
    page.live.edit({"kind": "RootRemoved", "model": {"id": page.box.id}})
    assert [each.id for each in page.live.doc.roots] == [page.plot.id, "c-1"]
    assert page.live.doc.title == "theirs"
    page.live.check_mirror()


class Guard(Permissive):
    """Forbids one kind of thing and remembers what it was asked."""

    def __init__(self, forbidden: str) -> None:
        self.forbidden = forbidden

    def _ask(self, what: str) -> None:
        if what == self.forbidden:
            raise Refused(Refusal.FORBIDDEN, what)

    def write(self, model: Any, attribute: str, value: Any) -> None:
        self._ask(f"write {attribute}")

    def delta(self, model: Any, attribute: str, data: Any) -> None:
        self._ask(f"delta {attribute}")

    def event(self, model: Any | None, name: str, details: Mapping[str, Any]) -> None:
        self._ask(f"event {name}")

    def message(self, document: Any, kind: str) -> None:
        self._ask(f"message {kind}")

    def create(self, model: Any) -> None:
        self._ask(f"create {type(model).__name__}")

    def structure(self, change: str) -> None:
        self._ask(f"structure {change}")


@pytest.mark.parametrize(
    "forbidden",
    ["write name", "delta data", "event button_click", "create Div", "structure TitleChanged", "write value"],
)
def test_the_authority_is_asked_about_each_part_before_anything_is_done(forbidden: str) -> None:
    page = Page(Guard(forbidden))
    streamed = {"kind": "ColumnsStreamed", "model": {"id": page.source.id}, "attr": "data", "rollover": None}
    known = {"type": "object", "name": "Slider", "id": page.slider.id, "attributes": {"value": 5}}
    new = {"type": "object", "name": "Div", "id": "c-1"}
    code = page.refused(
        write(page.plot, "name", "x"),
        streamed | {"data": columns(x=[1], y=[1.0])},
        click(page.button),
        write(page.box, "children", [known, new]),
        {"kind": "TitleChanged", "title": "t"},
    )
    assert code == Refusal.FORBIDDEN


def test_an_outline_says_what_is_written_without_decoding() -> None:
    page = Page()
    new = {"type": "object", "name": "Div", "id": "c-1"}
    found = page.live.document.outline(
        [
            write(page.slider, "value", 1),
            write(page.box, "children", [new]),
            {"kind": "ColumnsStreamed", "model": {"id": "s"}, "attr": "data"},
            {"kind": "TitleChanged"},
            {"kind": "RootAdded"},
            click(page.button),
            None,
            {"kind": "ModelChanged", "model": 5},
            {"kind": {}},
        ]
    )
    assert [None if each is None else (each.key, each.kind.value) for each in found] == [
        ((page.slider.id, "value"), "write"),
        ((page.box.id, "children"), "delta"),
        (("s", "data"), "delta"),
        ("title", "write"),
        ("roots", "delta"),
        None,
        None,
        None,
        None,
    ]


_PAGE = Page()
# fmt: off
_NAMES = st.sampled_from([
    "kind", "type", "id", "name", "attr", "new", "model", "data", "cols", "rollover", "patches", "title",
    "attributes", "entries", "array", "dtype", "shape", "order", "value", "msg_type", "msg_data", "values",
])
_WORDS = st.sampled_from([
    "ModelChanged", "ColumnDataChanged", "ColumnsStreamed", "ColumnsPatched", "RootAdded", "RootRemoved",
    "TitleChanged", "MessageSent", "bokeh_event", "event", "object", "map", "set", "ndarray", "typed_array",
    "bytes", "slice", "number", "value", "field", "expr", "array", "ref", "symbol", "nan", "b1", "float64",
    "little", "children", "data", "x_range", "button_click", "Div", "Slider", "Plot", "uint8",
])
# fmt: on
_IDS = st.sampled_from(
    [each.id for each in (_PAGE.slider, _PAGE.source, _PAGE.box, _PAGE.plot, _PAGE.button)]
)
_JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), _WORDS, _IDS, st.text(max_size=3)),
    lambda below: st.one_of(
        st.lists(below, max_size=4),
        st.dictionaries(st.one_of(_NAMES, st.text(max_size=2)), below, max_size=6),
    ),
    max_leaves=25,
)


@settings(max_examples=1500, deadline=None)
@given(st.lists(_JSON, max_size=3), st.dictionaries(st.sampled_from(["b1", "b2"]), st.binary(max_size=16)))
@example([{"kind": "RootAdded", "model": {"type": "object", "name": "Plot", "id": "z"}}], {})
def test_whatever_comes_in_is_prepared_or_refused(found: list[Any], buffers: dict[str, bytes]) -> None:
    document = _PAGE.live.document
    document.outline(found)
    with document.context(), contextlib.suppress(Refused):
        document.prepare(found, buffers, "client")
