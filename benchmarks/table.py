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
        values = {
            name: [value for each in repetitions if (value := each[at]) is not None]
            for name, repetitions in measured.items()
        }
        cells = [_cell(measured[each.name], values[each.name]) for each in self._systems]
        ours = values[self._ours.name]
        times = {each.name: _times(ours, values[each.name]) for each in self._peers}
        ratios = [f"{each:.3g} ×" if each is not None else "–" for each in times.values()]
        return [row.number, row.title, row.unit, *cells, *ratios, *_judge(row, ours, times)]

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


def _times(ours: list[float], peer: list[float]) -> float | None:
    """How many times the value of a peer ours is; ``None`` if one of them has none.

    The middle one of the repetitions, in which systems take turns: a machine that is slower for a minute is
    so for both. If not all have come to their ends, the middle values are compared.
    """
    if len(ours) != len(peer):
        ours, peer = ([median(each)] if each else [] for each in (ours, peer))
    ratios = [one / other for one, other in zip(ours, peer, strict=False) if other]
    return median(ratios) if ratios else None


def _judge(row: Row, ours: list[float], times: dict[str, float | None]) -> tuple[str, str]:
    """The target in words, and whether it is reached; a peer that was not measured is left out of it."""
    sign, target = "≥" if row.more_is_better else "≤", row.target
    words = [f"{sign} {each:.3g} × {name}" for name, each in target.times.items()]
    reached = [
        _reaches(row, found, each)
        for name, each in target.times.items()
        if (found := times.get(name)) is not None
    ]
    if target.value is not None:
        around = f" (± {target.within:g})" if target.within else ""
        words.append(f"{sign} {target.value:g}{around}")
        limit = target.value - target.within if row.more_is_better else target.value + target.within
        reached.append(bool(ours) and _reaches(row, median(ours), limit))
    if words and not ours:
        reached = [False]
    if not reached:
        return ", ".join(words) or "–", "–"
    return ", ".join(words), "yes" if all(reached) else "no"


def _reaches(row: Row, value: float, limit: float) -> bool:
    return value >= limit if row.more_is_better else value <= limit


def _machine() -> str:
    processors = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    model = processors[0] if processors else platform.machine()
    load = os.getloadavg()[0]
    return f"{os.cpu_count()} × {model}, {platform.system()} {platform.release()}, load {load:.1f} at the end"
