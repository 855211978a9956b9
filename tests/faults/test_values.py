"""Values that are difficult: arrays, numbers, dates, text. F31 to F34, in memory and on each server."""

from __future__ import annotations

import functools
import json
import math
import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pytest
from bokeh.core.properties import value
from bokeh.models import (
    Column,
    ColumnDataSource,
    DatetimePicker,
    Div,
    Range1d,
    RangeSlider,
    Scatter,
    Slider,
    TextInput,
)
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from embedsync import wire
from embedsync.document import Buffer
from embedsync.documents.bokeh.private import Model
from embedsync.documents.bokeh.properties import writable_descriptor
from embedsync.errors import Refused
from embedsync.hub import Hub
from embedsync.settings import Settings
from tests.documents.bokeh.harness import Live, write
from tests.faults.counts import count
from tests.faults.report import Figures
from tests.faults.sites import FaultSite
from tests.support.memory import MemoryBrowser

pytestmark = pytest.mark.filterwarnings("ignore::bokeh.util.warnings.BokehUserWarning")

tries = settings(
    max_examples=count(300, 10_000), deadline=None, database=None, suppress_health_check=[*HealthCheck]
)


class Page:
    """A document in a hub, which one browser edits; others come to look."""

    def __init__(self) -> None:
        self.text = TextInput(name="text", value="before")
        self.source = ColumnDataSource(name="source", data={"x": [1.0]})
        self.hub = Hub("key", Settings(authority="compat", stop_timeout=1, heartbeat=3600))
        self.hub.add_app("page", lambda doc: doc.add_root(Column(self.text, tags=[self.source])))
        self.author = self._visit()
        self._cseq = 0

    def ask(self, *events: Any, buffers: Sequence[Buffer] = ()) -> wire.Result:
        """Make an edit; returns its answer."""
        self._cseq += 1
        del self.author.frames[1:]  # All but that it was let in.
        self.author.edit(self._cseq, *events, buffers=buffers)
        result: wire.Result = self.author.wait_for(wire.Result)
        self.author.send(wire.Ack(seq=result.seq, cseq=result.cseq))
        return result

    def send_raw(self, event: Any) -> int | None:
        """Send an edit in JSON that knows no Unicode; returns the code with which the socket is closed."""
        opened = self.author.wait_for(wire.Opened)
        header = {"type": "edit", "cseq": self._cseq + 1, "base": 0, "epoch": opened.epoch, "events": [event]}
        encoded = json.dumps(header).encode()
        self.author.endpoint.receive(wire.frame(1, len(encoded).to_bytes(4, "little") + encoded))
        return self.author.endpoint.close_code

    def come_again(self) -> None:
        """The author's socket was closed: another one, and another replica."""
        self.author.endpoint.lost()
        self.author = self._visit()
        self._cseq = 0

    def shown(self) -> dict[str, Any]:
        """What somebody who comes now is shown: attributes by the names of models."""
        visitor = self._visit()
        snapshot: wire.SnapshotFrame = visitor.wait_for(wire.SnapshotFrame)
        document = json.loads(bytes(snapshot.document), parse_constant=_no_json)
        visitor.send(wire.Detach())
        visitor.endpoint.lost()
        return {each["name"]: each for each in _definitions(document["roots"])}

    def _visit(self) -> MemoryBrowser:
        browser = MemoryBrowser(self.hub).open(self.hub.ticket("page", session="together"))
        browser.wait_for(wire.SnapshotFrame)
        return browser


@pytest.fixture
def page() -> Iterator[Page]:
    made = Page()
    yield made
    made.hub.stop()


def _no_json(constant: str) -> Any:
    raise AssertionError(f"{constant} is no JSON")


def _definitions(rep: Any) -> Iterator[dict[str, Any]]:
    if isinstance(rep, dict):
        if rep.get("type") == "object" and "name" in rep.get("attributes", {}):
            yield rep["attributes"]
        for each in rep.values():
            yield from _definitions(each)
    elif isinstance(rep, list):
        for each in rep:
            yield from _definitions(each)


def number(text: str) -> dict[str, Any]:
    """A number that JSON does not know."""
    return {"type": "number", "value": text}


def columns(**data: Any) -> dict[str, Any]:
    return {"type": "map", "entries": [[name, each] for name, each in data.items()]}


NAN = number("nan")


# F31

