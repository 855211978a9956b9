"""Whether ours reaches its targets, and whether more repetitions could change that."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import median

from benchmarks.figures.figure import Measured, Row

__all__ = ["is_clear", "judge", "ratios", "values_of"]

Values = Mapping[str, Sequence[float]]
"""Of each system, by its name: what its repetitions gave, without those where it does not do such a thing."""

CLEAR = 1.25
"""How many times better or worse than its target a figure is that need not be measured again and again."""


def values_of(measured: Mapping[str, Sequence[Measured]], at: int) -> Values:
    """What was measured, of one row.

    Args:
        measured: each repetition, by the name of the system.
        at: which of the rows of the figure.
    """
    return {
        name: [value for each in repetitions if (value := each[at]) is not None]
        for name, repetitions in measured.items()
    }


def ratios(ours: Sequence[float], peer: Sequence[float]) -> list[float]:
    """How many times the value of a peer ours is, in each repetition; none if one of them has no value.

    In a repetition systems take turns: a machine that is slower for a minute is so for both. If not as many
    of both have come to their ends, those of ours are compared with the middle one of the peer.
    """
    if len(ours) != len(peer):
        peer = [median(peer)] * len(ours) if peer else []
    return [one / other for one, other in zip(ours, peer, strict=False) if other]


def judge(row: Row, ours: str, values: Values) -> tuple[str, str]:
    """The target in words, and whether it is reached; a peer that was not measured is left out of it.

    Args:
        row: which figure.
        ours: the name of the system that is judged.
        values: what was measured.
    """
    sign, target = "≥" if row.more_is_better else "≤", row.target
    words = [f"{sign} {each:.3g} × {name}" for name, each in target.times.items()]
    if target.value is not None:
        around = f" (± {target.within:g})" if target.within else ""
        words.append(f"{sign} {target.value:g}{around}")
    if words and not values[ours]:
        return ", ".join(words), "no"
    reached = [_reaches(row, median(found), limit) for found, limit in _judged(row, ours, values)]
    if not reached:
        return ", ".join(words) or "–", "–"
    return ", ".join(words), "yes" if all(reached) else "no"


def is_clear(row: Row, ours: str, values: Values) -> bool:
    """Whether two repetitions, or more, are all far beyond the target, or all far below it."""
    return len(values[ours]) >= 2 and all(
        all(_reaches(row, each, _beyond(row, limit, CLEAR)) for each in found)
        or not any(_reaches(row, each, _beyond(row, limit, 1 / CLEAR)) for each in found)
        for found, limit in _judged(row, ours, values)
    )


def _judged(row: Row, ours: str, values: Values) -> Iterator[tuple[list[float], float]]:
    """What is compared with a limit, in each repetition, and the limit."""
    for name, limit in row.target.times.items():
        if found := ratios(values[ours], values.get(name, ())):
            yield found, limit
    if row.target.value is not None:
        within = row.target.within
        yield list(values[ours]), row.target.value + (-within if row.more_is_better else within)


def _reaches(row: Row, value: float, limit: float) -> bool:
    return value >= limit if row.more_is_better else value <= limit


def _beyond(row: Row, limit: float, times: float) -> float:
    return limit * times if row.more_is_better else limit / times
