"""Our ASGI application with the apps: `benchmarks.sites.ours:create_application`."""

from __future__ import annotations

from typing import Any

from benchmarks.sites.recipes import grace, recipes, unbounded
from embedsync import Hub, Settings
from embedsync.asgi import application


def create_application() -> Any:
    """The application, which draws the pages itself."""
    settings = Settings.of({"grace": grace(), "tune_interpreter": True, **unbounded()})
    hub = Hub("for measuring only", settings)
    for name, path, shared in recipes():
        hub.add_app(name, path, shared=shared)
    return application(hub, pages=True)
