"""How much is measured: counts and seconds."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["FULL", "QUICK", "TINY", "Effort"]


@dataclass(frozen=True)
class Effort:
    """Counts of one run of the harness."""

    name: str
    repetitions: int
    """At the most: what takes long is repeated less, and so is what is far from its target."""
    patience: float
    """Seconds after which a repetition has failed."""
    events: int
    """One after the other, to find their usual latency."""
    seconds: float
    """Of each stretch that counts what happens in a while."""
    visits: int
    large_visits: int
    """The same, of pages that take long."""
    crowd_seconds: float
    expiring: int
    """Sessions that end together."""
    viewers: int
    streams: int
    steps: int
    waves: int
    unchanged_loads: int
    """Of a page, one after the other, that brought no less than the one before."""


FULL = Effort(
    "full",
    repetitions=5,
    patience=240,
    events=100,
    seconds=2.0,
    visits=24,
    large_visits=4,
    crowd_seconds=70,
    expiring=200,
    viewers=100,
    streams=100,
    steps=300,
    waves=10,
    unchanged_loads=3,
)
QUICK = Effort(
    "quick",
    repetitions=1,
    patience=60,
    events=30,
    seconds=0.5,
    visits=4,
    large_visits=1,
    crowd_seconds=2,
    expiring=20,
    viewers=100,
    streams=100,
    steps=60,
    waves=2,
    unchanged_loads=1,
)
TINY = Effort(
    "tiny",
    repetitions=1,
    patience=60,
    events=3,
    seconds=0.1,
    visits=2,
    large_visits=2,
    crowd_seconds=0.5,
    expiring=2,
    viewers=2,
    streams=2,
    steps=3,
    waves=2,
    unchanged_loads=3,
)
