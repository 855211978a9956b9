"""The application factory."""

import os
import secrets
from collections.abc import Mapping
from typing import Any

from flask import Flask, Response

from . import accounts, pages
from .live import create_live
from .source import show_code, show_source

CONTENT_SECURITY_POLICY = (
    "default-src 'self'; "
    "script-src 'self'; "
    # BokehJS writes its styles into <style> elements, so inline styles must be allowed. Scripts need not.
    "style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; "
    "connect-src 'self'"
)


def create_app(config: Mapping[str, Any] | None = None) -> Flask:
    """Build the site.

    Without a `SECRET_KEY` in `config` or in the environment a random one is used: people are then logged
    out whenever the site starts again, and it can't run in more than one process.
    """
    app = Flask(__name__)
    app.config.update(
        SECRET_KEY=os.environ.get("SECRET_KEY") or secrets.token_hex(),
        SESSION_COOKIE_SAMESITE="Lax",
    )
    app.config.update(config or {})

    accounts.init_app(app)
    app.register_blueprint(pages.blueprint)
    create_live().init_app(app)
    app.add_template_global(show_code)
    app.add_template_global(show_source)
    app.after_request(add_security_headers)
    return app


def add_security_headers(response: Response) -> Response:
    """Forbid what no page of this site needs, scripts in the page itself above all."""
    response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "same-origin"
    return response
