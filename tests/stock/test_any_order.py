"""Documents of an unmodified Bokeh, at the ends of slow links, become what the server's document is.

The clients are Bokeh's own documents and messages; only the sockets are missing.
"""

from __future__ import annotations

import contextvars
import json
from collections import deque
from collections.abc import Callable
from typing import Any

from bokeh.core.serialization import Buffer, Serialized
from bokeh.document import Document
from bokeh.document.events import DocumentPatchedEvent
from bokeh.models import Column, ColumnDataSource, Slider, TextInput
from bokeh.protocol import Protocol
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from embedsync import Settings, wire
from embedsync.replica import Replica
from embedsync.session import Session
from embedsync.stock.connection import ATTACHMENT, StockConnection
from tests.documents.bokeh.harness import Live, run_steps
from tests.stock.talk import assembled, parts

_small = st.integers(0, 9)


def app(doc: Document) -> None:
    """A callback that clamps, and one that answers."""
    amount = Slider(name="amount", start=0, end=10, value=1)
    words = TextInput(name="words")
    answer = TextInput(name="answer")
    source = ColumnDataSource(name="source", data={"x": [0.0]})
    amount.on_change("value", lambda attr, old, new: amount.update(value=min(new, 6)))
    words.on_change("value", lambda attr, old, new: answer.update(value=f"you said {new}"))
    doc.add_root(Column(amount, words, answer, name="place"))
    doc.add_root(source)


class Client:
    """A stock client: its document, and what is on its way to it and from it."""

    def __init__(self, world: World, number: int) -> None:
        self._world = world
        self.connection = StockConnection(Settings(), world.now, version="3.9")
        self.replica = Replica(f"client {number}", "secret", simple=True)
        self.up: deque[str | bytes] = deque()
        self.down: deque[str | bytes] = deque()
        self.doc = Document()

    def push(
        self,
        payload: bytes,
        *,
        seq: int | None = None,
        always: bool = False,
        snapshot: bool = False,
        more_follows: bool = False,
    ) -> bool:
        return self.connection.push(
            ATTACHMENT, payload, self._world.now, seq=seq, always=always, snapshot=snapshot
        )

    def close(self, code: int, **_: Any) -> None:
        raise AssertionError(f"closed with {code}")

    def begin(self) -> None:
        self.up.extend(parts("first", "PULL-DOC-REQ", {}))
        self._world.take_from(self, len(self.up))
        self.hear(10)
        self.doc.on_change(self._changed)

    def hear(self, most: int) -> None:
        """Take some messages that the server has sent."""
        self.down.extend(self.connection.take(self._world.now))
        for _ in range(most):
            if not self.down:
                return
            count = 3 + 2 * json.loads(self.down[0]).get("num_buffers", 0)
            (said,) = assembled([self.down.popleft() for _ in range(count)])
            buffers = [Buffer(name, data) for name, data in said.buffers.items()]  # type: ignore[arg-type]
            if said.kind == "PATCH-DOC":
                self.doc.apply_json_patch(Serialized(said.content, buffers), setter=self)  # type: ignore[arg-type]
            elif said.kind == "PULL-DOC-REPLY":
                self.doc.replace_with_json(said.content["doc"])

    def model(self, name: str) -> Any:
        return self.doc.get_model_by_name(name)

    def _changed(self, event: Any) -> None:
        if isinstance(event, DocumentPatchedEvent) and event.setter is not self:
            message = Protocol().create("PATCH-DOC", [event])
            self.up.extend([message.header_json, message.metadata_json, message.content_json])
            for each in message._buffers:
                self.up.extend([json.dumps({"id": each.id}), each.to_bytes()])


