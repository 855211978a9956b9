from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from embedsync import constants, wire
from embedsync.errors import ProtocolError
from tests.vectors import generate

_FRAMES = json.loads(generate.FRAMES.read_text(encoding="utf-8"))
_MALFORMED = json.loads(generate.MALFORMED.read_text(encoding="utf-8"))


def test_vectors_are_what_the_codec_makes_today() -> None:
    assert generate.FRAMES.read_text(encoding="utf-8") == generate.render(generate.frames())
    assert generate.MALFORMED.read_text(encoding="utf-8") == generate.render(generate.malformed())


def test_vectors_hold_every_type_of_frame() -> None:
    for sender, kinds in (("browser", wire.CLIENT_FRAMES), ("server", wire.SERVER_FRAMES)):
        tags = {kind.__struct_config__.tag for kind in kinds}
        assert tags == {each["header"]["type"] for each in _FRAMES if each["from"] == sender}


@pytest.mark.parametrize("vector", _FRAMES, ids=lambda each: f"{each['from']}: {each['name']}")
def test_frame_decodes_to_its_value(vector: dict[str, Any]) -> None:
    from_browser = vector["from"] == "browser"
    decode = wire.decode_client_frame if from_browser else wire.decode_server_frame
    attachment, header, buffers = decode(bytes.fromhex(vector["bytes"]))
    assert attachment == vector["attachment"]
    assert {name: data.hex() for name, data in buffers.items()} == vector["buffers"]
    without_sizes = msgspec.structs.replace(header, buffers=[])
    assert msgspec.json.decode(msgspec.json.encode(without_sizes)) == vector["header"]


@pytest.mark.parametrize("decode", [wire.decode_client_frame, wire.decode_server_frame])
@pytest.mark.parametrize("vector", _MALFORMED, ids=lambda each: each["name"])
def test_malformed_bytes_are_refused_with_a_code(vector: dict[str, str], decode: Any) -> None:
    with pytest.raises(ProtocolError) as caught:
        decode(bytes.fromhex(vector["bytes"]))
    assert caught.value.code == wire.Close.BAD_MESSAGE


def test_browser_constants_are_generated_from_the_wire() -> None:
    assert constants.CONSTANTS.read_text(encoding="utf-8") == constants.render()


def test_viewers_share_the_message_that_was_encoded_once() -> None:
    payload = wire.encode_payload(wire.Notice(kind=wire.NoticeKind.BUSY, busy=True))
    assert wire.frame(1, payload) is payload
    for number in (0, 1, 2, 2**32 - 1):
        attachment, notice, _ = wire.decode_server_frame(wire.frame(number, payload))
        assert (attachment, notice) == (number, wire.Notice(kind=wire.NoticeKind.BUSY, busy=True))
