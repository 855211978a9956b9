"""A Flask site with the apps: `benchmarks.sites.flask_site:create_app()`."""

from __future__ import annotations

from flask import Flask, render_template_string

from benchmarks.sites.recipes import grace, recipes, unbounded
from embedsync_flask import EmbedSync


def create_app() -> Flask:
    """The site: one page for each app."""
    app = Flask(__name__)
    app.config.update(
        SECRET_KEY="for measuring only", EMBEDSYNC_GRACE=grace(), EMBEDSYNC_TUNE_INTERPRETER=True
    )
    app.config.update({f"EMBEDSYNC_{name.upper()}": each for name, each in unbounded().items()})
    live = EmbedSync(app)
    for name, path, shared in recipes():
        live.add_app(name, path, shared=shared)

    @app.get("/<name>")
    def page(name: str) -> str:
        return render_template_string("<!doctype html>{{ embed_app(name) }}", name=name)

    return app