class World:
    """A session and its clients. Nothing moves unless it is told to."""

    def __init__(self) -> None:
        self.now = 0.0
        self.live = Live(app)
        self.session = Session("s", "e", self.live.document, Settings())
        self.clients = [Client(self, number) for number in range(2)]
        for each in self.clients:
            each.connection.grant(ATTACHMENT)
            self._turn(lambda each=each: self.session.attach(each.replica, each, grace=1.0))
            each.begin()

    def serve(self, change: Callable[[Document], Any]) -> None:
        """Let app code change something."""

        def turn() -> None:
            change(self.live.doc)
            self.session.commit()

        self._turn(turn)

    def take_from(self, client: Client, most: int) -> None:
        """Let the server take some of what a client has sent."""
        for _ in range(min(most, len(client.up))):
            for received in client.connection.receive(client.up.popleft(), self.now):
                self._take(client, received.frame, dict(received.buffers))

    def settle(self) -> None:
        """Let everything arrive, and those who wait for a pause have one."""
        for _ in range(4):
            while any(each.up or each.down or each.connection.ready for each in self.clients):
                for each in self.clients:
                    self.take_from(each, len(each.up))
                    each.hear(1_000)
            self.now += 1.0
            for each in self.clients:
                each.connection.tick(self.now)

    def _take(self, client: Client, frame: Any, buffers: dict[str, bytes]) -> None:
        match frame:
            case wire.Ack():
                self.session.acknowledge(client.replica, frame.cseq)
            case wire.Edit():
                self.session.accept(client.replica, frame)
                self._turn(lambda: run_steps(self.session.edit(client.replica, frame, buffers)))
            case wire.Resync():
                self._turn(lambda: self.session.send_snapshot(client.replica))

    def _turn(self, work: Callable[[], None]) -> None:
        def whole() -> None:
            with self.live.document.context():
                work()

        contextvars.copy_context().run(whole)


def held(doc: Document) -> dict[str, Any]:
    """What a document says, without saying which of the values are defaults."""
    found: dict[str, Any] = {"roots": {each.id for each in doc.roots}}
    for model in doc.models:
        if isinstance(model, Slider | TextInput):
            found[model.id] = model.value
        elif isinstance(model, Column):
            found[model.id] = [each.id for each in model.children]
        elif isinstance(model, ColumnDataSource):
            found[model.id] = {name: list(values) for name, values in model.data.items()}
    return found


def add(doc: Document, value: int) -> None:
    place: Any = doc.get_model_by_name("place")
    place.children = [*place.children, TextInput(name=f"late {value}", value=str(value))]


def shuffle(doc: Document, value: int) -> None:
    """Take a child out, or put the last one first; sometimes both, in one turn."""
    place: Any = doc.get_model_by_name("place")
    children = list(place.children)
    if value % 2:
        place.children = []
    place.children = [children[-1], *children[:-1]] if value % 3 else children[: max(3, len(children) - 1)]


def stream(doc: Document, value: int) -> None:
    source: Any = doc.get_model_by_name("source")
    source.stream({"x": [float(value)]}, 4)


def say(doc: Document, value: int) -> None:
    doc.get_model_by_name("words").value = str(value)  # type: ignore[union-attr]


def slide(doc: Document, value: int) -> None:
    doc.get_model_by_name("amount").value = value  # type: ignore[union-attr]


def again(doc: Document, value: int) -> None:
    """Take a root out and put it back."""
    source: Any = doc.get_model_by_name("source")
    doc.remove_root(source)
    source.data = {"x": [float(value)]}
    doc.add_root(source)


_changes = st.sampled_from([add, shuffle, stream, say, slide, again])
_writes = st.sampled_from([say, slide, stream])
_steps = st.lists(
    st.tuples(st.just("serve"), _changes, _small)
    | st.tuples(st.just("write"), st.integers(0, 1), _writes, _small)
    | st.tuples(st.just("up"), st.integers(0, 1), st.integers(1, 7))
    | st.tuples(st.just("down"), st.integers(0, 1), st.integers(1, 3)),
    max_size=40,
)


@given(_steps)
@settings(max_examples=60, deadline=None, phases=[Phase.reuse, Phase.generate])  # Shrinking takes minutes.
def test_in_whatever_order_things_arrive_all_end_up_with_the_same_document(steps: list[Any]) -> None:
    world = World()
    for step in steps:
        world.now += 0.05
        match step:
            case ("serve", change, value):
                world.serve(lambda doc, change=change, value=value: change(doc, value))
            case ("write", number, write, value):
                if world.clients[number].model("source") is not None:
                    write(world.clients[number].doc, value)
            case ("up", number, most):
                world.take_from(world.clients[number], most)
            case ("down", number, most):
                world.clients[number].hear(most)
    world.settle()
    for client in world.clients:
        assert client.connection.closed is None, client.connection.reason
        assert held(client.doc) == held(world.live.doc)
