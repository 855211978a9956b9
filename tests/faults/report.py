"""Writes `docs/faults.md` from a run."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from tests.faults.catalog import ELSEWHERE, FAULTS, WAITING
from tests.faults.counts import FULL

__all__ = ["Figures", "Outcome", "fault_of", "write"]

_PACKAGES = (
    "bokeh", "flask", "flask-sock", "simple-websocket", "gunicorn", "django", "channels", "daphne",
    "autobahn", "uvicorn", "websockets",
)  # fmt: skip

_INTRODUCTION = """\
# Faults survived

This page is written by a run of `tests/faults` (`make faults`): each test provokes one fault, for real, and a
checker decides whether the promise in the test's name was kept. Histories of what every browser sent and
received are compared with a journal that the apps keep beside everything under test: no op missing, none
applied twice, each committed edit's callback run exactly once, documents equal in the end, and threads, file
descriptors, sessions and memory back to where they were. `make unit` runs the same tests with smaller counts.
"""


@dataclass
class Figures:
    """What a test has measured, in the order in which it was noted."""

    noted: dict[str, str] = field(default_factory=dict)

    def __call__(self, name: str, value: float | str, unit: str = "") -> None:
        """Note a figure under a name."""
        text = value if isinstance(value, str) else _number(value)
        self.noted[name] = f"{text} {unit}".rstrip()


@dataclass
class Outcome:
    """One test on one adapter."""

    fault: int
    promise: str
    done: str
    adapter: str
    outcome: str
    why: str
    figures: Figures


def fault_of(name: str) -> int | None:
    """The number of the fault that a test is about."""
    found = re.match(r"test_f(\d+)_", name)
    return int(found.group(1)) if found else None


def write(path: Path, outcomes: list[Outcome], seconds: float) -> None:
    """Write the page."""
    path.write_text("\n".join(_page(outcomes, seconds)) + "\n")


def _page(outcomes: list[Outcome], seconds: float) -> Iterator[str]:
    yield _INTRODUCTION
    yield from _circumstances(seconds)
    passed = {each.fault for each in outcomes}
    passed -= {each.fault for each in outcomes if each.outcome == "failed"}
    yield ""
    yield (
        f"Of {len(FAULTS)} faults {len(passed)} are survived here, {len(ELSEWHERE.keys() - passed)} "
        f"are proved by other tests alone, and {len(WAITING.keys() - passed)} wait."
    )
    if unproved := sorted(
        FAULTS.keys() - {each.fault for each in outcomes} - ELSEWHERE.keys() - WAITING.keys()
    ):
        yield f"Without a test so far: {', '.join(f'F{each}' for each in unproved)}."
    yield "\n## Proved by this run\n"
    yield "| fault | promise | what was done | on | result | measured |"
    yield "|---|---|---|---|---|---|"
    for fault in sorted({each.fault for each in outcomes}):
        yield from _rows(fault, [each for each in outcomes if each.fault == fault])
    yield "\nWhere several values are measured they are in the order of the adapters."
    yield "\n## Proved elsewhere\n"
    yield "| fault | by | what is done |"
    yield "|---|---|---|"
    for fault, elsewhere in sorted(ELSEWHERE.items()):
        yield f"| **F{fault}** {FAULTS[fault]} | {elsewhere.tests} | {elsewhere.done} |"
    yield "\n## Waiting\n"
    yield "| fault | why |"
    yield "|---|---|"
    for fault, why in sorted(WAITING.items()):
        yield f"| **F{fault}** {FAULTS[fault]} | {why} |"


def _rows(fault: int, outcomes: list[Outcome]) -> Iterator[str]:
    promises: dict[str, list[Outcome]] = {}
    for each in outcomes:
        promises.setdefault(each.promise, []).append(each)
    heading = f"**F{fault}** {FAULTS[fault]}"
    for promise, its in promises.items():
        adapters = ", ".join(dict.fromkeys(each.adapter for each in its))
        result = ", ".join(dict.fromkeys(_result(each) for each in its))
        yield f"| {heading} | {promise} | {its[0].done} | {adapters} | {result} | {_measured(its)} |"
        heading = f"F{fault}"


def _result(outcome: Outcome) -> str:
    return f"{outcome.outcome}: {outcome.why}" if outcome.why else outcome.outcome


def _measured(outcomes: list[Outcome]) -> str:
    names = dict.fromkeys(name for each in outcomes for name in each.figures.noted)
    parts = []
    for name in names:
        values = [each.figures.noted[name] for each in outcomes if name in each.figures.noted]
        parts.append(f"{name}: {_joined(values)}")
    return "<br>".join(parts)


def _joined(values: list[str]) -> str:
    return values[0] if len(set(values)) == 1 else " · ".join(values)


def _circumstances(seconds: float) -> Iterator[str]:
    counts = "full" if FULL else "reduced"
    versions = ", ".join(f"{each} {importlib.metadata.version(each)}" for each in _PACKAGES)
    today, minutes = f"{datetime.now(UTC):%Y-%m-%d}", round(seconds / 60)
    system = f"{platform.system()} {platform.release()}"
    yield f"- Run: {today}, {counts} counts, {minutes} minutes, commit {_commit()}."
    yield f"- Machine: {os.cpu_count()} cores ({_processor()}), {_memory()} GiB, {system}."
    yield f"- Versions: Python {sys.version.split()[0]}, {versions}."


def _commit() -> str:
    found = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    return found.stdout.strip() or "unknown"


def _processor() -> str:
    names = re.findall(r"model name\s*:\s*(.+)", _read("/proc/cpuinfo"))
    return str(names[0]) if names else platform.processor() or "unknown"


def _memory() -> int:
    found = re.findall(r"MemTotal:\s*(\d+)", _read("/proc/meminfo"))
    return round(int(found[0]) / 1024 / 1024) if found else 0


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""


def _number(value: float) -> str:
    if isinstance(value, int) or value == int(value):
        return f"{int(value):,}"
    return f"{value:.3f}" if value < 0.1 else f"{value:.2f}" if value < 10 else f"{value:.0f}"


def joined_lines(lines: Iterable[str]) -> str:
    """Text of several lines as one cell of a table."""
    return " ".join(each.strip() for each in lines).replace("|", "\\|")
