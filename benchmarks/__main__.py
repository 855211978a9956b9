"""`python -m benchmarks`: measure, print, save."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.comparisons import COMPARISONS, Comparison
from benchmarks.effort import FULL, QUICK, TINY
from benchmarks.measuring import Measurements
from benchmarks.systems import SYSTEMS, System
from benchmarks.table import Table, about

EFFORTS = {each.name: each for each in (FULL, QUICK, TINY)}


def main(arguments: Sequence[str]) -> int:
    """Measure what the command line asks for; 1 if something of ours could not be measured."""
    options = _parse(arguments)
    effort = EFFORTS[options.effort]
    missing = [each for each in _systems(options.comparisons) if not each.installed]
    notes = [f"{each.name} is left out: it is not installed here." for each in missing]
    for each in notes:
        print(each)
    measurements, begun = Measurements(effort), time.monotonic()
    tables = [_measure(each, measurements) for each in options.comparisons]
    systems = [each for each in _systems(options.comparisons) if each.installed]
    text = "\n".join(
        [
            *(each.markdown() for each in tables),
            about(systems, effort, time.monotonic() - begun, notes + measurements.notes),
        ]
    )
    output: Path = options.output
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(text)
    print(f"\n{text}\nsaved as {output}")
    return 1 if measurements.ours_failed else 0


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--effort", choices=EFFORTS, default=FULL.name)
    numbers = {row.number for each in COMPARISONS for figure in each.figures for row in figure.rows}
    last = max(numbers, key=int)
    parser.add_argument(
        "--figures",
        nargs="*",
        default=[],
        choices=sorted(numbers, key=int),
        metavar="NUMBER",
        help=f"all of 1 to {last} unless given",
    )
    names = [each.name for each in SYSTEMS]
    parser.add_argument(
        "--systems", nargs="*", default=[], choices=names, metavar="NAME", help=f"all of {', '.join(names)}"
    )
    parser.add_argument("--output", type=Path, default=Path("dist/bench.md"))
    options = parser.parse_args(arguments)
    options.comparisons = _wanted(options.figures, options.systems)
    if not options.comparisons:
        parser.error(
            "nothing is left to measure: --systems needs the one of ours whose figures are asked for"
        )
    return options


def _wanted(numbers: list[str], names: list[str]) -> list[Comparison]:
    """The comparisons that are asked for, without what is not; those whose own system is not are left out."""
    chosen = []
    for each in COMPARISONS:
        figures = tuple(figure for figure in each.figures if figure.answers(numbers))
        peers = tuple(peer for peer in each.peers if not names or peer.name in names)
        if figures and (not names or each.ours.name in names):
            chosen.append(replace(each, peers=peers, figures=figures))
    return chosen


def _systems(comparisons: Sequence[Comparison]) -> list[System]:
    """Each system once, in the order of the tables."""
    return list(dict.fromkeys(system for each in comparisons for system in each.systems))


def _measure(comparison: Comparison, measurements: Measurements) -> Table:
    systems = [each for each in comparison.systems if each.installed]
    table = Table(comparison.title, systems)
    print(f"\n{comparison.title}: {', '.join(each.name for each in systems)}")
    for figure in comparison.figures:
        for line in table.add(figure.rows, measurements.of(systems, figure)):
            print(line, flush=True)
    return table


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
