"""What a fuzz run needs: a document to attack, honest messages, ways to spoil them, and what must hold then.

All choices are read off a tape of bytes, which Hypothesis, a random number generator or a coverage-guided
search has written: what one has found the others can play again.
"""

from __future__ import annotations

import copy
import json
import logging
import struct
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from bokeh.layouts import column
from bokeh.models import Button, ColumnDataSource, Dropdown, PointDrawTool, Range1d, Slider, TextInput
from bokeh.plotting import figure

from embedsync import wire
from embedsync.document import Buffer
from embedsync.endpoint import Endpoint
from embedsync.errors import Refused
from embedsync.hub import Hub
from embedsync.live import LiveSession, document_of
from embedsync.request import Request
from embedsync.settings import Settings
from embedsync.stock.door import PROTOCOL, Door
from tests.documents.bokeh.harness import Live

HOSTILE: list[Any] = [
    None,
    True,
    False,
    0,
    -1,
    1,
    1.5,
    -0.0,
    1e308,
    2**53,
    -(2**53),
    2**63,
    10**30,
    "",
    "x",
    "\0",
    "é",
    "\u202e",
    "nan",
    "x" * 300,
    "<script>",
    "__proto__",
    "p1",
    [],
    [[]],
    {},
    [None],
    [1, 2],
    {"id": "p1"},
    {"id": "nobody"},
    {"type": "number", "value": "nan"},
    {"type": "number", "value": "-inf"},
    {"type": "map", "entries": [[1, 2]]},
    {"type": "map", "entries": [[{}, 1]]},
    {"type": "set", "entries": [[]]},
    {"type": "slice", "start": 0, "step": 0},
    {"type": "bytes", "data": {"id": "c.1"}},
    {"type": "object", "name": "Div", "id": "d1"},
    {"type": "object", "name": "CustomJS", "id": "d2", "attributes": {"code": "1"}},
    {
        "type": "ndarray",
        "array": {"type": "bytes", "data": {"id": "c.1"}},
        "dtype": "float64",
        "order": "little",
        "shape": [2],
    },
    {"type": "ndarray", "array": [1, 2], "dtype": "object", "shape": [2], "order": "little"},
    {
        "type": "typed_array",
        "array": {"type": "bytes", "data": {"id": "c.1"}},
        "dtype": "S9",
        "order": "little",
    },
    {"type": "value", "value": 1, "transform": {"id": "p1"}},
    {"type": "field", "field": "x"},
    {"type": "event", "name": "button_click", "values": {"type": "map", "entries": []}},
    {"type": []},
]
"""Values to put in the place of others."""


def sample(doc: Any) -> None:
    """A document with one of each kind of thing that browsers write."""
    slider, double = Slider(start=0, end=10, value=1, step=1), Slider(start=0, end=20, value=2)
    field, button, menu = TextInput(max_length=50), Button(), Dropdown(menu=["a", ("B", "b")])
    source = ColumnDataSource({"x": np.arange(4.0), "y": [1, 2, 3, 4], "name": ["a", "b", "c", "d"]})
    plot = figure(x_range=Range1d(0, 5, bounds=(0, 9)), tools="")
    plot.add_tools(PointDrawTool(renderers=[plot.scatter("x", "y", source=source)]))
    slider.on_change("value", lambda attr, old, new: double.update(value=2 * new))
    doc.add_root(column(slider, double, field, button, menu, plot, name="root"))
    doc.on_message("shout", lambda data: None)


