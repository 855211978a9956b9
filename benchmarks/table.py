"""The table: values of all systems side by side, and whether ours reaches its target."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from benchmarks.effort import Effort
from benchmarks.figures.figure import Measured, Row, Target
from benchmarks.systems import OURS, System

__all__ = ["Table"]


class Table:
    """Collects what was measured.

    Args:
        systems: its columns.
        effort: what was measured how often.
        notes: what the reader is to know, such as which peer is missing and why.
    """

    def __init__(self, systems: Sequence[System], effort: Effort, notes: Iterable[str] = ()) -> None:
        self._systems = systems
        self._effort = effort
        self._notes = list(notes)
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
        usual = {name: median(each) for name, each in values.items() if each}
        cells = [_cell(measured[each.name], values[each.name]) for each in self._systems]
        ours = usual.get(OURS.name)
        ratios = [_ratio(ours, usual.get(each.name)) for each in self._systems if each is not OURS]
        return [row.number, row.title, row.unit, *cells, *ratios, *_judge(row, ours, usual)]

    def markdown(self) -> str:
        """The whole table, with machine and versions."""
        peers = [each.name for each in self._systems if each is not OURS]
        head = ["#", "figure", "unit", *(each.name for each in self._systems)]
        head += [f"ours / {each}" for each in peers]
        head += ["target", "reached"]
        lines = [head, ["---"] * len(head), *self._lines]
        table = "\n".join(f"| {' | '.join(each)} |" for each in lines)
        about = [
            f"Measured {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {self._effort.name},"
            f" repeated {self._effort.repetitions} times:"
            " the middle one, and in brackets the lowest and the highest.",
            f"Machine: {_machine()}.",
            *(f"{each.name}: {each.versions()}." for each in self._systems),
            *self._notes,
        ]
        return table + "\n\n" + "\n".join(f"- {each}" for each in about) + "\n"


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


def _ratio(ours: float | None, peer: float | None) -> str:
    return "–" if ours is None or not peer else f"{ours / peer:.3g} ×"


def _judge(row: Row, ours: float | None, usual: dict[str, float]) -> tuple[str, str]:
    """The target in words, and whether it is reached; a peer that was not measured is left out of it."""
    sign, limits = "≥" if row.more_is_better else "≤", _limits(row.target, usual)
    words = [f"{sign} {times:.3g} × {name}" for name, times in row.target.times.items()]
    if row.target.value is not None:
        words.append(f"{sign} {row.target.value:g}")
    if not limits:
        return ", ".join(words) or "–", "–"
    reached = ours is not None and all(
        ours >= each if row.more_is_better else ours <= each for each in limits
    )
    return ", ".join(words), "yes" if reached else "no"


def _limits(target: Target, usual: dict[str, float]) -> list[float]:
    limits = [usual[name] * times for name, times in target.times.items() if name in usual]
    return limits if target.value is None else [*limits, target.value]


def _machine() -> str:
    processors = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    model = processors[0] if processors else platform.machine()
    load = os.getloadavg()[0]
    return f"{os.cpu_count()} × {model}, {platform.system()} {platform.release()}, load {load:.1f} at the end"
