"""`python -m benchmarks`: measure, print, save."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.effort import FULL, QUICK, TINY, Effort
from benchmarks.figures import FIGURES
from benchmarks.figures.figure import Figure, Measured
from benchmarks.systems import OURS, SYSTEMS, System, running
from benchmarks.table import Table

EFFORTS = {each.name: each for each in (FULL, QUICK, TINY)}


def main(arguments: Sequence[str]) -> int:
    """Measure what the command line asks for; 1 if something could not be measured."""
    options = _parse(arguments)
    effort = EFFORTS[options.effort]
    wanted = [each for each in SYSTEMS if not options.systems or each.name in options.systems]
    systems = [each for each in wanted if each.installed]
    notes = [f"{each.name} is left out: it is not installed here." for each in wanted if each not in systems]
    for each in notes:
        print(each)
    table, complete = Table(systems, effort, notes), True
    for figure in FIGURES:
        if options.figures and figure.rows[0].number not in options.figures:
            continue
        measured = {each.name: _measure(each, figure, effort) for each in systems}
        complete = complete and all(measured.values())
        for line in table.add(figure.rows, measured):
            print(line, flush=True)
    output: Path = options.output
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(table.markdown())
    print(f"\n{table.markdown()}\nsaved as {output}")
    return 0 if complete else 1


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--effort", choices=EFFORTS, default=FULL.name)
    numbers = sorted({row.number for figure in FIGURES for row in figure.rows}, key=int)
    parser.add_argument(
        "--figures", nargs="*", choices=numbers, metavar="NUMBER", help="all of 1 to 13 unless given"
    )
    parser.add_argument("--systems", nargs="*", choices=[each.name for each in SYSTEMS], metavar="NAME")
    parser.add_argument("--output", type=Path, default=Path("dist/bench.md"))
    options = parser.parse_args(arguments)
    if options.systems and OURS.name not in options.systems:
        parser.error(f"--systems needs {OURS.name}, with which the others are compared")
    return options


def _measure(system: System, figure: Figure, effort: Effort) -> list[Measured]:
    """Each repetition on a server of its own; none if one of them has failed, which is told."""
    try:
        return [asyncio.run(_repetition(system, figure, effort)) for _ in range(effort.repetitions)]
    except Exception as error:  # noqa: BLE001  (whatever a peer does, the others are measured)
        print(f"figure {figure.rows[0].number}, {system.name}: {type(error).__name__}: {error}", flush=True)
        return []


async def _repetition(system: System, figure: Figure, effort: Effort) -> Measured:
    with running(system, figure.grace) as site:
        return await figure.measure(site, effort)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
