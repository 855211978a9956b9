"""Our ASGI application with the apps: `benchmarks.sites.ours:create_application`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from embedsync import Hub, Settings
from embedsync.asgi import application

APPS = Path(__file__).parent.parent / "apps"


def create_application() -> Any:
    """Each app twice: of its own for each visitor, and shared by all."""
    grace = float(os.environ.get("BENCH_GRACE", "15"))
    # One socket is to write here as much as it can, which nobody who drags does.
    no_bound = 1e9
    hub = Hub(
        "for measuring only",
        Settings(grace=grace, edits_per_second=no_bound, frames_per_second=no_bound),
    )
    for path in sorted(APPS.glob("[!_]*.py")):
        hub.add_app(path.stem, path)
        hub.add_app(f"{path.stem}-shared", path, shared=True)
    return application(hub, pages=True)
