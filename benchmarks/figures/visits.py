"""Figures 5 to 7: how long a page takes, what it costs, and what a crowd does to those who are there."""

from __future__ import annotations

import asyncio
import time
from functools import partial

from benchmarks.effort import Effort
from benchmarks.figures.events import one_event
from benchmarks.figures.figure import Figure, Measured, Row, Target, percentile, seeded
from benchmarks.systems import Site

__all__ = ["FIGURES"]

CLIENTS = 8
RATE = 4.0
"""Visits in a second."""


async def visit(app: str, site: Site, effort: Effort) -> Measured:
    """Page, socket and document: one visitor at a time, then eight at once."""
    (await site.visit(app)).leave()  # The first one pays for imports.
    cpu = site.cpu()
    times = [await _come_and_go(site, app) for _ in range(effort.visits)]
    cpu = (site.cpu() - cpu) / effort.visits
    begun = time.perf_counter()
    await asyncio.gather(*(_visit_again(site, app, effort.visits // 2) for _ in range(CLIENTS)))
    rate = CLIENTS * (effort.visits // 2) / (time.perf_counter() - begun)
    return [percentile(times, 50) * 1000, cpu * 1000, rate]


async def _visit_again(site: Site, app: str, visits: int) -> None:
    for _ in range(visits):
        await _come_and_go(site, app)


async def _come_and_go(site: Site, app: str, stay: float = 0) -> float:
    begun = time.perf_counter()
    visitor = await site.visit(app)
    seconds = time.perf_counter() - begun
    await asyncio.sleep(stay)
    visitor.leave()
    return seconds


async def crowd(site: Site, effort: Effort) -> Measured:
    """People come at a steady rate, and stay for a while; somebody else works on."""
    resident = await site.visit("sliders")
    resident.watch("curve")
    choices = seeded()
    begun, times = time.perf_counter(), list[float]()
    visits: list[asyncio.Task[float]] = []
    for number in range(int(effort.crowd_seconds * 10)):
        # Somebody comes when it is time, whether the others were served or not.
        while len(visits) < RATE * (time.perf_counter() - begun):
            visits.append(asyncio.create_task(_come_and_go(site, "sliders", choices.uniform(1, 5))))
        times.append(await one_event(resident, number))
        await asyncio.sleep(max(0, begun + number / 10 - time.perf_counter()))
        if time.perf_counter() - begun > effort.crowd_seconds:
            break
    return [percentile(await asyncio.gather(*visits), 99) * 1000, percentile(times, 99) * 1000]


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
    Figure(_rows("sliders"), partial(visit, "sliders")),
    Figure(_rows("dashboard"), partial(visit, "dashboard")),
    Figure(
        (
            Row("7", "4 visits/s: load, p99", "ms", Target(value=150)),
            Row("7", "4 visits/s: a resident's event, p99", "ms", Target(value=50)),
        ),
        crowd,
    ),
)
