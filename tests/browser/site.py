"""A Flask site for what the demonstration does not show. Its heart beats fast and its policy is strict."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask import Flask, Response, g, render_template_string, request

from demo_site.flask_site.factory import add_security_headers
from demo_site.security import WITH_TABLES
from embedsync_flask import EmbedSync

APPS = Path(__file__).parent / "apps"
SECRET_KEY = "for tests only"
SHARED = ("shared", "markup")
WRITTEN_BY_SCRIPTS = ("numbers",)
"""Apps whose data the scripts of a page write."""
OWN = ("root", "height", "bare")
_TAGS = "{% for root in roots %}{{ embed_app(name, root=root, height=height, **given) }}{% endfor %}"
_PAGE = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>A page</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,"></head>
<body><main id="main">{_TAGS}</main></body></html>
"""


def allow_eval(response: Response) -> Response:
    policy = response.headers["Content-Security-Policy"]
    response.headers["Content-Security-Policy"] = policy.replace("script-src ", "script-src 'unsafe-eval' ")
    return response


def make_nonce() -> None:
    """Where Flask extensions for policies put theirs, too."""
    g.nonce = secrets.token_urlsafe(16)
    request.csp_nonce = g.nonce  # type: ignore[attr-defined]


def with_policy(policy: str) -> Callable[[Response], Response]:
    """Sends a policy of a test's own, in which a name stands for the nonce of the request."""

    def send(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = policy.replace("NONCE", f"'nonce-{g.nonce}'")
        return response

    return send


def create_app() -> Flask:
    app = Flask(__name__)
    app.config.update(SECRET_KEY=SECRET_KEY, EMBEDSYNC_HEARTBEAT=1.0, EMBEDSYNC_STOP_TIMEOUT=1.0)
    app.config.from_prefixed_env("TEST")
    live = EmbedSync(app)
    for path in sorted(APPS.glob("*.py")):
        live.add_app(
            path.stem,
            path,
            shared=path.stem in SHARED,
            authority="compat" if path.stem in WRITTEN_BY_SCRIPTS else None,
            script_tag=path.stem != "gated",
            script_arguments=("words",),
        )
    if app.config.get("EVAL"):
        app.after_request(allow_eval)  # It runs after the next one.
    app.before_request(make_nonce)
    app.after_request(with_policy(app.config.get("POLICY", WITH_TABLES)))
    app.after_request(add_security_headers)

    @app.get("/page/<name>")
    def page(name: str) -> str:
        """An app: as often as there are roots, and without a page around it if that is to be ``bare``."""
        given: dict[str, Any] = {key: request.args.getlist(key) for key in request.args if key not in OWN}
        given |= {key: request.args[key] for key in ("session",) if key in request.args}
        return render_template_string(
            _TAGS if "bare" in request.args else _PAGE,
            name=name,
            roots=request.args.getlist("root") or [""],
            height=request.args.get("height", ""),
            given=given,
        )

    @app.get("/tag")
    def tag() -> str:
        """A page without embed_app."""
        kind = ' type="module"' if "module" in request.args else ""
        script = f'<script{kind} src="/live/embed.js" data-app="bench"></script>'
        return f'<!doctype html><title>A page</title><link rel="icon" href="data:,"><main>{script}</main>'

    @app.get("/sessions")
    def sessions() -> list[str]:
        """The sessions that live on this server."""
        return [each.id for each in live.hub.sessions]

    return app
