"""Figures 8 to 12: the worst moments."""

from __future__ import annotations

import asyncio
import time
from functools import partial

from benchmarks.effort import Effort
from benchmarks.figures.events import one_event
from benchmarks.figures.figure import Figure, Measured, Row, Target, percentile
from benchmarks.pacing import paced_events
from benchmarks.systems import Site
from benchmarks.visitors import MissingError, Visitor

__all__ = ["FIGURES"]

EXPIRY = 3.0
PAUSE = 0.01
"""Seconds that somebody who works waits after an answer. Shorter than any stall that is looked for."""
NEIGHBOUR_PACE = 0.025
"""Seconds from one event to the next of somebody beside a slow callback."""


async def expiry(site: Site, effort: Effort) -> Measured:
    """Many leave together; the longest wait of somebody who stays, until all their sessions have ended."""
    resident = await site.visit("sliders")
    resident.watch("curve")
    others = [await site.visit("sliders") for _ in range(effort.expiring)]
    for each in others:
        each.leave()
    # The longest of all is the same whether events go on meanwhile or not.
    times = await _work(resident, EXPIRY + 1 + effort.expiring / 50)
    return [max(times) * 1000]


async def neighbour(button: str, site: Site, effort: Effort) -> Measured:
    """Somebody's callback takes a second, again and again; somebody else works on."""
    busy, resident = await site.visit("slow"), await site.visit("sliders")
    busy.watch("report")
    clicking = asyncio.create_task(_click_again(busy, button))
    times = await paced_events(resident, 2 * effort.seconds, NEIGHBOUR_PACE)
    clicking.cancel()
    return [percentile(times, 99) * 1000]


async def _click_again(visitor: Visitor, button: str) -> None:
    while True:
        visitor.click(button)
        await visitor.until(visitor.updates + 1)


async def _work(visitor: Visitor, seconds: float) -> list[float]:
    """One event after the other; how long each took. A stall is waited for by the event that meets it."""
    end, times = time.perf_counter() + seconds, list[float]()
    while time.perf_counter() < end:
        times.append(await one_event(visitor, len(times)))
        await asyncio.sleep(PAUSE)
    return times


async def stalled(site: Site, effort: Effort) -> Measured:
    """One viewer takes nothing any more; how the other fares, beside how it fared before."""
    stuck, other = await site.visit("arrays", "both"), await site.visit("arrays", "both")
    other.watch("curve")
    before = await _work(other, effort.seconds)
    stuck.socket.pause()
    memory = site.memory()
    try:
        async with asyncio.timeout(2 * effort.seconds + 3):
            after = await _work(other, 2 * effort.seconds)
    except (TimeoutError, MissingError):
        return [None, site.memory() - memory]
    return [percentile(after, 99) / percentile(before, 99), site.memory() - memory]


async def streaming(site: Site, effort: Effort) -> Measured:
    """Many sessions stream; what arrives, of all that should.

    Where an end of the stretch falls between the ticks that come together makes one tick of each stream.
    """
    visitors = [await site.visit("stream") for _ in range(effort.streams)]
    for each in visitors:
        each.watch("rows")
    begun, cpu = time.perf_counter(), site.cpu()
    await asyncio.sleep(5 * effort.seconds)
    seconds, cpu = time.perf_counter() - begun, site.cpu() - cpu
    return [sum(each.updates for each in visitors) / seconds, cpu / seconds]


async def drag(site: Site, effort: Effort) -> Measured:
    """A slider is dragged over a callback that takes 50 ms; from the last step to where all has ended."""
    visitor = await site.visit("slow")
    visitor.watch("report")
    begun = time.perf_counter()
    for number in range(1, effort.steps + 1):
        visitor.set("steps", "value", number)
        await asyncio.sleep(max(0, begun + number / 100 - time.perf_counter()))
    last = time.perf_counter()
    await visitor.until_last(f"step {effort.steps}".encode())
    return [max(0.0, visitor.arrived - last) * 1000]


FIGURES = (
    Figure(
        (Row("8", "longest stall while 200 sessions expire", "ms", Target(value=20)),),
        expiry,
        grace=EXPIRY,
        most=1,
    ),
    Figure(
        (Row("9", "event beside a callback that sleeps, p99", "ms", Target(value=10)),),
        partial(neighbour, "sleep"),
        most=2,
    ),
    Figure(
        (Row("9", "event beside a callback that spins, p99", "ms", Target(value=30)),),
        partial(neighbour, "spin"),
        most=2,
    ),
    Figure(
        (
            Row("10", "p99 beside a stalled viewer, to p99 before", "×", Target(value=2)),
            Row("10", "memory for the stalled viewer", "MiB", Target(value=8)),
        ),
        stalled,
        most=1,
    ),
    Figure(
        (
            Row(
                "11",
                "ticks of 100 streams at 20 Hz",
                "ticks/s",
                Target(value=2000, within=10),
                more_is_better=True,
            ),
            Row("11", "processor for 100 streams", "CPU", Target(value=0.8)),
        ),
        streaming,
        most=2,
    ),
    Figure((Row("12", "last of 300 steps → final state", "ms", Target(value=150)),), drag, most=1),
)
