"""What is compared with what: ours on each of its servers beside the peers that people would take instead."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from benchmarks.figures import FIGURES
from benchmarks.figures.figure import Figure, Row, Target
from benchmarks.figures.visits import WHEN_READY
from benchmarks.systems import (
    ACCELERATED,
    BOKEH_ASGI,
    BOKEH_DJANGO_DAPHNE,
    BOKEH_DJANGO_UVICORN,
    BOKEH_SERVE,
    DJANGO_DAPHNE,
    DJANGO_DAPHNE_ACCELERATED,
    DJANGO_UVICORN,
    DJANGO_UVICORN_ACCELERATED,
    FLASK,
    OURS,
    PREBUILT,
    System,
)

__all__ = ["COMPARISONS", "Comparison"]


@dataclass(frozen=True)
class Comparison:
    """One table.

    Attributes:
        ours: what is judged.
        peers: what it is compared with; another of ours may be among them.
    """

    title: str
    ours: System
    peers: tuple[System, ...]
    figures: tuple[Figure, ...]

    @property
    def systems(self) -> tuple[System, ...]:
        """All of them, as in the table."""
        return (self.ours, *self.peers)


def _again(number: str, figures: str, target: Callable[[Row], Target]) -> tuple[Figure, ...]:
    """Figures of other systems once more, under a number and with targets of their own."""
    wanted = figures.split()
    return tuple(
        replace(
            each, rows=tuple(_renumbered(row, number, target) for row in each.rows), most=min(each.most, 3)
        )
        for each in FIGURES
        if each.answers(wanted)
    )


def _with(target: Callable[[Row], Target], figures: str) -> tuple[Figure, ...]:
    """Figures of other systems once more, with targets of their own."""
    return tuple(
        replace(each, rows=tuple(_judged(row, target) for row in each.rows), most=1)
        for each in FIGURES
        if each.answers(figures.split())
    )


def _judged(row: Row, target: Callable[[Row], Target]) -> Row:
    return replace(row, target=target(row)) if row.target.times else row


def _renumbered(row: Row, number: str, target: Callable[[Row], Target]) -> Row:
    judged = target(row) if row.target != Target() else Target()
    return replace(row, number=number, title=f"({row.number}) {row.title}", target=judged)


def _flask_target(row: Row) -> Target:
    """A third as good as our own ASGI application, and better than Bokeh's server."""
    third = 1 / 3 if row.more_is_better else 3
    return Target({OURS.name: third, BOKEH_SERVE.name: 1})


def _django(peer: System) -> Callable[[Row], Target]:
    """Three times as good as a peer on the same server."""
    return lambda row: Target({peer.name: 3 if row.more_is_better else 1 / 3})


def _accelerated_target(row: Row) -> Target:
    return Target({BOKEH_ASGI.name: _ACCELERATED[row.number, row.more_is_better]})


_ACCELERATED = {("5", False): 0.6, ("6", False): 0.45, ("6", True): 2.5}

COMPARISONS = (
    Comparison("embedsync, on uvicorn", OURS, (BOKEH_SERVE, BOKEH_ASGI), FIGURES),
    Comparison("The setting accelerate", ACCELERATED, (OURS, BOKEH_ASGI), _with(_accelerated_target, "5")),
    Comparison("Apps with prebuild=2", PREBUILT, (OURS, BOKEH_ASGI), WHEN_READY),
    Comparison(
        "Flask on gunicorn, with threads",
        FLASK,
        (OURS, BOKEH_SERVE),
        _again("15", "1 2 3 7 9", _flask_target),
    ),
    Comparison(
        "Django on daphne",
        DJANGO_DAPHNE,
        (BOKEH_DJANGO_DAPHNE,),
        _again("16", "1 2 5", _django(BOKEH_DJANGO_DAPHNE)),
    ),
    Comparison(
        "Django on daphne, with the setting accelerate",
        DJANGO_DAPHNE_ACCELERATED,
        (DJANGO_DAPHNE, BOKEH_DJANGO_DAPHNE),
        _again("16", "5", _django(BOKEH_DJANGO_DAPHNE)),
    ),
    Comparison(
        "Django on uvicorn",
        DJANGO_UVICORN,
        (BOKEH_DJANGO_UVICORN,),
        _again("16", "1 2 5", _django(BOKEH_DJANGO_UVICORN)),
    ),
    Comparison(
        "Django on uvicorn, with the setting accelerate",
        DJANGO_UVICORN_ACCELERATED,
        (DJANGO_UVICORN, BOKEH_DJANGO_UVICORN),
        _again("16", "5", _django(BOKEH_DJANGO_UVICORN)),
    ),
)
