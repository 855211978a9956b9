"""Messages are put together from WebSocket messages, and what is over a bound is not kept."""

from __future__ import annotations

import json
from typing import Any

import pytest

from embedsync import Settings, wire
from embedsync.errors import ProtocolError
from embedsync.stock.messages import Assembler, Message, encode
from tests.stock.talk import parts

SETTINGS = Settings(message_bytes=10_000, buffers_per_message=2, json_depth=8, json_nodes=100)


def put_together(*messages: bytes | str) -> list[Message]:
    assembler = Assembler(SETTINGS)
    return [whole for each in messages if (whole := assembler.receive(each)) is not None]


def refused(*messages: bytes | str) -> int:
    with pytest.raises(ProtocolError) as error:
        put_together(*messages)
    return error.value.code


def test_a_message_with_buffers_comes_together_and_the_next_begins_anew() -> None:
    first, second = put_together(
        *parts("a", "PATCH-DOC", {"events": []}, [b"one", b"two"]), *parts("b", "OK", {})
    )
    assert (first.id, first.kind, first.content) == ("a", "PATCH-DOC", {"events": []})
    assert first.buffers == {"0": b"one", "1": b"two"}
    assert (second.id, second.buffers) == ("b", {})


def test_what_is_encoded_comes_together_again() -> None:
    (message,) = put_together(
        *encode("s1", "PATCH-DOC", b'{"events":[]}', answers="m1", buffers=[("b1", b"\0\1")])
    )
    assert (message.id, message.kind, message.buffers) == ("s1", "PATCH-DOC", {"b1": b"\0\1"})


def test_more_buffers_than_are_taken_are_refused_before_any_of_them_comes() -> None:
    assert refused('{"msgid":"a","msgtype":"PATCH-DOC","num_buffers":3}') == wire.Close.TOO_BIG


def test_a_message_is_measured_with_all_its_parts() -> None:
    content = {"events": ["x" * 6_000]}
    assert refused(*parts("a", "PATCH-DOC", content, [bytes(2_000), bytes(2_000)])) == wire.Close.TOO_BIG


def test_a_header_and_metadata_are_small() -> None:
    header = json.dumps({"msgid": "a", "msgtype": "PATCH-DOC", "more": "x" * 5_000})
    assert refused(header) == wire.Close.TOO_BIG
    assert refused('{"msgid":"a","msgtype":"OK"}', "x" * 5_000) == wire.Close.TOO_BIG


@pytest.mark.parametrize(
    "header",
    [
        "",
        "[]",
        "{",
        "null",
        '{"msgid":"a"}',
        '{"msgtype":"OK"}',
        '{"msgid":1,"msgtype":"OK"}',
        '{"msgid":"","msgtype":"OK"}',
        '{"msgid":"a","msgtype":"OK","num_buffers":-1}',
        '{"msgid":"a","msgtype":"OK","num_buffers":"1"}',
        '{"msgid":"a","msgtype":"OK","num_buffers":1e3}',
    ],
)
def test_a_malformed_header_is_refused(header: str) -> None:
    assert refused(header) in (wire.Close.BAD_MESSAGE, wire.Close.TOO_BIG)


@pytest.mark.parametrize("content", ["", "{", "[" * 5_000, "[" * 20 + "]" * 20, json.dumps(list(range(200)))])
def test_content_that_is_malformed_or_deep_or_holds_much_is_refused(content: str) -> None:
    assert refused('{"msgid":"a","msgtype":"PATCH-DOC"}', "{}", content) == wire.Close.BAD_MESSAGE


def test_bytes_where_a_text_is_due_and_a_text_where_bytes_are_due_are_refused() -> None:
    assert refused(b"{}") == wire.Close.BAD_MESSAGE
    messages: list[Any] = parts("a", "PATCH-DOC", {}, [b"one"])
    assert refused(*messages[:4], "no bytes") == wire.Close.BAD_MESSAGE


def test_two_buffers_of_one_name_are_refused() -> None:
    messages = parts("a", "PATCH-DOC", {}, [b"one", b"two"])
    assert refused(*messages[:5], '{"id":"0"}') == wire.Close.BAD_MESSAGE
