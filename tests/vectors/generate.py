"""Writes the vectors: frames as values and as bytes. ``python -m tests.vectors.generate``.

``frames.json`` holds legal frames, ``malformed.json`` bytes that are none. The Python codec and the
JavaScript codec both run them. Bytes are hexadecimal.
"""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import msgspec

from embedsync import wire
from embedsync.document import Buffer

FRAMES = Path(__file__).parent / "frames.json"
MALFORMED = Path(__file__).parent / "malformed.json"

_FROM_BROWSER: list[tuple[str, int, dict[str, Any], dict[str, str]]] = [
    ("open by ticket", 1, {"type": "open", "protocol": 1, "build": "b1", "ticket": "signed"}, {}),
    (
        "open by resume",
        2,
        {
            "type": "open",
            "protocol": 1,
            "resume": {
                "session": "s",
                "client": "c",
                "secret": "x",
                "epoch": "e",
                "seq": 9_007_199_254_740_991,
                "cseq": 12,
            },
        },
        {},
    ),
    (
        "edit with text beyond ASCII",
        1,
        {"type": "edit", "cseq": 1, "base": 0, "epoch": "e", "events": [{"new": 'é—𝄞 "\\\n\u2028'}]},
        {},
    ),
    (
        "edit with buffers of 0, 8 and 9 bytes",
        4_294_967_295,
        {"type": "edit", "cseq": 2, "base": 7, "epoch": "e", "events": [{"data": {"id": "c.1"}}]},
        {"c.1": "", "c.2": "0102030405060708", "c.3": "ff00ff00ff00ff00ff"},
    ),
    ("ack", 1, {"type": "ack", "seq": 12, "cseq": 3}, {}),
    ("resync", 1, {"type": "resync", "epoch": "e", "seq": 12, "cseq": 3, "reason": "gap"}, {}),
    ("close", 1, {"type": "close"}, {}),
    ("ping", 0, {"type": "ping"}, {}),
    ("pong", 0, {"type": "pong"}, {}),
]

_FROM_SERVER: list[tuple[str, int, dict[str, Any], dict[str, str]]] = [
    (
        "opened",
        1,
        {
            "type": "opened",
            "session": "s",
            "client": "c",
            "secret": "x",
            "epoch": "e",
            "seq": 3,
            "cseq": 1,
            "recovered": True,
            "kind": "bokeh",
            "scripts": ["bokeh/1/bokeh.min.js"],
            "heartbeat": 25.0,
            "grace": 120.5,
            "limits": {"message_bytes": 1_048_576, "unanswered_edits": 8, "edits_per_second": 200.0},
        },
        {},
    ),
    (
        "snapshot with a buffer",
        1,
        {
            "type": "snapshot",
            "epoch": "e",
            "seq": 3,
            "cseq": 1,
            "document": {"roots": [], "title": "ünïcode"},
        },
        {"s1": "000000000000f03f"},
    ),
    (
        "op with three buffers and models that are gone",
        3,
        {
            "type": "op",
            "from": 3,
            "seq": 5,
            "events": [{"kind": "x"}, [None, -0.5, True]],
            "gone": ["p1", "p2"],
        },
        {"s2": "01", "s3": "", "s4": "0102030405060708090a0b0c0d0e0f10"},
    ),
    ("op without buffers", 3, {"type": "op", "from": 5, "seq": 6, "events": []}, {}),
    (
        "result of a refusal",
        1,
        {
            "type": "result",
            "cseq": 4,
            "seq": 6,
            "own": False,
            "commit": False,
            "code": "bad-value",
            "values": [{"kind": "x"}],
            "supersedes": [2, 3],
        },
        {},
    ),
    (
        "result of a commit",
        1,
        {"type": "result", "cseq": 5, "seq": 7, "own": True, "commit": True, "skipped": [1], "previous": 4},
        {},
    ),
    ("notice of an error", 1, {"type": "notice", "kind": "error", "error": "a1b2"}, {}),
    (
        "notice of an error in debug mode",
        1,
        {"type": "notice", "kind": "error", "error": "a1b2", "detail": "Traceback\n  …"},
        {},
    ),
    ("notice of a drain", 0, {"type": "notice", "kind": "drain", "retry": 2.5}, {}),
    ("closed", 1, {"type": "closed", "code": 4303, "error": "a1b2", "detail": "Traceback\n  …"}, {}),
    ("ping with positions", 0, {"type": "ping", "positions": {"1": 7, "3": 5}}, {}),
    ("pong", 0, {"type": "pong"}, {}),
]


