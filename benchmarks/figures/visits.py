"""Figures 5 to 7: how long a page takes, what it costs, and what a crowd does to those who are there."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from statistics import fmean

from benchmarks.effort import Effort
from benchmarks.figures.figure import Figure, Measured, Row, Target, percentile, seeded
from benchmarks.pacing import paced_events, sleep_until
from benchmarks.systems import Site

__all__ = ["FIGURES", "WHEN_READY"]

CLIENTS = 8
RATE = 4.0
"""Visits in a second."""


async def visit(app: str, site: Site, effort: Effort) -> Measured:
    """Page, socket and document: one visitor at a time, then eight that come again and again for a while."""
    visits = effort.visits if app == "sliders" else effort.large_visits
    (await site.visit(app)).leave()  # The first one pays for imports.
    cpu = site.cpu()
    times = [await _come_and_go(site, app) for _ in range(visits)]
    cpu = (site.cpu() - cpu) / visits
    begun = time.perf_counter()
    end = begun + 2 * effort.seconds
    counts = await asyncio.gather(*(_visit_again(site, app, end) for _ in range(CLIENTS)))
    rate = sum(counts) / (time.perf_counter() - begun)
    return [percentile(times, 50) * 1000, cpu * 1000, rate]


async def visit_together(site: Site, effort: Effort) -> Measured:
    """Eight visitors come in the same moment, some times; how long they wait, on average."""
    (await site.visit("sliders")).leave()
    times: list[float] = []
    for _ in range(max(1, effort.visits // CLIENTS)):
        times += await asyncio.gather(*(_come_and_go(site, "sliders") for _ in range(CLIENTS)))
    return [fmean(times) * 1000]


async def visit_when_ready(app: str, site: Site, effort: Effort) -> Measured:
    """The same, one visitor at a time, each when the server has had time to get ready for the next one."""
    (await site.visit(app)).leave()
    times = []
    for _ in range(max(1, effort.visits // 3)):
        await site.rest()
        times.append(await _come_and_go(site, app))
    return [percentile(times, 50) * 1000]


async def _visit_again(site: Site, app: str, end: float) -> int:
    """How many visits of somebody who comes again until then, and whose last one is served to its end."""
    count = 0
    while time.perf_counter() < end:
        await _come_and_go(site, app)
        count += 1
    return count


async def _come_and_go(site: Site, app: str) -> float:
    begun = time.perf_counter()
    (await site.visit(app)).leave()
    return time.perf_counter() - begun


async def crowd(site: Site, effort: Effort) -> Measured:
    """People come at a steady rate, and stay for a while; somebody else works on."""
    resident = await site.visit("sliders")
    choices = seeded()
    arrivals = [
        asyncio.create_task(_arrive(site, time.perf_counter() + number / RATE, choices.uniform(1, 5)))
        for number in range(max(1, round(effort.crowd_seconds * RATE)))
    ]
    times = await paced_events(resident, effort.crowd_seconds, 1 / 10)
    return [percentile(await asyncio.gather(*arrivals), 99) * 1000, percentile(times, 99) * 1000]


async def _arrive(site: Site, moment: float, stay: float) -> float:
    """Come when it is time, whether others were served or not; the seconds from then to the document."""
    await sleep_until(moment)
    visitor = await site.visit("sliders")
    asyncio.get_running_loop().call_later(stay, visitor.leave)
    return time.perf_counter() - moment


def _rows(app: str) -> tuple[Row, ...]:
    return (
        Row("5", f"visit, {app}, p50", "ms", Target({"BokehASGI": 0.6})),
        Row("6", f"processor time of a visit, {app}", "ms", Target({"BokehASGI": 0.65})),
        Row(
            "6",
            f"visits, {app}, {CLIENTS} clients",
            "visits/s",
            Target({"BokehASGI": 1.5}),
            more_is_better=True,
        ),
    )


FIGURES = (
    Figure(_rows("sliders"), partial(visit, "sliders"), most=5),
    Figure(_rows("dashboard"), partial(visit, "dashboard"), most=2),
    Figure(
        (Row("6", f"visit, sliders, {CLIENTS} in the same moment, mean", "ms"),),
        visit_together,
        most=2,
    ),
    Figure(
        (
            Row("7", "4 visits/s: load, p99", "ms", Target(value=150)),
            Row("7", "4 visits/s: a resident's event, p99", "ms", Target(value=50)),
        ),
        crowd,
        most=1,
    ),
)

WHEN_READY = tuple(
    Figure(
        (Row("5", f"visit, {app}, after a moment of rest, p50", "ms", Target({"BokehASGI": 0.15})),),
        partial(visit_when_ready, app),
    )
    for app in ("sliders", "dashboard")
)
"""For documents that are built in idle time."""