SIZES = {
    "uint8": 1, "int8": 1, "bool": 1, "uint16": 2, "int16": 2, "uint32": 4, "int32": 4, "float32": 4,
    "float64": 8,
}  # fmt: skip
OTHERS = [
    "S20000000", "O", "object", "U4", "V8", "int64", "uint64", "float16", "float128", "complex128", "f8",
    ">f8", "float64,float64", "datetime64[ms]", "M8", "", None, 8, ["float64"], {"type": "map"},
]  # fmt: skip

right_shapes = st.lists(st.integers(0, 4), min_size=1, max_size=5)
wrong_shapes = st.sampled_from(
    [
        None,
        "2",
        2,
        [],
        [-1],
        [2.0],
        [True],
        [2**62] * 2,
        [0, 2**62, 2**62],
        [2**100],
        [[2]],
        [None],
        {},
        ["2"],
    ]
)
wrong_orders = st.sampled_from(["=", "<", "|", "", None, 1, ["little"]])


def mostly(right: Any, wrong: Any) -> Any:
    """Not all wrong in several ways at once."""
    return st.one_of(*[right] * 6, wrong)


@tries
@given(
    mostly(st.sampled_from([*SIZES]), st.sampled_from(OTHERS)),
    mostly(st.sampled_from(["little", "big"]), wrong_orders),
    mostly(right_shapes, wrong_shapes),
    mostly(st.just(0), st.integers(-8, 8)),
    st.booleans(),
    st.data(),
)
def _arrays(
    page: Page, tried: dict[str, int], dtype: Any, order: Any, shape: Any, off: int, flat: bool, data: Any
) -> None:
    size = SIZES.get(dtype, 8) if isinstance(dtype, str) else 8
    is_shape = isinstance(shape, list) and all(type(each) is int and 0 <= each < 2**30 for each in shape)
    wanted = math.prod(shape) * size if is_shape else 16
    length = max(0, wanted + off)
    content = bytes(length) if dtype == "bool" else data.draw(st.binary(min_size=length, max_size=length))
    buffer = Buffer("c.1", content)
    array = {"type": "bytes", "data": {"id": "c.1"}}
    kind = "typed_array" if flat else "ndarray"
    rep = {"type": kind, "array": array, "dtype": dtype, "order": order, "shape": shape}
    # Something else than any array: one that is equal to what is there would not take its place.
    page.ask(write(page.source, "data", columns(x=["before"])))
    before = page.source.data["x"]
    result = page.ask(write(page.source, "data", columns(x=rep)), buffers=[buffer])
    fits = length % size == 0 if flat else is_shape and 1 <= len(shape) <= 4 and length == wanted
    # A typed array of truth values is nothing that browsers have.
    is_right = dtype in [*SIZES] and order in ("little", "big") and fits and not (flat and dtype == "bool")
    told = "taken" if result.commit else "refused"
    tried[told] = tried.get(told, 0) + 1
    assert result.commit == is_right, (rep, length)
    held: Any = page.source.data["x"]
    if result.commit:
        kept = np.asarray(held)
        sign = "<" if order == "little" else ">"
        sent = np.frombuffer(content, np.dtype(dtype).newbyteorder(sign))
        assert kept.tobytes() == sent.astype(dtype).tobytes()
        assert flat or list(kept.shape) == shape
    else:
        # An array without dimensions is right, and no column.
        assert result.code in (wire.Refusal.MALFORMED, wire.Refusal.BAD_VALUE)
        assert held is before, "nothing was changed"
        assert json.loads(bytes(result.values[0]))["attr"] == "data", "the sender is told what there is"


def test_f31_arrays_are_taken_as_they_say_or_refused_whole(page: Page, figures: Figures) -> None:
    """Hypothesis makes arrays of known and unknown types, byte orders, shapes and sizes; what is taken holds
    the very bytes, what is not changes nothing and is told."""
    tried: dict[str, int] = {}
    _arrays(page, tried)
    assert tried.keys() == {"taken", "refused"}
    page.shown()
    for told, times in sorted(tried.items()):
        figures(told, times)


def test_f31_an_array_that_lies_is_refused_on_each_server(patient: FaultSite, figures: Figures) -> None:
    """A text of 20 MB for a type, a shape that overflows, half a number, an unknown byte order."""
    lies = [{"dtype": "S20000000"}, {"shape": [0, 2**62, 2**62]}, {"dtype": "float64"}, {"order": "="}]
    with patient.replica("arrays").wait_shown() as replica:
        before = replica.truth()
        for lie in lies:
            buffer = Buffer(f"{replica.opened.client}.{replica.cseq}", b"x" * 12)
            rep = {"type": "ndarray", "array": {"type": "bytes", "data": {"id": buffer.id}}}
            rep |= {"dtype": "float32", "order": "little", "shape": [3], **lie}
            new = columns(x=rep, y=[1, 2, 3])
            event = {
                "kind": "ModelChanged",
                "model": {"id": replica.id_of("source")},
                "attr": "data",
                "new": new,
            }
            result = replica.result(replica.edit(event, buffers=[buffer]))
            assert (result.commit, result.code) == (False, wire.Refusal.MALFORMED)
        assert replica.truth() == before
        replica.check_equal_to_the_servers()
        figures("lies", len(lies))