def encode(attachment: int, value: dict[str, Any], buffers: dict[str, str], frames: Any) -> bytes:
    """The bytes of a frame that is given as plain values."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    header = msgspec.json.decode(text, type=frames)
    named = [Buffer(name, bytes.fromhex(data)) for name, data in buffers.items()]
    return wire.frame(attachment, wire.encode_payload(header, named))


def frames() -> list[dict[str, Any]]:
    """All legal frames."""
    return [
        {
            "name": name,
            "from": sender,
            "attachment": attachment,
            "header": value,
            "buffers": buffers,
            "bytes": encode(attachment, value, buffers, kinds).hex(),
        }
        for sender, kinds, table in (
            ("browser", wire.ClientFrame, _FROM_BROWSER),
            ("server", wire.ServerFrame, _FROM_SERVER),
        )
        for name, attachment, value, buffers in table
    ]


def malformed() -> list[dict[str, str]]:
    """Bytes that both codecs refuse, whoever sends them."""

    def message(header: bytes, rest: bytes = b"", length: int | None = None) -> str:
        return (struct.pack("<II", 0, len(header) if length is None else length) + header + rest).hex()

    one = b'{"type":"pong","buffers":[["a",8]]}'
    padding = b"\0" * (-len(one) % 8)
    two = b'{"type":"pong","buffers":[["a",8],["a",8]]}'
    return [
        {"name": "nothing", "bytes": ""},
        {"name": "less than a prefix", "bytes": "00000000000000"},
        {"name": "header is cut off", "bytes": message(b'{"type":"pong"}', length=99)},
        {"name": "length beyond any message", "bytes": message(b'{"type":"pong"}', length=2**32 - 1)},
        {"name": "header is not JSON", "bytes": message(b"{")},
        {
            "name": "header is not UTF-8",
            "bytes": message(b'{"type":"pong","buffers":[["\xff",0]]}', b"\0" * 5),
        },
        {"name": "header is empty", "bytes": message(b"")},
        {"name": "header is a list", "bytes": message(b'["pong"]')},
        {"name": "header has no type", "bytes": message(b"{}")},
        {"name": "type is unknown", "bytes": message(b'{"type":"constructor"}')},
        {"name": "type is a number", "bytes": message(b'{"type":1}')},
        {"name": "bytes follow a frame without buffers", "bytes": message(b'{"type":"pong"}', b"\0")},
        {"name": "buffer is missing", "bytes": message(one)},
        {"name": "buffer is cut off", "bytes": message(one, padding + b"\1" * 7)},
        {"name": "bytes follow the last buffer", "bytes": message(one, padding + b"\1" * 16)},
        {"name": "two buffers with one id", "bytes": message(two, b"\0" * (-len(two) % 8) + b"\1" * 16)},
        {"name": "buffer of negative size", "bytes": message(b'{"type":"pong","buffers":[["a",-8]]}')},
        {"name": "buffer of broken size", "bytes": message(b'{"type":"pong","buffers":[["a",0.5]]}')},
        {"name": "buffer without a size", "bytes": message(b'{"type":"pong","buffers":[["a"]]}')},
        {"name": "buffers are an object", "bytes": message(b'{"type":"pong","buffers":{"a":8}}')},
    ]


def render(vectors: object) -> str:
    """The text of a file of vectors."""
    return json.dumps(vectors, ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    FRAMES.write_text(render(frames()), encoding="utf-8")
    MALFORMED.write_text(render(malformed()), encoding="utf-8")
