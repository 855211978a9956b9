"""BokehASGI with the apps; runs in an environment of its own, where embedsync is not installed."""

import os
from pathlib import Path

from bokeh.server.asgi import BokehASGI

APPS = Path(__file__).parent.parent / "apps"
grace = int(float(os.environ.get("BENCH_GRACE", "15")) * 1000)

application = BokehASGI(
    {f"/{path.stem}": path for path in sorted(APPS.glob("[!_]*.py"))},
    unused_session_lifetime_milliseconds=grace,
    check_unused_sessions_milliseconds=min(grace, 1000),
)