def honest_events(doc: Any) -> list[tuple[list[dict[str, Any]], dict[str, bytes]]]:
    """Edits that an honest browser would send to the sample, with their buffers."""
    found = {type(each).__name__: each for each in doc.models}
    slider = next(each for each in doc.models if isinstance(each, Slider) and each.end == 10)

    def write(model: Any, attribute: str, value: Any) -> dict[str, Any]:
        return {"kind": "ModelChanged", "model": {"id": model.id}, "attr": attribute, "new": value}

    def event(model: Any, name: str, **details: Any) -> dict[str, Any]:
        entries = [["model", {"id": model.id}], *([key, value] for key, value in details.items())]
        data = {"type": "event", "name": name, "values": {"type": "map", "entries": entries}}
        return {"kind": "MessageSent", "msg_type": "bokeh_event", "msg_data": data}

    source = {"model": {"id": found["ColumnDataSource"].id}, "attr": "data"}
    array = {
        "type": "ndarray", "array": {"type": "bytes", "data": {"id": "c.1"}}, "dtype": "float64",
        "order": "little", "shape": [4],
    }  # fmt: skip
    columns = [["x", array], ["y", [1, 2, 3, 4]], ["name", ["a", "b", "c", "d"]]]
    whole = {"kind": "ModelChanged", **source, "new": {"type": "map", "entries": columns}}
    streamed = {"type": "map", "entries": [["x", [1.0]], ["y", [2]], ["name", ["e"]]]}
    patched = {
        "type": "map",
        "entries": [["x", [[0, 1.5], [{"type": "slice", "start": 0, "stop": 2}, [1, 2]]]]],
    }
    replaced = {"type": "map", "entries": [["x", array]]}
    numbers = {"c.1": np.arange(4.0).tobytes()}
    return [
        ([write(slider, "value", 3)], {}),
        ([write(slider, "value", 4), write(found["TextInput"], "value", "words")], {}),
        ([write(found["Range1d"], "start", 1.5), write(found["Range1d"], "end", 4.5)], {}),
        ([event(found["Button"], "button_click")], {}),
        ([event(found["Dropdown"], "menu_item_click", item="b")], {}),
        ([event(found["figure"], "tap", sx=1, sy=2, x=1.5, y=2.5, modifiers={"alt": True})], {}),
        ([whole], numbers),
        ([{"kind": "ColumnsStreamed", **source, "data": streamed, "rollover": 8}], {}),
        ([{"kind": "ColumnsPatched", **source, "patches": patched}], {}),
        ([{"kind": "ColumnDataChanged", **source, "data": replaced, "cols": ["x"]}], numbers),
        (
            [
                {
                    "kind": "MessageSent",
                    "msg_type": "shout",
                    "msg_data": [1, {"type": "number", "value": "nan"}],
                }
            ],
            {},
        ),
        ([{"kind": "RootRemoved", "model": {"id": doc.roots[0].id}}], {}),
        ([{"kind": "TitleChanged", "title": "t"}], {}),
        ([write(found["Selection"], "indices", [0, 1])], {}),
    ]


def state_of(doc: Any) -> str:
    """All that browsers could have changed, in a text."""
    models = sorted((each.id, sorted(each._property_values.items())) for each in doc.models)
    return repr((models, doc.roots, doc.title))


_PACES = ("edits_per_second", "frames_per_second", "user_edits_per_second", "stock_edits_per_second")


# To spoil messages.

_Item = TypeVar("_Item")


class Dice:
    """Choices that stand on a tape; behind its end, each is the first one.

    They don't depend on anything else, so that a tape is the same attack in another process.
    """

    def __init__(self, tape: bytes) -> None:
        self._tape = tape
        self._position = 0

    def below(self, end: int) -> int:
        """A number from 0, below this one."""
        size = 1 if end <= 256 else 2
        read = self._tape[self._position : self._position + size]
        self._position += size
        return int.from_bytes(read, "little") % end

    def one_of(self, choices: Sequence[_Item]) -> _Item:
        """One of them."""
        return choices[self.below(len(choices))]


def spoiled(value: Any, dice: Dice) -> Any:
    """A copy of JSON with one place in it deleted, replaced, doubled or added to."""
    value = copy.deepcopy(value)
    places = list(_places(value))
    if not places:
        return dice.one_of(HOSTILE)
    holder, key = dice.one_of(places)
    match dice.below(6):
        case 0:
            del holder[key]
        case 1 if isinstance(holder, dict):
            holder[dice.one_of(["type", "id", "extra", "buffers", "attributes", "__proto__"])] = holder[key]
        case 2 if isinstance(holder, list):
            holder.append(copy.deepcopy(holder[key]))
        case 3:
            other, place = dice.one_of(places)
            holder[key] = copy.deepcopy(other[place])
        case _:
            holder[key] = copy.deepcopy(dice.one_of(HOSTILE))
    return value


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    below = [value]
    while below:
        each = below.pop()
        keys = each.keys() if isinstance(each, dict) else range(len(each)) if isinstance(each, list) else ()
        for key in keys:
            yield each, key
            below.append(each[key])


