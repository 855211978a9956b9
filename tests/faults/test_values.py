"""Values that are difficult: arrays, numbers, dates, text. F31 to F34, in memory and on each server."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest
from bokeh.models import (
    Column,
    ColumnDataSource,
    TextInput,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from embedsync import wire
from embedsync.document import Buffer
from embedsync.hub import Hub
from embedsync.settings import Settings
from tests.documents.bokeh.harness import write
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
        self.hub = Hub("key", Settings(stop_timeout=1, heartbeat=3600))
        self.hub.add_app("page", lambda doc: doc.add_root(Column(self.text, tags=[self.source])))
        self._ticket = self.hub.ticket("page", session="together")
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
        browser = MemoryBrowser(self.hub).open(self._ticket)
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
