"""The table: values of all systems side by side, and whether ours reaches its target."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from benchmarks.effort import Effort
from benchmarks.figures.figure import Measured, Row
from benchmarks.judging import judge, ratios, values_of
from benchmarks.systems import System

__all__ = ["Table", "about"]


class Table:
    """Collects what was measured.

    Args:
        title: what is compared.
        systems: its columns; the first is ours, which is judged.
    """

    def __init__(self, title: str, systems: Sequence[System]) -> None:
        self._title = title
        self._systems = systems
        self._ours = systems[0]
        self._peers = systems[1:]
        self._lines: list[list[str]] = []

    def add(self, rows: Sequence[Row], measured: dict[str, list[Measured]]) -> list[str]:
        """Add the rows of a figure; returns them as they are printed meanwhile.

        Args:
            rows: of the figure.
            measured: each repetition, by the name of the system; empty if measuring has failed.
        """
        added = [self._line(row, at, measured) for at, row in enumerate(rows)]
        self._lines += added
        return [" | ".join(each) for each in added]

    def _line(self, row: Row, at: int, measured: dict[str, list[Measured]]) -> list[str]:
        values = values_of(measured, at)
        cells = [_cell(measured[each.name], values[each.name]) for each in self._systems]
        ours = self._ours.name
        times = [ratios(values[ours], values[each.name]) for each in self._peers]
        shown = [f"{median(each):.3g} ×" if each else "–" for each in times]
        return [row.number, row.title, row.unit, *cells, *shown, *judge(row, ours, values)]

    def markdown(self) -> str:
        """The whole table."""
        head = ["#", "figure", "unit", *(each.name for each in self._systems)]
        head += [f"ours / {each.name}" for each in self._peers]
        head += ["target", "reached"]
        lines = [head, ["---"] * len(head), *self._lines]
        return "\n".join([f"### {self._title}", "", *(f"| {' | '.join(each)} |" for each in lines), ""])


def about(systems: Sequence[System], effort: Effort, seconds: float, notes: Iterable[str]) -> str:
    """What the reader of tables is to know.

    Args:
        systems: that were measured.
        effort: how much was measured.
        seconds: for how long.
        notes: such as which peer is missing, and what has failed.
    """
    lines = [
        f"Measured {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {effort.name},"
        f" {effort.repetitions} times at the most: the middle one, in brackets the lowest and the highest;"
        " ratios are the middle one of those of the repetitions, in which systems take turns.",
        f"It took {seconds / 60:.1f} minutes.",
        f"Machine: {_machine()}.",
        *(f"{each.name}: {each.versions()}." for each in systems),
        *notes,
    ]
    return "\n".join(f"- {each}" for each in lines) + "\n"


def _cell(repetitions: list[Measured], values: list[float]) -> str:
    if not repetitions:
        return "failed"
    if not values:
        return "not served"
    if len(values) == 1:
        return _number(values[0])
    return f"{_number(median(values))} ({_number(min(values))}–{_number(max(values))})"


def _number(value: float) -> str:
    """Three digits that count."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def _machine() -> str:
    processors = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    model = processors[0] if processors else platform.machine()
    load = os.getloadavg()[0]
    return f"{os.cpu_count()} × {model}, {platform.system()} {platform.release()}, load {load:.1f} at the end"
