"""Toxics that know WebSocket frames: they hold, double, drop and reorder them, and cut inside one.

They begin with the handshake: set them before the connection is made.
"""

from __future__ import annotations

import random
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass

from embedsync import wire
from embedsync.errors import ProtocolError
from tests.support.proxy import Pump, Take, Toxic

__all__ = ["CutInside", "Frame", "Hold", "Mixed", "frame_toxic", "header_of"]

BINARY = 2


@dataclass(frozen=True)
class Frame:
    """One WebSocket frame.

    Attributes:
        raw: as it was on the line.
        opcode: 2 for binary data, 8 to 10 for control.
        payload: unmasked.
    """

    raw: bytes
    opcode: int
    payload: bytes

    @property
    def is_data(self) -> bool:
        return self.opcode == BINARY


def header_of(frame: Frame) -> wire.ServerFrame | wire.ClientFrame | None:
    """What the frame says in our protocol, if it says something."""
    if not frame.is_data:
        return None
    for decode in (wire.decode_server_frame, wire.decode_client_frame):
        try:
            return decode(frame.payload)[1]
        except ProtocolError:
            pass
    return None


def frame_toxic(handle: Callable[[Frame, Pump], None]) -> Toxic:
    """Hand over frame by frame, once the handshake has passed."""

    def begin(pump: Pump) -> Take:
        waiting = bytearray()
        shaken = False

        def take(data: bytes) -> None:
            nonlocal shaken
            waiting.extend(data)
            if not shaken:
                end = waiting.find(b"\r\n\r\n")
                if end < 0:
                    return
                shaken = True
                pump.send(bytes(waiting[: end + 4]))
                del waiting[: end + 4]
            while (frame := _first(waiting)) is not None:
                del waiting[: len(frame.raw)]
                handle(frame, pump)

        return take

    return begin


class CutInside:
    """Cuts the connection inside the first frame that matches, after so many bytes of it, once armed."""

    def __init__(self, matches: Callable[[Frame], bool]) -> None:
        self._matches = matches
        self._at: int | None = None
        self.size = 0
        """Of the last frame that matched."""
        self.cuts = 0
        self.toxic = frame_toxic(self._handle)

    def arm(self, at: int) -> None:
        """Cut after ``at`` bytes of the next frame that matches."""
        self._at = at

    def _handle(self, frame: Frame, pump: Pump) -> None:
        if self._matches(frame):
            self.size = len(frame.raw)
            if (at := self._at) is not None:
                self._at = None
                pump.send(frame.raw[:at])
                self.cuts += 1
                pump.reset()
                return
        pump.send(frame.raw)


class Hold:
    """Holds frames that match until they are released, and everything behind them."""

    def __init__(self, matches: Callable[[Frame], bool]) -> None:
        self._matches = matches
        self._released = threading.Event()
        self.caught = threading.Event()
        """Set once a frame is held."""
        self.toxic = frame_toxic(self._handle)

    def again(self) -> None:
        """Hold the next one that matches."""
        self._released.clear()
        self.caught.clear()

    def release(self) -> None:
        self._released.set()

    def _handle(self, frame: Frame, pump: Pump) -> None:
        if not self._released.is_set() and self._matches(frame):
            self.caught.set()
            self._released.wait()
        pump.send(frame.raw)


class Mixed:
    """Doubles, reorders and drops data frames by chance; counts how often.

    A frame that is to come late waits for the next one.
    """

    def __init__(
        self,
        dice: random.Random,
        *,
        duplicate: float = 0.0,
        reorder: float = 0.0,
        drop: float = 0.0,
        only: Callable[[Frame], bool] = lambda frame: True,
    ) -> None:
        self._dice = dice
        self._chances = (duplicate, reorder, drop)
        self._only = only
        self.on = True
        self.frames = self.duplicated = self.reordered = self.dropped = 0

    def toxic(self, pump: Pump) -> Take:
        """Begin with a connection."""
        late: list[bytes] = []

        def handle(frame: Frame, pump: Pump) -> None:
            if not self.on or not frame.is_data or not self._only(frame):
                pump.send(frame.raw + b"".join(late))
                late.clear()
                return
            self.frames += 1
            duplicate, reorder, drop = self._chances
            chance = self._dice.random()
            if chance < duplicate:
                self.duplicated += 1
                pump.send(frame.raw * 2)
            elif chance < duplicate + reorder and not late:
                self.reordered += 1
                late.append(frame.raw)
                return
            elif chance > 1 - drop:
                self.dropped += 1
            else:
                pump.send(frame.raw)
            pump.send(b"".join(late))
            late.clear()

        return frame_toxic(handle)(pump)


def _first(data: bytearray) -> Frame | None:
    """The first frame, if it is all there."""
    if len(data) < 2:
        return None
    opcode, masked, length, at = data[0] & 15, bool(data[1] & 128), data[1] & 127, 2
    if length == 126:
        at = 4
    elif length == 127:
        at = 10
    if len(data) < at:
        return None
    if length == 126:
        (length,) = struct.unpack_from(">H", data, 2)
    elif length == 127:
        (length,) = struct.unpack_from(">Q", data, 2)
    mask = b"\0\0\0\0"
    if masked:
        mask, at = bytes(data[at : at + 4]), at + 4
    if len(data) < at + length:
        return None
    payload = bytes(data[at : at + length])
    return Frame(bytes(data[: at + length]), opcode, _unmasked(payload, mask) if masked else payload)


def _unmasked(payload: bytes, mask: bytes) -> bytes:
    if not payload:
        return payload
    whole = mask * (len(payload) // 4 + 1)
    number = int.from_bytes(payload, "little") ^ int.from_bytes(whole[: len(payload)], "little")
    return number.to_bytes(len(payload), "little")
