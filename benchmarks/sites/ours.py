"""Our ASGI application with the apps: `benchmarks.sites.ours:create_application`, and with what is opt-in."""

from __future__ import annotations

from typing import Any

from benchmarks.sites.recipes import grace, recipes, unbounded
from embedsync import Hub, Settings
from embedsync.asgi import application


def create_application(*, prebuild: int = 0, **settings: Any) -> Any:
    """The application, which draws the pages itself."""
    given = {"grace": grace(), "tune_interpreter": True, **unbounded(), **settings}
    hub = Hub("for measuring only", Settings.of(given))
    for name, path, shared in recipes():
        hub.add_app(name, path, shared=shared, prebuild=0 if shared else prebuild)
    return application(hub, pages=True)


def create_accelerated() -> Any:
    """With Bokeh's models made faster."""
    return create_application(accelerate=True)


def create_prebuilt() -> Any:
    """With documents that are built before their visitors come."""
    return create_application(prebuild=2)
