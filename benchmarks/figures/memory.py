"""Figure 13: what a session holds, and whether all of it comes back."""

from __future__ import annotations

import asyncio
from functools import partial

from benchmarks.effort import Effort
from benchmarks.figures.figure import Figure, Measured, Row, Target
from benchmarks.systems import Site

__all__ = ["FIGURES"]

EXPIRY = 0.5


async def memory(app: str, sessions: int, site: Site, effort: Effort) -> Measured:
    """Waves of visitors: what each of the first holds, and how the process grows from wave to wave."""
    (await site.visit(app)).leave()
    count = max(2, sessions * effort.expiring // 200)
    await _settle(site)
    before, after = site.memory(), []
    held = await _wave(site, app, count)
    await _settle(site)
    # Ours is to show that nothing grows. Of the others it is enough to see what a session holds.
    for _ in range((effort.waves if site.system.ours else min(3, effort.waves)) - 1):
        after.append(site.memory())
        await _wave(site, app, count)
        await _settle(site)
    after.append(site.memory())
    return [(held - before) * 1024 / count, _slope(after)]


async def _wave(site: Site, app: str, count: int) -> float:
    """Memory while so many are there."""
    visitors = [await site.visit(app) for _ in range(count)]
    held = site.memory()
    for each in visitors:
        each.leave()
    return held


async def _settle(site: Site) -> None:
    """Wait until sessions have ended: for their grace, and then until the process rests."""
    await asyncio.sleep(2 * EXPIRY + 0.5)  # Peers look for such sessions as often as that.
    await site.rest()


def _slope(values: list[float]) -> float:
    """MiB for each further wave, by least squares."""
    middle, mean = (len(values) - 1) / 2, sum(values) / len(values)
    square = sum((at - middle) ** 2 for at in range(len(values)))
    return sum((at - middle) * (each - mean) for at, each in enumerate(values)) / square if square else 0.0


def _rows(app: str) -> tuple[Row, Row]:
    return (
        Row("13", f"memory of a session, {app}", "KiB", Target({"BokehASGI": 1, "bokeh serve": 1})),
        Row("13", f"growth with each wave of sessions that ended, {app}", "MiB", Target(value=0.1)),
    )


FIGURES = (
    Figure(_rows("sliders"), partial(memory, "sliders", 50), grace=EXPIRY, most=1, at_once=True),
    Figure(_rows("dashboard"), partial(memory, "dashboard", 5), grace=EXPIRY, most=1, at_once=True),
)
