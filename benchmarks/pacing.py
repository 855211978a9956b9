"""Events at fixed moments, whether those before them were answered or not.

Somebody who waits for an answer before going on measures a long stall once, however many events would have
met it. So here each event counts from the moment at which it was due.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import deque

from benchmarks.visitors import PATIENCE, MissingError, Visitor

__all__ = ["paced_events", "sleep_until"]

_NUMBER = re.compile(rb"Event (\d+)")


async def paced_events(visitor: Visitor, seconds: float, pace: float) -> list[float]:
    """Write the title of sliders again and again; how long each took to come back as that of the plot.

    An answer answers all events before it, too: a system may merge what waits.

    Args:
        visitor: of the sliders.
        seconds: for how long.
        pace: seconds from one event to the next.

    Raises:
        MissingError: there was no answer to the last.
    """
    due, times = deque[tuple[int, float]](), list[float]()

    def answered(content: bytes) -> None:
        found = _NUMBER.search(content)
        while found and due and due[0][0] <= int(found[1]):
            times.append(time.perf_counter() - due.popleft()[1])

    visitor.watch("heading", answered)
    begun = time.perf_counter()
    for number in range(max(1, round(seconds / pace))):
        await sleep_until(begun + number * pace)
        due.append((number, begun + number * pace))
        visitor.set("title", "value", f"Event {number}")
    end = time.perf_counter() + PATIENCE
    while due:
        if visitor.socket.closed or time.perf_counter() > end:
            raise MissingError(f"{len(due)} events were not answered")
        await asyncio.sleep(0.01)
    return times


async def sleep_until(moment: float) -> None:
    """Sleep, unless the moment, of :func:`time.perf_counter`, is past."""
    await asyncio.sleep(max(0.0, moment - time.perf_counter()))
