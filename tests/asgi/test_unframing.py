"""Messages that are taken apart without a parser are those that a parser finds; all else is left to it."""

from __future__ import annotations

import random
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode
from websockets.protocol import OPEN
from websockets.server import ServerProtocol

from embedsync.asgi.unframing import LONGEST, unframed

SIZES = (0, 1, 3, 4, 5, 125, 126, 127, 1000, LONGEST)


def sent(payload: bytes, opcode: Opcode = Opcode.BINARY, *, fin: bool = True) -> bytes:
    """A frame as browsers send it."""
    return Frame(opcode, payload, fin).serialize(mask=True)


def parsed(data: bytes) -> list[bytes]:
    """What websockets finds in it."""
    server = ServerProtocol(max_size=None)
    server.state = OPEN
    server.parser = server.parse()
    next(server.parser)
    server.receive_data(data)
    assert server.parser_exc is None
    assert not server.reader.buffer
    frames = server.events_received()
    assert all(isinstance(each, Frame) and each.fin and each.opcode is Opcode.BINARY for each in frames)
    return [bytes(each.data) for each in frames if isinstance(each, Frame)]


@pytest.mark.parametrize("size", SIZES)
def test_a_message_of_any_size_is_what_was_sent(size: int) -> None:
    payload = random.Random(size).randbytes(size)
    assert unframed(sent(payload)) == [payload]


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=5))
def test_messages_that_come_together_are_those_that_were_sent(payloads: list[bytes]) -> None:
    data = b"".join(map(sent, payloads))
    assert unframed(data) == payloads
    assert unframed(data[:-1]) is None
    assert unframed(data + b"\x82") is None


@given(st.binary(max_size=40), st.binary(min_size=1, max_size=20))
def test_whatever_bytes_come_they_are_taken_as_the_parser_takes_them_or_left_to_it(
    noise: bytes, payload: bytes
) -> None:
    for data in (noise, sent(payload) + noise, noise + sent(payload), b"\x82" + noise):
        messages = unframed(data)
        assert messages is None or messages == parsed(data)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(sent(b"text", Opcode.TEXT), id="a text"),
        pytest.param(sent(b"the first part", fin=False), id="the first part of a message"),
        pytest.param(sent(b"another part", Opcode.CONT), id="a later part"),
        pytest.param(sent(b"", Opcode.PING), id="a ping"),
        pytest.param(sent(b"", Opcode.PONG), id="a pong"),
        pytest.param(sent(b"\x03\xe8", Opcode.CLOSE), id="a goodbye"),
        pytest.param(b"\xc2" + sent(b"compressed")[1:], id="a compressed message"),
        pytest.param(sent(b"well") + sent(b"", Opcode.PING), id="a ping after a message"),
        pytest.param(sent(b"x" * (LONGEST + 1)), id="a long message"),
        pytest.param(
            Frame(Opcode.BINARY, b"without a mask").serialize(mask=False), id="a message without a mask"
        ),
        pytest.param(
            b"\x82" + struct.pack("!BH", 0x80 | 126, 5) + b"mask" + b"longer",
            id="a length that is written too long",
        ),
    ],
)
def test_anything_else_is_left_to_the_parser(data: bytes) -> None:
    assert unframed(data) is None
