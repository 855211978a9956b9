"""Whatever a client sends, in whatever order: nothing raises, and nothing grows beyond its bounds."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from embedsync import Settings, wire
from embedsync.stock.connection import ATTACHMENT, StockConnection
from tests.stock.talk import parts
from tests.stock.test_convergence import push, snapshot

names = st.sampled_from(["p1", "p2", "", "\ud800", "x" * 200])
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5) | names,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
models = st.fixed_dictionaries(
    {"id": names | values},
    optional={"type": st.just("object") | values, "attributes": values, "name": values},
)
events = st.fixed_dictionaries(
    {},
    optional={
        "kind": st.sampled_from(["ModelChanged", "RootAdded", "RootRemoved", "TitleChanged", "MessageSent"])
        | values,
        "model": models | values,
        "attr": names | values,
        "new": values | models,
    },
)
contents = (
    values
    | st.fixed_dictionaries({"events": st.lists(events | values, max_size=3) | values})
    | st.fixed_dictionaries(
        {"doc": st.fixed_dictionaries({"roots": st.lists(models | values, max_size=2)}) | values}
    )
)
kinds = st.sampled_from(["PATCH-DOC", "PULL-DOC-REQ", "PUSH-DOC", "SERVER-INFO-REQ", "ACK"])
whole = st.builds(parts, names, kinds, contents, st.lists(st.binary(max_size=8), max_size=2))
broken = st.lists(st.text(max_size=20) | st.binary(max_size=20) | values.map(json.dumps), max_size=4)


@given(st.lists(whole | broken, max_size=6))
@settings(max_examples=150, deadline=None)
def test_whatever_comes_is_taken_or_closes_the_socket(messages: list[list[Any]]) -> None:
    connection = StockConnection(Settings(), 0.0, version="3.9")
    connection.grant(ATTACHMENT)
    snapshot(connection, seq=0)
    cseq = 0
    for message in messages:
        for part in message:
            for received in connection.receive(part, 0.0):
                if isinstance(received.frame, wire.Edit):
                    cseq += 1
                    assert received.frame.cseq == cseq
                    result = wire.Result(cseq=cseq, seq=cseq, own=True, commit=cseq % 2 == 0)
                    push(connection, result, seq=cseq)
                elif isinstance(received.frame, wire.Resync):
                    snapshot(connection, seq=cseq)
        for each in connection.take(0.0):
            assert isinstance(each, str)
    if connection.closed is not None:
        assert 4000 <= connection.closed <= 4999


def test_a_text_that_is_half_of_a_character_is_refused() -> None:
    connection = StockConnection(Settings(), 0.0, version="3.9")
    connection.grant(ATTACHMENT)
    snapshot(connection, seq=0)
    connection.receive('{"msgid":"\\ud800","msgtype":"SERVER-INFO-REQ"}', 0.0)
    connection.receive("{}", 0.0)
    connection.receive("{}", 0.0)
    assert connection.closed == wire.Close.BAD_MESSAGE
