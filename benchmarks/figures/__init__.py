"""The figures, in their order."""

from __future__ import annotations

from benchmarks.figures import events, hardships, loading, memory, visits
from benchmarks.figures.figure import Figure

__all__ = ["FIGURES"]

FIGURES: tuple[Figure, ...] = (
    *events.FIGURES,
    *visits.FIGURES,
    *hardships.FIGURES,
    *memory.FIGURES,
    *loading.FIGURES,
)