# F32

VALUES: list[Any] = [
    NAN, number("+inf"), number("-inf"), -0.0, 5e-324, 1e308, 2**53, 2**63, 2**64, -(2**63) - 1, 10**30,
    10**400, 0, -1, 1.5, True, None, "", "1e400", "NaN", "2024-02-30", "2024-02-29", "9999-12-31",
    "0000-00-00",
    253402300800000.0, 8.64e15, 8.64e15 + 1, 1e18, -1e18,
    [NAN], [number("+inf"), 1], [1e18, 2], [NAN, "a"], [[NAN, 1e18]], [10**400],
    columns(x=[NAN, 1]), {"type": "map", "entries": [[NAN, 1], [NAN, 2]]},
    {"type": "map", "entries": [[10**30, 1]]}, {"type": "map", "entries": [[None, 1]]},
    {"type": "map", "entries": [[1, 1], [True, 2], [1.0, 3]]},
    {"type": "value", "value": NAN}, columns(value=NAN), {"type": "set", "entries": [NAN, NAN]},
    {"type": "slice", "start": 10**30}, {"type": "slice", "start": 0, "stop": 2**70, "step": 0},
    {"type": "number", "value": 10**400}, number("1e400"), number("Infinity"),
]  # fmt: skip
"""As browsers could send them; some are out of every domain."""


def _kinds_of_properties() -> list[list[tuple[type[Model], str]]]:
    """Models and properties, by kind of property, of all that the installed Bokeh has."""
    found: dict[str, list[tuple[type[Model], str]]] = {}
    for _, model in sorted(Model.model_class_reverse_map.items()):
        if not model.__module__.startswith("bokeh.models"):
            continue
        for name in sorted(model.properties()):
            found.setdefault(repr(model.lookup(name).property), []).append((model, name))
    return list(found.values())


def _usable(its: list[tuple[type[Model], str]]) -> tuple[type[Model], str] | None:
    """One of them whose model is complete as it is made, and whose property browsers may write."""
    for model, name in its:
        if _is_complete(model) and writable_descriptor(model(), name) is not None:
            return model, name
    return None


@functools.cache
def _is_complete(model: type[Model]) -> bool:
    try:
        live = Live(lambda doc: doc.add_root(Div(tags=[model()])))
    except Exception:  # noqa: BLE001 - whatever Bokeh raises for what it wants to be given
        return False
    return live.host.reports == []


@pytest.mark.filterwarnings("ignore::bokeh.util.warnings.BokehDeprecationWarning")
def test_f32_each_value_on_each_kind_of_property_is_taken_or_refused_and_a_reload_works(
    figures: Figures,
) -> None:
    """NaN, infinity, numbers beyond 64 bits, −0, denormals and dates that there are not, alone and inside of
    lists and dictionaries; after each that is taken the whole document is encoded as JSON."""
    every = _kinds_of_properties()
    chosen = map(_usable, random.Random(32).sample(every, count(40, len(every))))
    kinds = [each for each in chosen if each is not None]
    figures("kinds of properties", len(kinds))
    taken = refused = 0
    for model, name in kinds:
        target = model()
        live = Live(lambda doc, target=target: doc.add_root(Div(tags=[target])))
        for each in VALUES:
            before = repr(target._property_values)
            try:
                live.edit(write(target, name, each))
            except Refused:
                refused += 1
                assert repr(target._property_values) == before, (model, name, each)
                continue
            taken += 1
            json.loads(live.document.snapshot().content, parse_constant=_no_json)
            assert live.host.reports == [], (model, name, each)
        live.check_mirror()
        live.document.destroy()
    figures("taken", taken)
    figures("refused", refused)
    assert min(taken, refused) > 50


