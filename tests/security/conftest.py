"""One site for each server, with apps that not everybody may use; the same one for all attacks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract.servers import SERVERS, Site, running

ADAPTERS = ["flask-werkzeug", "flask-gthread", "django-daphne", "django-uvicorn", "asgi-uvicorn"]
FRIEND = "https://friend.example:8443"
SETTINGS: dict[str, Any] = {
    "allowed_origins": [FRIEND, "https://*.wild.example", "https://site.com"],
    "revalidation": 0.3,
}


@pytest.fixture(scope="session", params=ADAPTERS)
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    variables = {"SITE_APPS": "tests.security.apps", "SITE_SETTINGS": json.dumps(SETTINGS)}
    folder = tmp_path_factory.mktemp("attacked")
    with running(request.param, folder, server=SERVERS[request.param], environment=variables) as started:
        yield started
