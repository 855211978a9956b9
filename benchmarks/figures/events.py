"""Figures 1 to 4: how fast what a person does becomes what everybody sees."""

from __future__ import annotations

import asyncio
import time
from functools import partial

from benchmarks.effort import Effort
from benchmarks.figures.figure import Figure, Measured, Row, Target, percentile, slider_value
from benchmarks.systems import Site
from benchmarks.visitors import Visitor

__all__ = ["FIGURES"]

SLIDERS = ("offset", "amplitude", "phase", "frequency")
WIDGETS = ("widget0", "widget5", "widget10", "widget15")
"""They change the title of one figure."""


async def latency(site: Site, effort: Effort) -> Measured:
    """From a slider to the curve, one event at a time."""
    visitor = await site.visit("sliders")
    visitor.watch("curve")
    times = [await one_event(visitor, number) for number in range(effort.events)]
    return [percentile(times, 50) * 1000]


async def one_event(visitor: Visitor, number: int) -> float:
    """Move a slider; the seconds until the curve has changed."""
    begun, wanted = time.perf_counter(), visitor.updates + 1
    visitor.set("offset", "value", slider_value(number))
    await visitor.until(wanted)
    return visitor.arrived - begun


async def throughput(
    app: str, watched: str, widgets: tuple[str, ...], sessions: int, site: Site, effort: Effort
) -> Measured:
    """Events that sessions handle side by side. Each has one under way for each of its widgets."""
    visitors = [await site.visit(app) for _ in range(sessions)]
    for each in visitors:
        each.watch(watched)
        each.socket.confirm_at_once()
    end = time.perf_counter() + effort.seconds
    begun, cpu = time.perf_counter(), site.cpu()
    await asyncio.gather(*(_press(each, widgets, end) for each in visitors))
    seconds, cpu = time.perf_counter() - begun, site.cpu() - cpu
    events = sum(each.updates for each in visitors)
    return [events / seconds, _per(events, cpu)]


async def _press(visitor: Visitor, widgets: tuple[str, ...], end: float) -> None:
    # A widget is moved again when its last move was answered, so that no system may merge two.
    sent = 0
    while time.perf_counter() < end:
        while sent - visitor.updates < len(widgets):
            visitor.set(widgets[sent % len(widgets)], "value", slider_value(sent))
            sent += 1
        await visitor.until(visitor.updates + 1)
    await visitor.until(sent)


async def fan_out(
    app: str, site: Site, effort: Effort, viewers: int | None = None, slider: str = "offset"
) -> Measured:
    """Updates of one session that reach all its viewers; the next begins when all have the last."""
    visitors = [await site.visit(app, "everybody") for _ in range(viewers or effort.viewers)]
    for each in visitors:
        each.watch("curve")
    end = time.perf_counter() + effort.seconds
    begun, cpu, updates = time.perf_counter(), site.cpu(), 0
    while time.perf_counter() < end:
        visitors[0].set(slider, "value", slider_value(updates))
        updates += 1
        for each in visitors:
            await each.until(updates)
    seconds, cpu = time.perf_counter() - begun, site.cpu() - cpu
    return [updates / seconds, _per(updates, cpu)]


async def _fan_out_arrays(slider: str, site: Site, effort: Effort) -> Measured:
    return await fan_out("arrays", site, effort, min(10, effort.viewers), slider)


def _per(count: int, cpu: float) -> float | None:
    """For each second of processor time, unless there was too little of it to be measured."""
    return count / cpu if cpu > 0 else None


def _rates(number: str, title: str, unit: str, target: Target) -> tuple[Row, Row]:
    """A rate, and the same for each second of processor time, which a busy machine changes less."""
    return (
        Row(number, title, f"{unit}/s", target, more_is_better=True),
        Row(number, title, f"{unit}/CPU s", more_is_better=True),
    )


FIGURES = (
    Figure(
        (
            Row(
                "1",
                "slider event → patch, 1 session, p50",
                "ms",
                Target({"BokehASGI": 0.5, "bokeh serve": 1 / 60}),
            ),
        ),
        latency,
        most=5,
    ),
    Figure(
        _rates("2", "sliders, 20 sessions", "events", Target({"BokehASGI": 3, "bokeh serve": 3})),
        partial(throughput, "sliders", "curve", SLIDERS, 20),
    ),
    Figure(
        _rates("2", "dashboard, 1 session", "events", Target({"BokehASGI": 4, "bokeh serve": 4})),
        partial(throughput, "dashboard", "title0", WIDGETS, 1),
    ),
    Figure(
        _rates("3", "200 points, 100 viewers of one session", "updates", Target({"BokehASGI": 6})),
        partial(fan_out, "sliders"),
        most=5,
    ),
    Figure(
        _rates("4", "100,000 × 2 numbers, 10 viewers", "updates", Target({"BokehASGI": 1.3})),
        partial(_fan_out_arrays, "offset"),
        most=5,
    ),
    Figure(
        _rates("4", "the same, of which half have changed", "updates", Target({"BokehASGI": 1.3})),
        partial(_fan_out_arrays, "amplitude"),
        most=2,
    ),
)