COLUMNS: dict[str, Callable[[], Any]] = {
    "list": lambda: [1, 2],
    "text": lambda: ["a", "b"],
    **{
        kind: lambda kind=kind: np.array([1, 2], dtype=kind)  # type: ignore[misc]
        for kind in (
            "bool", "int8", "uint8", "int32", "int64", "uint64", "float16", "float32", "float64", "object",
            "U3", ">f8", "M8[ns]", "M8[us]", "M8[D]", "m8[ms]", "m8[ns]",
        )
    },
}  # fmt: skip


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # NumPy's, of numbers that do not fit their type
def test_f32_each_value_in_each_kind_of_column_is_taken_or_refused_and_a_reload_works(
    figures: Figures,
) -> None:
    """The same values streamed and patched into lists and into arrays of each type."""
    taken = refused = 0
    for kind in random.Random(32).sample([*COLUMNS], count(7, len(COLUMNS))):
        make = COLUMNS[kind]
        source = ColumnDataSource(data={"x": make()})
        live = Live(lambda doc, source=source: doc.add_root(Div(tags=[source])))
        about = {"model": {"id": source.id}, "attr": "data"}
        for each in VALUES:
            for event in (
                {"kind": "ColumnsStreamed", **about, "data": columns(x=[each]), "rollover": 3},
                {"kind": "ColumnsPatched", **about, "patches": columns(x=[[0, each]])},
            ):
                before = repr(source.data)
                try:
                    live.edit(event)
                    taken += 1
                except Refused:
                    refused += 1
                    assert repr(source.data) == before
            live.check_mirror()
            assert live.host.reports == []
            live.do(lambda source=source, make=make: source.data.update(x=make()))
    figures("taken", taken)
    figures("refused", refused)
    assert min(taken, refused) > 50


