"""A Flask site with the contract's apps."""

from __future__ import annotations

from typing import Any

from flask import Flask, Response, render_template_string, request

from embedsync_flask import EmbedSync
from tests.contract.apps import all_apps, site_settings
from tests.contract.people import change, user_of


def create_app() -> Flask:
    app = Flask(__name__)
    settings = {f"EMBEDSYNC_{name.upper()}": value for name, value in site_settings().items()}
    app.config.update(SECRET_KEY="for tests only", **settings)
    live = EmbedSync(app)
    for name, (source, options) in all_apps().items():
        live.add_app(name, source, **options)

    @live.user_loader
    def user() -> str | None:
        return user_of(request.cookies.get("user", ""))

    @app.get("/people/<what>/<name>")
    def people(what: str, name: str) -> str:
        change(what, name)
        return ""

    @app.get("/leave")
    def leave() -> Response:
        live.logged_out(user())
        answer = Response("")
        answer.delete_cookie("user")
        return answer

    @app.get("/page/<name>")
    def page(name: str) -> str:
        arguments: dict[str, Any] = {key: request.args.getlist(key) for key in request.args}
        return render_template_string(
            "<!doctype html>{{ embed_app(name, **arguments) }}", name=name, arguments=arguments
        )

    return app
