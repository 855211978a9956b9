"""How much is measured: counts and seconds."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["FULL", "QUICK", "TINY", "Effort"]


@dataclass(frozen=True)
class Effort:
    """Counts of one run of the harness."""

    name: str
    repetitions: int
    events: int
    """One after the other, to find their usual latency."""
    seconds: float
    """Of each stretch that counts what happens in a while."""
    visits: int
    crowd_seconds: float
    expiring: int
    """Sessions that end together."""
    viewers: int
    streams: int
    steps: int
    waves: int


FULL = Effort("full", 3, 300, 5.0, 24, 70.0, 200, 100, 100, 300, 10)
QUICK = Effort("quick", 1, 100, 1.0, 4, 10.0, 40, 100, 100, 300, 3)
TINY = Effort("tiny", 1, 3, 0.1, 2, 0.5, 2, 2, 2, 3, 2)
