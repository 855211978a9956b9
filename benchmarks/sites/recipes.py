"""The apps as our own sites take them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

APPS = Path(__file__).parent.parent / "apps"


def grace() -> float:
    """Seconds for which the session of a visitor who has left is kept."""
    return float(os.environ.get("BENCH_GRACE", "15"))


def unbounded() -> dict[str, float]:
    """Settings by which one socket may write as much as it can, as the figures ask; nobody who drags does."""
    return {"edits_per_second": 1e9, "frames_per_second": 1e9}


def recipes() -> Iterator[tuple[str, Path, bool]]:
    """Name, script, and whether it is shared: each app is of its own for each visitor, and shared by all."""
    for path in sorted(APPS.glob("[!_]*.py")):
        yield path.stem, path, False
        yield f"{path.stem}-shared", path, True