@pytest.mark.parametrize("unit", ["ns", "us", "D"])
def test_f32_a_time_beyond_what_a_column_can_hold_is_refused_and_makes_no_other_time(unit: str) -> None:
    """Milliseconds around the last date of each type of column: whatever is taken is that very date."""
    last = 2**63 // (10**6 if unit == "ns" else 10**3)
    source = ColumnDataSource(data={"x": np.array([0], dtype=f"M8[{unit}]")})
    live = Live(lambda doc: doc.add_root(Div(tags=[source])))

    def patch(milliseconds: Any) -> None:
        live.edit(
            {
                "kind": "ColumnsPatched",
                "model": {"id": source.id},
                "attr": "data",
                "patches": columns(x=[[0, milliseconds]]),
            }
        )

    for right in (0, -1, 1_700_000_000_000, 86_400_000 * (last // 86_400_000 - 1)):
        patch(right)
        held: Any = source.data["x"]
        kept = held[0].astype("M8[D]" if unit == "D" else "M8[us]")
        assert kept == np.datetime64(right, "ms").astype(kept.dtype)
    before = source.data["x"].tolist()  # type: ignore[union-attr]
    for wrong in (last * 1.001, -last * 1.001, 1e30, number("+inf")):
        with pytest.raises(Refused):
            patch(wrong)
        assert source.data["x"].tolist() == before  # type: ignore[union-attr]
    patch(NAN)
    assert np.isnat(source.data["x"][0])
    live.check_mirror()


def test_f32_numbers_reach_everybody_as_they_were_on_each_server(
    patient: FaultSite, figures: Figures
) -> None:
    """NaN, infinity, −0, a denormal, the largest number and integers beyond 64 bits, or their refusal."""
    right = [NAN, number("+inf"), number("-inf"), -0.0, 5e-324, 1.7976931348623157e308, 2**53 - 1, int(1e30)]
    with patient.replica("tally").wait_shown() as replica:
        assert replica.result(replica.set("held", "tags", right)).commit
        replica.wait_settled()
        replica.check_equal_to_the_servers()
        told = replica.truth()
        for wrong in ([10**400], [number("1e400")], [{"type": "number", "value": None}]):
            result = replica.result(replica.set("held", "tags", wrong))
            assert (result.commit, result.code) == (False, wire.Refusal.MALFORMED)
        assert replica.truth() == told
        figures("numbers", len(right))


# F33

NAN_AGAIN: dict[str, tuple[Callable[[], Any], str, Callable[[], Any], Any]] = {
    "a number": (lambda: Slider(start=0, end=1, value=0), "value", lambda: float("nan"), NAN),
    "a number of NumPy": (lambda: Slider(start=0, end=1, value=0), "value", lambda: np.float64("nan"), NAN),
    "a bound": (Range1d, "start", lambda: float("nan"), NAN),
    "no time": (DatetimePicker, "value", lambda: np.datetime64("NaT"), NAN),
    "a pair": (
        lambda: RangeSlider(start=0, end=1, value=(0, 1)),
        "value",
        lambda: (float("nan"), 1),
        [NAN, 1],
    ),
    "deep inside": (Div, "tags", lambda: [[{"a": float("nan")}]], [[columns(a=NAN)]]),
    "a glyph's": (Scatter, "size", lambda: value(float("nan")), {"type": "value", "value": NAN}),
}


@pytest.mark.parametrize("what", NAN_AGAIN)
def test_f33_nan_that_is_set_again_is_no_change(what: str) -> None:
    """Set three times by a browser, and three times by the app: one callback and one op for each."""
    make, attribute, by_app, by_browser = NAN_AGAIN[what]
    for by in ("browser", "app"):
        model, fired = make(), []
        live = Live(lambda doc, model=model: doc.add_root(Div(tags=[model])))
        model.on_change(attribute, lambda attr, old, new, fired=fired: fired.append(new))
        ops = 0
        for _ in range(3):
            if by == "app":
                ops += bool(live.do(lambda model=model: setattr(model, attribute, by_app())))
            else:
                ops += bool(live.edit(write(model, attribute, by_browser)).patch)
        assert (len(fired), ops) == (1, 1), by
        live.check_mirror()


def test_f33_nan_that_a_browser_sets_again_runs_one_callback_on_each_server(patient: FaultSite) -> None:
    """Five times in a row."""
    with patient.replica("tally").wait_shown() as replica:
        results = [replica.result(replica.set("amount", "value", NAN)) for _ in range(5)]
        assert [(each.commit, each.own) for each in results] == [(True, True), *[(True, False)] * 4]
        replica.wait_settled()
        assert [math.isnan(each) for each in patient.runs(replica.session, "moved")] == [True]
        replica.check_equal_to_the_servers()


# F34

any_text = st.text(st.characters(exclude_categories=()), max_size=20)
halves = st.builds("{}{}{}".format, any_text, st.characters(categories=["Cs"]), any_text)
difficult = st.text(
    st.sampled_from("\0\u200f\u202e\u0627\u05d0\U0001f600\U0010ffff\uffff\ufeff\u2028e\u0301")
)


def _is_whole(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


@tries
@example("\ud83d\ude00", "value")  # Escaped one by one they are a pair after all.
@example("half \ud800", "value")
@example("half \udfff", "title")
@given(difficult | any_text | halves, st.sampled_from(["value", "title", "key"]))
def _texts(page: Page, tried: dict[str, int], text: str, where: str) -> None:
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
    before = page.text.value, page.text.title, list(page.text.tags)
    event = write(page.text, where, text)
    if where == "key":
        event = write(page.text, "tags", [{"type": "map", "entries": [[text, text]]}])
    if not _is_whole(text):
        tried["refused"] = tried.get("refused", 0) + 1
        assert page.send_raw(event) == wire.Close.BAD_MESSAGE
        page.come_again()
        assert (page.text.value, page.text.title, page.text.tags) == before, "nothing was changed"
        return
    tried["taken"] = tried.get("taken", 0) + 1
    result = page.ask(event)
    assert (result.commit, result.values) == (True, [])
    shown = page.shown()["text"]
    if where == "key":
        assert shown["tags"] == [{"type": "map", "entries": [[text, text]]}]
    else:
        assert shown.get(where, "") == text


def test_f34_text_is_shown_to_everybody_as_it_was_and_halves_of_pairs_stay_out(
    page: Page, figures: Figures
) -> None:
    """Hypothesis makes text of all characters, of difficult ones (NUL, right-to-left, four bytes, byte order
    marks) and of halves of surrogate pairs: as values, and as keys of dictionaries."""
    tried: dict[str, int] = {}
    _texts(page, tried)
    assert tried.keys() == {"taken", "refused"}
    for told, times in sorted(tried.items()):
        figures(told, times)


def test_f34_difficult_text_makes_the_round_on_each_server(patient: FaultSite) -> None:
    """NUL, right-to-left marks, four-byte characters, noncharacters, line separators, markup."""
    text = "\0 \u202e\u05d0\u0627 \U0001f600\U0010ffff \uffff\ufeff \u2028 </script><!-- \\u0041 \x7f\x1b[31m"
    with patient.replica("tally").wait_shown() as replica:
        result = replica.result(replica.set("seen", "value", text))
        assert (result.commit, result.values) == (True, [])
        replica.wait_settled()
        assert replica.value("seen") == text
        replica.check_equal_to_the_servers()
