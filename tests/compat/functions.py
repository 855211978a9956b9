"""Apps that are functions and applications, served from Python by one server or the other."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from bokeh.application import Application
from bokeh.application.handlers import FunctionHandler, ScriptHandler
from bokeh.models import Button, Div


def plain(doc: Any) -> None:
    shown, button = Div(text="a function"), Button(label="Press")
    button.on_click(lambda: setattr(shown, "text", "pressed"))
    doc.add_root(shown)
    doc.add_root(button)
    doc.title = "Plain"


def second(doc: Any) -> None:
    doc.add_root(Div(text=f"a second one, after {len(doc.roots)} root"))


def first(doc: Any) -> None:
    doc.add_root(Div(text="a first handler"))


SCRIPT = Path(__file__).parent / "apps" / "counted.py"
APPS = {
    "/plain": plain,
    "/several": Application(FunctionHandler(first), FunctionHandler(second), metadata={"is": "known"}),
    "/script": Application(ScriptHandler(filename=str(SCRIPT))),
}


def serve_bokeh(port: int) -> None:
    from bokeh.server.server import Server

    server = Server(APPS, port=port, allow_websocket_origin=[f"127.0.0.1:{port}"])
    server.run_until_shutdown()


def serve_embedsync(port: int) -> None:
    import uvicorn

    from embedsync import Hub
    from embedsync.asgi import application

    hub = Hub("only for tests")
    for name, app in APPS.items():
        hub.add_app(name.strip("/"), app)
    uvicorn.run(application(hub, pages=True), port=port, log_level="warning")


if __name__ == "__main__":
    {"bokeh": serve_bokeh, "embedsync": serve_embedsync}[sys.argv[1]](int(sys.argv[2]))
