"""What goes out together: ops where many look on, and an answer with what its callbacks change."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from embedsync import wire
from embedsync.hub import Hub
from embedsync.live.watched import WatchedTurns
from embedsync.replica import Replica
from embedsync.session import CatchUp, Session
from embedsync.settings import Settings
from tests.property.test_convergence import Link
from tests.property.toy import ToyDocument
from tests.support.memory import WAIT, MemoryBrowser, ToyRecipe, change

AUTHOR = 0


def test_what_is_too_much_for_a_browser_takes_along_what_has_waited_for_more() -> None:
    hub = Hub("key")
    hub.add_app("toy", ToyRecipe())
    try:
        browser = MemoryBrowser(hub).open(hub.ticket("toy"))
        browser.wait_for(wire.SnapshotFrame)
        [attachment] = browser.endpoint.attachments
        large = wire.Notice(kind=wire.NoticeKind.BUSY, detail="x" * 300_000)
        busy = wire.Notice(kind=wire.NoticeKind.BUSY, busy=True)
        assert attachment.push(wire.encode_payload(large), always=True, more_follows=True)
        assert large not in browser.frames
        assert not attachment.push(wire.encode_payload(busy))
        assert large in browser.frames
    finally:
        hub.stop()


@pytest.mark.parametrize("busy_after", [0.3, 60.0])
def test_an_answer_does_not_wait_for_what_callbacks_await_nor_for_a_notice_that_comes_late(
    busy_after: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Whatever is sent takes along what waits: no notice comes, and nobody looks at the socket meanwhile.
    monkeypatch.setattr(WatchedTurns, "tell_busy", lambda turns, busy: None)
    recipe, proceed = ToyRecipe(), threading.Event()
    hub = Hub("key", Settings(busy_after=busy_after, handshake_timeout=3 * WAIT))
    hub.add_app("toy", recipe)
    try:
        browser = MemoryBrowser(hub).open(hub.ticket("toy"))
        browser.wait_for(wire.SnapshotFrame)
        [document] = recipe.documents
        browser.edit(1, change("value", 1))
        browser.wait_for(wire.Result)

        async def wait() -> None:
            await asyncio.to_thread(proceed.wait, 2 * WAIT)

        def run_callbacks() -> Iterator[Any]:
            if busy_after > 1:
                assert proceed.wait(2 * WAIT)
            else:
                yield wait()

        document.run_callbacks = run_callbacks  # type: ignore[method-assign]
        browser.edit(2, change("value", 2))
        browser.wait_for(wire.Result, 2)
    finally:
        proceed.set()
        hub.stop()


class Room:
    """A session with three viewers, of which the first is the author of edits.

    A value that somebody sets has a callback, which sets the echo to twice as much.
    """

    def __init__(self) -> None:
        self.document = ToyDocument()
        self.timers: list[Callable[[], None]] = []
        self.now = 0.0
        self.session = Session(
            "s",
            "e",
            self.document,
            Settings(),
            call_later=lambda seconds, call: self.timers.append(call),
            clock=lambda: self.now,
        )
        self.session.delivery.many = 3
        self.links = [Link(50) for _ in range(3)]
        self.replicas = [Replica(f"c{number}", "secret") for number in range(3)]
        for replica, link in zip(self.replicas, self.links, strict=True):
            self.session.attach(replica, link, grace=1.0)
            link.to_peer.clear()
        self.edits = 0

    def begin(self, **change: Any) -> Iterator[Any]:
        """An edit of the author, up to where its callbacks run."""
        self.edits += 1
        event = {"kind": "set", "id": "root", **change}
        edit = wire.Edit(cseq=self.edits, base=self.session.seq, epoch="e", events=[event])
        self.session.accept(self.replicas[AUTHOR], edit)
        return self.session.edit(self.replicas[AUTHOR], edit, {})

    def set(self, attribute: str, new: Any) -> None:
        for _ in self.begin(attr=attribute, new=new):
            raise AssertionError("nothing is awaited")

    def write(self) -> None:
        for link in self.links:
            link.write()

    def pass_time(self) -> None:
        timers = list(self.timers)
        self.timers.clear()
        for timer in timers:
            timer()

    def received(self, number: int) -> list[tuple[str, Any, int]]:
        """What a viewer was sent since the last time: of each frame kind, beginning, and seq."""
        frames = []
        while self.links[number].to_peer:
            _, frame, _ = wire.decode_server_frame(self.links[number].to_peer.popleft())
            if isinstance(frame, wire.Op):
                written = [json.loads(bytes(event))["attr"] for event in frame.events]
                frames.append(("op " + " ".join(written), frame.from_, frame.seq))
            elif isinstance(frame, wire.Result):
                frames.append(("result", None, frame.seq))
        return frames


@pytest.fixture
def room() -> Room:
    return Room()


def test_others_get_an_edit_together_with_what_its_callbacks_change(room: Room) -> None:
    room.set("value", 3)
    assert room.received(AUTHOR) == [("result", None, 1)], "its author waits for nobody"
    room.write()
    assert room.received(1) == room.received(2) == [("op value echo", 0, 2)]
    assert room.received(AUTHOR) == [("op echo", 1, 2)]
    room.pass_time()
    assert not any(room.received(number) for number in range(3)), "nothing is sent twice"


def test_where_few_look_on_each_op_is_sent_at_once(room: Room) -> None:
    room.session.delivery.many = 4
    room.set("value", 3)
    assert room.received(1) == [("op value", 0, 1), ("op echo", 1, 2)]
    assert not room.timers


def test_an_edit_is_published_in_time_while_its_callbacks_go_on(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []

    def take_long() -> Iterator[Any]:
        seen.append(room.received(1))
        room.pass_time()
        seen.append(room.received(1))
        room.document.queued.clear()
        yield from ()

    monkeypatch.setattr(room.document, "run_callbacks", take_long)
    room.set("value", 3)
    assert seen == [[], [("op value", 0, 1)]]


def test_an_edit_whose_callbacks_change_nothing_is_published_when_they_are_done(room: Room) -> None:
    room.set("items", [1])
    room.write()
    assert room.received(2) == [("op items", 0, 1)]


def test_an_answer_comes_after_what_was_published_before(room: Room) -> None:
    room.document.set(room.document.root, "items", [1])
    room.session.commit()
    room.set("value", 3)
    assert room.received(AUTHOR) == [("op items", 0, 1), ("result", None, 2)]
    room.write()
    assert room.received(AUTHOR) == [("op echo", 2, 3)]
    assert room.received(1) == [("op items", 0, 1), ("op value echo", 1, 3)]


def test_without_a_writer_that_calls_it_is_published_in_time(room: Room) -> None:
    room.set("value", 3)
    for link in room.links:
        link.called.clear()  # They were on their way out.
    room.pass_time()
    assert room.received(1) == [("op value echo", 0, 2)]
    room.set("value", 4)
    room.write()
    assert room.received(1) == [("op value echo", 2, 4)], "another writer is asked the next time"


def test_no_more_than_a_few_ops_are_held(room: Room) -> None:
    for number in range(20):
        room.document.set(room.document.root, "items", [number])
        room.session.commit()
    assert room.received(1)[-1][2] >= 15
    assert len(room.timers) == 1
    assert sum(len(link.called) for link in room.links) == 1, "the writer is asked once"


def test_large_ops_are_sent_as_they_are(room: Room) -> None:
    room.document.set(room.document.root, "items", list(range(10_000)))
    room.session.commit()
    room.document.set(room.document.root, "items", [1])
    room.session.commit()
    room.write()
    assert room.received(1) == [("op items", 0, 1), ("op items", 1, 2)]


def test_who_comes_back_while_something_is_held_gets_it_once(room: Room) -> None:
    replica, link = room.replicas[1], Link(50)
    room.document.set(room.document.root, "items", [1])
    room.session.commit()
    room.session.detach(replica, room.links[1])
    room.links[1] = link
    position = wire.Resume(session="s", client="c1", secret="secret", epoch="e", seq=0)
    assert room.session.resume(replica, link, position, "next", grace=1.0) is CatchUp.DONE
    assert room.received(1) == [("op items", 0, 1)]
    room.set("value", 3)
    room.write()
    assert room.received(1) == [("op value echo", 1, 3)]
    assert room.received(2) == [("op items", 0, 1), ("op value echo", 1, 3)]


def test_who_has_no_room_for_what_was_held_catches_up(room: Room) -> None:
    room.links[1].limit = 0
    room.set("value", 3)
    room.write()
    assert room.replicas[1].lagging
    room.links[1].limit = 50
    assert room.session.drained(room.replicas[1]) is CatchUp.DONE
    assert room.received(1) == [("op value echo", 0, 2)]


def test_what_is_held_is_published_before_the_session_ends(room: Room) -> None:
    room.set("value", 3)
    room.session.close(wire.Close.ENDED)
    assert room.received(1) == [("op value echo", 0, 2)]
    assert room.links[1].closed == wire.Close.ENDED


def test_small_ops_are_not_kept_encoded_and_large_ones_are_the_same_bytes_for_all(room: Room) -> None:
    room.session.delivery.many = 4
    room.set("value", 3)
    large = [*range(4_000)]
    room.set("items", large)
    kept = [op.payload is not None for op in room.session._log.since(0) or ()]
    assert kept == [False, False, True]
    one, other = (list(room.links[number].to_peer)[-1] for number in (1, 2))
    assert one == other
    assert len(one) > 16_384
    assert room.session.log_bytes < 1.1 * len(one), "the log counts what is in it once"


class Callbacks:
    """Callbacks that take some time, and note who is not woken yet meanwhile."""

    def __init__(self, room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seconds = 0.0
        self.asleep: list[list[bool]] = []
        self._room = room
        self._run = room.document.run_callbacks
        monkeypatch.setattr(room.document, "run_callbacks", self.run)
        room.session.delivery.many = 100

    def run(self) -> Iterator[Any]:
        self.asleep.append([link.asleep for link in self._room.links])
        self._room.now += self.seconds
        yield from self._run()


def test_an_answer_goes_out_with_what_the_callbacks_change_where_they_were_done_soon_the_last_time(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    callbacks = Callbacks(room, monkeypatch)
    for value in (1, 2, 3):
        room.set("value", value)
        assert not any(link.asleep for link in room.links)
    assert callbacks.asleep == [[False] * 3, [True] * 3, [True] * 3]


def test_callbacks_that_took_long_are_not_waited_for(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    callbacks = Callbacks(room, monkeypatch)
    for seconds in (0.0, 0.05, 0.05, 0.0, 0.0):
        callbacks.seconds = seconds
        room.set("value", len(callbacks.asleep) + 1)
    assert callbacks.asleep == [[each] * 3 for each in (False, True, False, False, True)]


def test_it_is_known_of_each_property_how_long_its_callbacks_took(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    callbacks = Callbacks(room, monkeypatch)
    for _ in range(2):
        callbacks.seconds = 0.0
        room.set("value", len(callbacks.asleep) + 1)
        callbacks.seconds = 0.05
        room.set("items", [len(callbacks.asleep)])
    assert callbacks.asleep == [[each] * 3 for each in (False, False, True, False)]


def test_what_comes_while_callbacks_take_long_for_once_takes_the_answer_along(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    callbacks = Callbacks(room, monkeypatch)
    room.set("value", 1)
    run, seen = callbacks.run, []

    def take_long() -> Iterator[Any]:
        room.session.notify(wire.Notice(kind=wire.NoticeKind.BUSY, busy=True))
        seen.append([link.asleep for link in room.links])
        yield from run()

    monkeypatch.setattr(room.document, "run_callbacks", take_long)
    room.set("value", 2)
    assert seen == [[False] * 3]


def test_callbacks_that_fail_keep_no_answer_back(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    Callbacks(room, monkeypatch)
    room.set("value", 1)

    def fail() -> Iterator[Any]:
        raise RuntimeError("of the test")
        yield

    monkeypatch.setattr(room.document, "run_callbacks", fail)
    with pytest.raises(RuntimeError, match="of the test"):
        room.set("value", 2)
    assert not any(link.asleep for link in room.links)
