"""A stock client ends up with what the server has, though its protocol knows no positions."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from embedsync import Settings, wire
from embedsync.connection import Received
from embedsync.stock.connection import ATTACHMENT, StockConnection
from tests.asgi.client import Client, content
from tests.stock.conftest import Site
from tests.stock.talk import Said, Stock, assembled, model_named, parts


class Holder:
    """What a client has under one property: what it writes itself, and what it is told, in order."""

    def __init__(self, client: Stock, model: str, attribute: str = "value") -> None:
        self.client, self.model, self.attribute = client, model, attribute
        self.value: Any = None

    def write(self, value: Any) -> str:
        self.value = value
        return self.client.write(self.model, self.attribute, value)

    def hear(self, said: Said) -> None:
        for event in said.content.get("events", []) if said.kind == "PATCH-DOC" else []:
            if event.get("model") == {"id": self.model} and event.get("attr") == self.attribute:
                self.value = event["new"]

    def hear_until(self, value: Any) -> None:
        """Take what the server has to say until it has said what there is."""
        while self.value != value:
            self.hear(self.client.next())

    def hear_out(self) -> None:
        """Take all that the server has to say to what was asked so far."""
        last = self.client.send("SERVER-INFO-REQ")
        while (said := self.client.next()).answers != last:
            self.hear(said)


def held_by_server(site: Site, app: str, name: str) -> Any:
    found: list[Any] = []
    done = threading.Event()

    def look(doc: Any) -> None:
        found.append(doc.get_model_by_name(name).value)
        done.set()

    assert site.hub.update_sessions(app, look) == 1
    assert done.wait(20)
    return found[0]


def test_a_write_that_crosses_one_of_the_server_ends_the_same_on_both_sides(site: Site) -> None:
    with Stock(site.socket()) as client:
        words = Holder(client, model_named(client.pull(), "words"))
        site.hub.update_sessions("amounts", lambda doc: doc.get_model_by_name("words").update(value="theirs"))
        assert held_by_server(site, "amounts", "words") == "theirs"
        # It has not looked at what it was sent, so it writes on top of what it had.
        question = words.write("mine")
        while (said := client.next()).answers != question:
            words.hear(said)
        words.hear_out()
        assert held_by_server(site, "amounts", "words") == "mine"
        words.hear_until("mine")


def test_many_writes_that_cross_each_other_end_the_same_for_all(site: Site) -> None:
    with Stock(site.socket("shared")) as one, Stock(site.socket("shared")) as other:
        first = Holder(one, model_named(one.pull(), "words"))
        second = Holder(other, model_named(other.pull(), "words"))
        for number in range(50):
            first.write(f"first {number}")
            second.write(f"second {number}")
            if number % 7 == 0:
                first.hear_out()
        for each in (first, second):
            each.hear_out()
        # Not before: some of the writes may have been on their way still.
        last = held_by_server(site, "shared", "words")
        for each in (first, second):
            each.hear_until(last)


def test_a_stock_client_and_one_of_ours_share_a_session_and_see_each_other(site: Site) -> None:
    address = f"{site.url.replace('http', 'ws', 1)}/_embedsync/socket"
    with Stock(site.socket("shared")) as stock, Client(address) as ours:
        opened = ours.open(site.hub.ticket("shared"))
        ours.wait_for(wire.SnapshotFrame)
        assert len(site.hub.sessions) == 1
        document = stock.pull()
        words = Holder(stock, model_named(document, "words"))
        words.write("from the stock client")
        (event,) = content(ours.wait_for(wire.Op))
        assert (event["model"]["id"], event["new"]) == (words.model, "from the stock client")
        ours.edit(opened, 1, {**event, "new": "from ours"}, base=1)
        words.hear(stock.wait_for("PATCH-DOC"))
        assert words.value == "from ours"


# By hand, without a socket.


def connected() -> StockConnection:
    connection = StockConnection(Settings(), 0.0, version="3.9")
    connection.grant(ATTACHMENT)
    snapshot(connection, seq=0)
    return connection


def snapshot(connection: StockConnection, seq: int) -> None:
    document = {
        "roots": [{"type": "object", "name": "Slider", "id": "p1", "attributes": {"value": 1}}],
        "title": "",
    }
    header = wire.SnapshotFrame(epoch="e", seq=seq, cseq=0, document=raw(document))
    push(connection, header, seq=seq, snapshot=True)


def raw(value: Any) -> Any:
    import msgspec

    return msgspec.Raw(json.dumps(value, separators=(",", ":")).encode())


def push(connection: StockConnection, frame: wire.ServerFrame, *, seq: int, snapshot: bool = False) -> bool:
    payload = wire.encode_payload(frame)
    return connection.push(ATTACHMENT, payload, 0.0, seq=seq, always=snapshot, snapshot=snapshot)


def op(connection: StockConnection, seq: int, *events: Any, gone: tuple[str, ...] = ()) -> bool:
    frame = wire.Op(from_=seq - 1, seq=seq, events=[raw(each) for each in events], gone=list(gone))
    return push(connection, frame, seq=seq)


def said_by(connection: StockConnection) -> list[Said]:
    return list(assembled(connection.take(0.0)))


def ask(connection: StockConnection, kind: str, asked: Any = None) -> list[Received]:
    found: list[Received] = []
    for each in parts("q", kind, asked if asked is not None else {}):
        found += connection.receive(each, 0.0)
    return found


def pulled() -> StockConnection:
    connection = connected()
    assert ask(connection, "PULL-DOC-REQ") == []
    assert [each.kind for each in said_by(connection)] == ["ACK", "PULL-DOC-REPLY"]
    return connection


def write(value: int) -> dict[str, Any]:
    return {"kind": "ModelChanged", "model": {"id": "p1"}, "attr": "value", "new": value}


def test_nothing_is_told_before_the_document_and_the_document_is_asked_for_anew_if_it_is_old() -> None:
    connection = connected()
    op(connection, 1, write(2))
    (asked,) = ask(connection, "PULL-DOC-REQ")
    assert isinstance(asked.frame, wire.Resync)
    assert [each.kind for each in said_by(connection)] == ["ACK"]
    snapshot(connection, seq=1)
    op(connection, 2, write(3))
    assert [each.kind for each in said_by(connection)] == ["PULL-DOC-REPLY", "PATCH-DOC"]


def test_all_events_of_an_op_come_in_one_patch() -> None:
    connection = pulled()
    op(connection, 1, write(2), {"kind": "TitleChanged", "title": "New"})
    (patch,) = said_by(connection)
    assert patch.content == {"events": [write(2), {"kind": "TitleChanged", "title": "New"}]}


def test_a_model_that_a_client_has_is_not_defined_again_and_one_that_is_gone_is() -> None:
    connection = pulled()
    again = {"type": "object", "name": "Slider", "id": "p1", "attributes": {"value": 5}}
    op(connection, 1, {"kind": "ModelChanged", "model": {"id": "p2"}, "attr": "child", "new": again})
    (patch,) = said_by(connection)
    assert patch.content["events"] == [
        write(5),
        {"kind": "ModelChanged", "model": {"id": "p2"}, "attr": "child", "new": {"id": "p1"}},
    ]
    op(connection, 2, gone=("p1",))
    op(connection, 3, {"kind": "RootAdded", "model": again})
    (patch,) = said_by(connection)
    assert patch.content["events"] == [{"kind": "RootAdded", "model": again}]


def test_roots_that_a_client_gives_back_as_it_comes_again_are_no_edit() -> None:
    connection = pulled()
    echo = {"kind": "RootAdded", "model": {"type": "object", "name": "Slider", "id": "p1", "attributes": {}}}
    assert ask(connection, "PATCH-DOC", {"events": [echo]}) == []
    assert [each.kind for each in said_by(connection)] == ["OK"]
    (edit,) = ask(connection, "PATCH-DOC", {"events": [echo, write(3)]})
    assert isinstance(edit.frame, wire.Edit)
    assert edit.frame.events == [write(3)]


def test_who_has_pushed_a_document_is_given_that_one_and_not_the_one_before() -> None:
    connection = connected()
    root = {"type": "object", "name": "Slider", "id": "mine", "attributes": {}}
    (edit,) = ask(connection, "PUSH-DOC", {"doc": {"roots": [root], "title": "Mine"}})
    assert isinstance(edit.frame, wire.Edit)
    assert [each["kind"] for each in edit.frame.events] == ["RootRemoved", "RootAdded", "TitleChanged"]
    push(connection, wire.Result(cseq=1, seq=1, own=True, commit=True), seq=1)
    op(connection, 2, {"kind": "TitleChanged", "title": "Ours"})
    assert [each.kind for each in said_by(connection)] == ["ACK", "OK", "PATCH-DOC"]
    (asked,) = ask(connection, "PULL-DOC-REQ")
    assert isinstance(asked.frame, wire.Resync)


def test_results_are_acknowledged_with_the_next_edit() -> None:
    connection = pulled()
    ask(connection, "PATCH-DOC", {"events": [write(3)]})
    push(connection, wire.Result(cseq=1, seq=1, own=True, commit=True), seq=1)
    ack, edit = ask(connection, "PATCH-DOC", {"events": [write(4)]})
    assert ack.frame == wire.Ack(seq=1, cseq=1)
    assert isinstance(edit.frame, wire.Edit)
    assert edit.frame.cseq == 2


def test_who_goes_on_writing_is_not_moved_back_and_who_pauses_is_told_the_outcome() -> None:
    connection = pulled()
    op(connection, 1, write(9))
    said_by(connection)
    for number in (2, 3, 4):
        (*_, edit) = ask(connection, "PATCH-DOC", {"events": [write(number)]})
        assert isinstance(edit.frame, wire.Edit)
        assert edit.frame.base < 0, "the server is to tell the outcome, for it may have crossed the op"
        result = wire.Result(cseq=number - 1, seq=number, own=True, commit=True, values=[raw(write(number))])
        push(connection, result, seq=number)
        assert [each.kind for each in said_by(connection)] == ["OK"]
    connection.tick(connection.deadline())
    (told,) = said_by(connection)
    assert told.content == {"events": [write(4)]}


def test_what_others_write_replaces_a_correction_that_is_not_told_yet() -> None:
    connection = pulled()
    ask(connection, "PATCH-DOC", {"events": [write(2)]})
    push(connection, wire.Result(cseq=1, seq=1, own=True, commit=True, values=[raw(write(2))]), seq=1)
    op(connection, 2, write(7))
    said_by(connection)
    connection.tick(connection.deadline())
    assert {"events": [write(2)]} not in [each.content for each in said_by(connection)]


def test_nothing_is_corrected_in_a_model_that_is_gone() -> None:
    connection = pulled()
    ask(connection, "PATCH-DOC", {"events": [write(2)]})
    push(connection, wire.Result(cseq=1, seq=1, own=True, commit=True, values=[raw(write(2))]), seq=1)
    op(connection, 2, gone=("p1",))
    said_by(connection)
    connection.tick(connection.deadline())
    assert {"events": [write(2)]} not in [each.content for each in said_by(connection)]


def test_edits_that_the_server_has_merged_are_all_answered() -> None:
    connection = pulled()
    for value in (1, 2, 3):
        ask(connection, "PATCH-DOC", {"events": [write(value)]})
    push(connection, wire.Result(cseq=3, seq=1, own=True, commit=True, supersedes=[1, 2]), seq=1)
    assert [each.kind for each in said_by(connection)] == ["OK", "OK", "OK"]


def test_a_client_that_does_not_keep_up_is_caught_up_once_it_has_drained() -> None:
    connection = StockConnection(Settings(queue_bytes=400), 0.0, version="3.9")
    connection.grant(ATTACHMENT)
    snapshot(connection, seq=0)
    ask(connection, "PULL-DOC-REQ")
    connection.take(0.0)
    taken = [op(connection, seq, write(seq)) for seq in range(1, 10)]
    assert taken[0]
    assert not taken[-1]
    connection.take(0.0)
    assert connection.drained() == (ATTACHMENT,)
    assert connection.drained() == ()


def test_a_client_that_only_a_whole_document_helps_is_cut_so_that_it_asks_for_it() -> None:
    connection = pulled()
    snapshot(connection, seq=5)
    assert (connection.closed, connection.abandoned) == (wire.Close.SLOW, False)
    assert connection.take(0.0) == []


def test_a_client_that_does_not_even_take_its_answers_is_cut() -> None:
    connection = StockConnection(Settings(queue_bytes=1_000, queue_bytes_hard=2_000), 0.0, version="3.9")
    connection.grant(ATTACHMENT)
    snapshot(connection, seq=0)
    for _ in range(100):
        ask(connection, "SERVER-INFO-REQ")
    assert connection.closed == wire.Close.SLOW
    connection.tick(connection.deadline())
    assert connection.abandoned


def test_a_client_without_traffic_is_told_nothing_now_and_then() -> None:
    connection = pulled()
    connection.tick(connection.deadline())
    (said,) = said_by(connection)
    assert (said.kind, said.content) == ("PATCH-DOC", {"events": []})


@pytest.mark.parametrize("kind", ["PATCH-DOC", "PULL-DOC-REQ"])
def test_nobody_may_speak_before_the_acknowledgement(kind: str) -> None:
    connection = StockConnection(Settings(), 0.0, version="3.9")
    assert ask(connection, kind) == []
    assert connection.closed == wire.Close.BAD_MESSAGE
