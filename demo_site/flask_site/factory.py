"""The application factory."""

import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flask import Flask, Response

from demo_site.security import SECURITY_HEADERS
from demo_site.source import show_code, show_source

from . import accounts, pages
from .live import create_live

STATIC = Path(__file__).parent.parent / "static"


def create_app(config: Mapping[str, Any] | None = None) -> Flask:
    """Build the site.

    Without a `SECRET_KEY` in `config` or in the environment a random one is used: people are then logged
    out whenever the site starts again, and it can't run in more than one process.
    """
    app = Flask(__name__, static_folder=STATIC)
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
    response.headers.update(SECURITY_HEADERS)
    return response
