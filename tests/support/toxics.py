"""What can go wrong with bytes on their way; the names are those of Toxiproxy's toxics."""

from __future__ import annotations

import random
from collections.abc import Callable

from tests.support.proxy import Pump, Take, Toxic

__all__ = ["bandwidth", "blackhole", "latency", "limit_data", "reset_peer", "slicer", "slow_close", "stall"]


def latency(seconds: float, jitter: float = 0.0, dice: random.Random | None = None) -> Toxic:
    """Bytes come late."""
    dice = dice or random.Random(1)

    def begin(pump: Pump) -> Take:
        def take(data: bytes) -> None:
            pump.wait(seconds + dice.uniform(0, jitter))
            pump.send(data)

        return take

    return begin


def bandwidth(rate: int) -> Toxic:
    """So many bytes per second, and no more."""
    return slicer(max(1, rate // 20), 0.05)


def slicer(size: int, delay: float) -> Toxic:
    """Bytes come in small slices, with a pause after each."""

    def begin(pump: Pump) -> Take:
        def take(data: bytes) -> None:
            for start in range(0, len(data), size):
                pump.send(data[start : start + size])
                pump.wait(delay)

        return take

    return begin


def blackhole(pump: Pump) -> Take:
    """Nothing arrives, and nobody is told: a cable was pulled. (Toxiproxy: ``timeout`` of 0.)"""
    return lambda data: None


def stall(pump: Pump) -> Take:
    """Nothing is read any more, so that whoever sends gets stuck once the buffers are full."""

    def take(data: bytes) -> None:
        pump.wait(None)
        pump.send(data)

    return take


def reset_peer(pump: Pump) -> Take:
    """The next bytes meet a reset."""
    return lambda data: pump.reset()


def limit_data(count: int, then: Callable[[Pump], None] = lambda pump: pump.reset()) -> Toxic:
    """So many bytes pass, then the connection is cut within the next."""

    def begin(pump: Pump) -> Take:
        left = count

        def take(data: bytes) -> None:
            nonlocal left
            pump.send(data[:left])
            if len(data) >= left:
                then(pump)
            left = max(0, left - len(data))

        return take

    return begin


def slow_close(seconds: float) -> Toxic:
    """What comes is passed on; with the end of the stream everybody is kept waiting for a while."""

    def begin(pump: Pump) -> Take:
        def take(data: bytes) -> None:
            # The end comes after the last bytes, so these wait for it.
            pump.wait(seconds)
            pump.send(data)

        return take

    return begin
