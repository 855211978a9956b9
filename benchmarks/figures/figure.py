"""What a figure is: something measured on a running system, and what ours must reach."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import quantiles

from benchmarks.effort import Effort
from benchmarks.systems import Site

__all__ = ["Figure", "Measured", "Row", "Target", "percentile", "seeded", "slider_value"]

Measured = Sequence[float | None]
"""A value for each row; ``None`` where the system does not do at all what is measured."""


@dataclass(frozen=True)
class Target:
    """What ours must reach: so many times a peer's value, or a value.

    Attributes:
        times: by the name of the peer.
        value: in the unit of the row.
        within: how far off ``value`` may be, because it is measured no better than that.
    """

    times: Mapping[str, float] = field(default_factory=dict)
    value: float | None = None
    within: float = 0.0


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    number: str
    title: str
    unit: str
    target: Target = Target()
    more_is_better: bool = False


@dataclass(frozen=True)
class Figure:
    """Measured in one go, on a server that was just started.

    Attributes:
        measure: gives a value for each row.
        grace: seconds for which the server keeps sessions that nobody looks at.
        most: repetitions at the most, of what takes long.
        at_once: all systems may be measured at the same time: it is not about time.
    """

    rows: tuple[Row, ...]
    measure: Callable[[Site, Effort], Awaitable[Measured]]
    grace: float = 15.0
    most: int = 3
    at_once: bool = False

    def answers(self, numbers: Collection[str]) -> bool:
        """Whether it is asked for, when these numbers are, or none in particular."""
        return not numbers or any(row.number in numbers for row in self.rows)


def percentile(values: Sequence[float], percent: int) -> float:
    """The value that so many percent do not exceed."""
    if len(values) == 1:
        return values[0]
    return quantiles(values, n=100, method="inclusive")[percent - 1]


def slider_value(number: int) -> float:
    """Another value than the one before, for each number from 0; within the bounds of all sliders."""
    return 0.1 + (number % 4000 + 1) / 1000


def seeded() -> random.Random:
    """The same choices for each system."""
    return random.Random(6)