def scratched(data: bytes, dice: Dice) -> bytes:
    """A copy of bytes with some of them flipped, set, cut out, doubled or inserted."""
    spoilt = bytearray(data)
    for _ in range(1 + dice.below(3)):
        at = dice.below(len(spoilt)) if spoilt else 0
        match dice.below(6):
            case 0 if spoilt:
                spoilt[at] ^= 1 << dice.below(8)
            case 1 if spoilt:
                spoilt[at] = dice.below(256)
            case 2:
                del spoilt[at : at + 1 + dice.below(8)]
            case 3:
                spoilt[at:at] = bytes(dice.below(256) for _ in range(1 + dice.below(4)))
            case 4:
                spoilt[at:at] = spoilt[at : at + 16]
            case 5:
                del spoilt[at:]
    return bytes(spoilt)


def spoilt_buffers(buffers: dict[str, bytes], dice: Dice) -> dict[str, bytes]:
    """Buffers of which one may be cut, missing, renamed or one too many."""
    spoilt = dict(buffers)
    match dice.below(6):
        case 0 if spoilt:
            name = dice.one_of(sorted(spoilt))
            spoilt[name] = scratched(spoilt[name], dice)
        case 1 if spoilt:
            spoilt.popitem()
        case 2:
            spoilt[dice.one_of(["c.1", "c.2", "x"])] = bytes(dice.below(40))
    return spoilt


# To see what became of it.


