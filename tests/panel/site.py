"""A Flask site with apps of Panel in its pages, and a policy that allows each what it needs."""

from __future__ import annotations

from pathlib import Path

from flask import Flask, Response, render_template_string, request

from embedsync_flask import EmbedSync

APPS = Path(__file__).parent / "apps"
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>A page</title><link rel="icon" href="data:,"></head>
<body><h1>A page of the site</h1>{{ embed_app(name) }}</body></html>
"""
_ALLOWED = {
    "components": "'unsafe-eval' 'unsafe-inline' blob:",
    "curve": "'unsafe-eval'",
    "template": "'unsafe-eval'",
}


def create_app() -> Flask:
    app = Flask(__name__)
    app.config.update(SECRET_KEY="for tests only", EMBEDSYNC_STOP_TIMEOUT=1.0)
    live = EmbedSync(app)
    for path in sorted(APPS.glob("*.py")):
        live.add_app(path.stem, path, authority="closed")

    @app.get("/deep/down/<name>")
    def page(name: str) -> str:
        return render_template_string(_PAGE, name=name)

    @app.after_request
    def add_policy(response: Response) -> Response:
        allowed = _ALLOWED.get(request.path.rpartition("/")[2], "")
        response.headers["Content-Security-Policy"] = (
            f"default-src 'self'; script-src 'self' {allowed}; style-src 'self' 'unsafe-inline'; "
            "img-src 'self' data:"
        )
        return response

    return app
