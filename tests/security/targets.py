"""What a coverage-guided search attacks: each is made once, called with bytes, and raises if something broke.

The modules under attack are imported when a target is made, so that a search can watch them.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

__all__ = ["CORPUS", "TARGETS"]

CORPUS = Path(__file__).parent / "corpus"
Attack = Callable[[bytes], None]


def frame() -> Attack:
    """Bytes as a frame of our own protocol."""
    from embedsync import wire
    from embedsync.errors import ProtocolError

    def attack(data: bytes) -> None:
        with suppress(ProtocolError):
            wire.decode_client_frame(data)

    return attack


def parts() -> Attack:
    """Bytes as the parts of messages of Bokeh's protocol: each ends at a byte 255."""
    from embedsync.errors import ProtocolError
    from embedsync.settings import Settings
    from embedsync.stock.messages import Assembler

    def attack(data: bytes) -> None:
        assembler = Assembler(Settings())
        with suppress(ProtocolError):
            for each in data.split(b"\xff"):
                is_text = each[:1] != b"b"
                assembler.receive(each.decode("utf-8", "surrogateescape") if is_text else each[1:])

    return attack


def envelope() -> Attack:
    """Bytes as choices of how to spoil an edit of a document whose browsers may do everything."""
    from tests.security.fuzzing import Dice, Envelopes

    envelopes = Envelopes("compat")

    def attack(data: bytes) -> None:
        envelopes.send(*envelopes.spoil(Dice(data)))

    return attack


TARGETS: dict[str, Callable[[], Attack]] = {"frame": frame, "parts": parts, "envelope": envelope}