class Failures(logging.Handler):
    """What was logged as an error, or left a thread: nothing that a stranger sends may come to that."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.found.append(self.format(record))

    def thread_failed(self, arguments: threading.ExceptHookArgs) -> None:
        self.found.append(f"{arguments.exc_type.__name__}: {arguments.exc_value} in {arguments.thread}")


@contextmanager
def no_failures() -> Iterator[Failures]:
    """Nothing is logged as an error inside, no thread ends by an exception, and no thread is left over."""
    failures, logger = Failures(), logging.getLogger("embedsync")
    hook, level = threading.excepthook, logger.level
    threads = set(threading.enumerate())
    threading.excepthook = failures.thread_failed
    logger.addHandler(failures)
    logger.setLevel(logging.ERROR)  # Thousands of refusals are right, and nobody wants to read them.
    try:
        yield failures
    finally:
        threading.excepthook = hook
        logger.removeHandler(failures)
        logger.setLevel(level)
    assert failures.found == []
    deadline = time.monotonic() + 20
    while left := [each for each in threading.enumerate() if each not in threads]:
        assert time.monotonic() < deadline, left
        time.sleep(0.01)


class FuzzSite:
    """A hub without sockets, and one shared session of the sample that all messages are sent to."""

    def __init__(self) -> None:
        self.documents: list[Any] = []
        self.outcomes: Counter[str] = Counter()
        settings = Settings(
            stock_clients=True,
            stock_unsigned=True,
            authority="closed",
            grace=600,
            # Who sends too much is sent away before anything is decoded, which shows nothing here.
            **dict.fromkeys(_PACES, 1e9),
        )
        self.hub = Hub("key", settings)
        self.hub.add_app("sample", self._build, shared=True, script_tag=True)
        self.hub.start()
        keeper = self.hub.connect(Request())
        keeper.receive(wire.frame(1, wire.encode_payload(wire.Open(protocol=1, ticket=self.ticket))))
        while not self.hub.sessions or document_of(self.session) is None:
            time.sleep(0.001)
        self.settle()
        self.doc = self.documents[0]
        self.state = state_of(self.doc)
        self.edits = honest_events(self.doc)
        self._seq, self._since = self.seq, 0

    def _build(self, doc: Any) -> None:
        sample(doc)
        self.documents.append(doc)

    @property
    def ticket(self) -> str:
        """A fresh one: each opens a session once."""
        return self.hub.ticket("sample")

    @property
    def session(self) -> LiveSession:
        [session] = self.hub.sessions
        return session

    @property
    def seq(self) -> int:
        """How many ops the session has."""
        core = self.session._built.core
        assert core is not None
        return core.seq

    def settle(self) -> None:
        """Wait until the session has nothing to do."""
        while not self.session._mailbox.is_idle:
            time.sleep(0)

    def check(self, outcome: str) -> None:
        """What became no op has changed nothing. Looked at where an edit was decoded, and now and then."""
        self.outcomes[outcome] += 1
        self._since += 1
        if self.seq != self._seq:
            assert outcome != "refused"
            self._seq = self.seq
            self.state = state_of(self.doc)
        elif outcome == "refused" or self._since % 16 == 0:
            assert state_of(self.doc) == self.state, outcome

    def stop(self) -> None:
        self.hub.stop()


class Caller:
    """One socket after another on the site; subclasses say in which protocol."""

    def __init__(self, site: FuzzSite) -> None:
        self.site = site
        self.endpoint = self.connect()

    def connect(self) -> Endpoint:
        raise NotImplementedError

    def send(self, messages: Sequence[bytes | str]) -> str:
        """Send WebSocket messages and say what became of them."""
        for each in messages:
            self.endpoint.receive(each)
        self.site.settle()
        answers = self.endpoint.take()
        code = self.endpoint.close_code
        outcome = self.outcome(answers) if code is None else f"closed with {int(code)}"
        if code is not None:
            assert 4000 <= code < 5000, code
            self.endpoint.lost()
            self.site.settle()
            self.endpoint = self.connect()
        self.site.check(outcome)
        return outcome

    def outcome(self, answers: Sequence[bytes | str]) -> str:
        raise NotImplementedError


class WireCaller(Caller):
    """A socket of our own protocol, with an opened document."""

    def connect(self) -> Endpoint:
        endpoint = self.site.hub.connect(Request())
        opening = wire.Open(protocol=1, ticket=self.site.ticket)
        endpoint.receive(wire.frame(1, wire.encode_payload(opening)))
        self.site.settle()
        self.opened = next(each for each in _frames(endpoint.take()) if isinstance(each, wire.Opened))
        self.cseq = 0
        return endpoint

    def spoil(self, dice: Dice) -> bytes:
        """An honest frame that was spoilt: in its bytes, in its JSON, or in the events of an edit."""
        opened = self.opened
        buffers: dict[str, bytes] = {}
        frame: wire.ClientFrame
        if dice.below(4):
            events, buffers = dice.one_of(self.site.edits)
            if dice.below(3):
                events = spoiled(events, dice)
                buffers = spoilt_buffers(buffers, dice)
            if not isinstance(events, list):
                events = [events]
            frame = wire.Edit(cseq=self.cseq + 1, base=0, epoch=opened.epoch, events=events)
            if dice.below(3):
                return _encoded(frame, buffers)
        else:
            frame = dice.one_of(
                [
                    wire.Open(protocol=1, ticket=self.site.ticket),
                    wire.Open(protocol=1, resume=_position(opened)),
                    wire.Ack(seq=opened.seq, cseq=0),
                    wire.Resync(epoch=opened.epoch, seq=opened.seq, reason="r"),
                    wire.Detach(),
                    wire.Ping(),
                    wire.Pong(),
                ]
            )
        encoded = _encoded(frame, buffers)
        if dice.below(2):
            return scratched(encoded, dice)
        length = struct.unpack_from("<I", encoded, 4)[0]
        header = json.dumps(spoiled(json.loads(encoded[8 : 8 + length]), dice)).encode(
            "utf-8", "surrogatepass"
        )
        return struct.pack("<II", dice.one_of([1, 1, 1, 0, 2, 2**32 - 1]), len(header)) + header

    def outcome(self, answers: Sequence[bytes | str]) -> str:
        results = [each for each in _frames(answers) if isinstance(each, wire.Result)]
        if not results:
            return "no answer"
        self.cseq = results[-1].cseq
        return "committed" if any(each.commit for each in results) else "refused"


class StockCaller(Caller):
    """A socket of Bokeh's protocol, with a document that was pulled."""

    def connect(self) -> Endpoint:
        door, request = Door(self.site.hub), Request()
        grant = door.admit("sample", [PROTOCOL, door.token("sample", {}, request)], "", request)
        assert grant is not None
        endpoint = door.connect(grant, request)
        self.site.settle()
        for each in _parts("pull", "PULL-DOC-REQ", {}):
            endpoint.receive(each)
        self.site.settle()
        assert any(isinstance(each, str) and "PULL-DOC-REPLY" in each for each in endpoint.take())
        return endpoint

    def spoil(self, dice: Dice) -> list[bytes | str]:
        """The parts of an honest message that was spoilt in one of its parts, or in their order."""
        events, buffers = dice.one_of(self.site.edits)
        if dice.below(4):
            events, buffers = spoiled(events, dice), spoilt_buffers(buffers, dice)
        document = {"roots": [{"type": "object", "name": "Div", "id": "n1"}], "title": "t"}
        kind, content = dice.one_of(
            [
                *[("PATCH-DOC", {"events": events})] * 6,
                ("PUSH-DOC", {"doc": document}),
                ("PULL-DOC-REQ", {}),
                ("SERVER-INFO-REQ", {}),
                ("ACK", {}),
            ]
        )
        if dice.below(4) == 0:
            content = spoiled(content, dice)
        parts = _parts("m", kind, content, buffers)
        place = dice.below(len(parts))
        match dice.below(8):
            case 0:
                part = parts[place]
                encoded = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
                changed = scratched(encoded, dice)
                parts[place] = (
                    changed if isinstance(part, bytes) else changed.decode("utf-8", "surrogateescape")
                )
            case 1:
                del parts[place]
            case 2:
                parts.insert(place, dice.one_of(parts))
            case 3:
                header = {"msgid": "m", "msgtype": kind, "num_buffers": len(buffers)}
                parts[0] = json.dumps(spoiled(header, dice))
        return parts

    def outcome(self, answers: Sequence[bytes | str]) -> str:
        said = [each for each in answers if isinstance(each, str) and each.startswith('{"msgid"')]
        kinds = [json.loads(each)["msgtype"] for each in said]
        if "OK" in kinds:
            return "committed"
        return "refused" if "ERROR" in kinds else "no answer"


class Envelopes:
    """A document that takes edits one after the other, as the engine does.

    Args:
        authority: ``"compat"`` lets browsers do whatever can be decoded; the document is made anew often.
    """

    def __init__(self, authority: str) -> None:
        self.authority = authority
        self.outcomes: Counter[str] = Counter()
        self._begin()

    def _begin(self) -> None:
        self.page = Live(sample, authority=self.authority)
        self.edits = honest_events(self.page.doc)
        self._state = state_of(self.page.doc)
        self._taken = 0

    def spoil(self, dice: Dice) -> tuple[list[Any], dict[str, bytes]]:
        """The events of an honest edit, spoilt once or twice, and its buffers."""
        events, buffers = dice.one_of(self.edits)
        for _ in range(1 + dice.below(2)):
            events = spoiled(events, dice)
        if not isinstance(events, list):
            events = [events]
        return events, spoilt_buffers(buffers, dice)

    def send(self, events: list[Any], buffers: dict[str, bytes]) -> str:
        """Take an edit: it is refused and has changed nothing, or the document can be shown as before."""
        try:
            self.page.edit(*events, buffers=dict(buffers))
        except Refused as error:
            refused = error
        else:
            refused = None
        if refused is not None:
            assert state_of(self.page.doc) == self._state, refused
            self.outcomes[f"refused: {refused.code}"] += 1
            return "refused"
        if self._taken % 16 == 0:
            self.page.document.snapshot()
        assert [each for each, _ in self.page.host.reports if not isinstance(each, Refused)] == []
        self.outcomes["committed"] += 1
        self._taken += 1
        if self.authority == "compat" and self._taken % 48 == 47:
            self._begin()
        else:
            self._state = state_of(self.page.doc)
        return "committed"


def _encoded(frame: wire.ClientFrame, buffers: dict[str, bytes]) -> bytes:
    return wire.frame(1, wire.encode_payload(frame, [Buffer(name, data) for name, data in buffers.items()]))


def _position(opened: wire.Opened) -> wire.Resume:
    return wire.Resume(
        session=opened.session, client=opened.client, secret=opened.secret, epoch=opened.epoch, seq=opened.seq
    )


def _frames(messages: Sequence[bytes | str]) -> list[wire.ServerFrame]:
    return [wire.decode_server_frame(each)[1] for each in messages if isinstance(each, bytes)]


def _parts(
    identifier: str, kind: str, content: Any, buffers: dict[str, bytes] | None = None
) -> list[bytes | str]:
    header: dict[str, Any] = {"msgid": identifier, "msgtype": kind}
    if buffers:
        header["num_buffers"] = len(buffers)
    parts: list[bytes | str] = [json.dumps(header), "{}", json.dumps(content)]
    for name, data in (buffers or {}).items():
        parts += [json.dumps({"id": name}), data]
    return parts


def resident() -> int:
    """Bytes of memory that this process holds."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096
