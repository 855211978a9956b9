"""Sites to attack, one of each kind of server: with apps that go wrong, and with apps that have doors."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from embedsync import wire
from tests.contract.client import Client
from tests.contract.servers import SERVERS, Site, running
from tests.faults.sites import ADAPTERS, FaultSite, serving

FRIEND = "https://friend.example:8443"
GUARDED_ON = ["flask-werkzeug", "flask-gthread", "django-daphne", "django-uvicorn", "asgi-uvicorn"]
GUARDED: dict[str, Any] = {
    "allowed_origins": [FRIEND, "https://*.wild.example", "https://site.com"],
    "revalidation": 0.3,
}
SETTINGS: dict[str, Any] = {
    "heartbeat": 0.5,
    "heartbeat_timeout": 1.0,
    "handshake_timeout": 1.5,
    "send_timeout": 1.5,
    "grace": 5.0,
    "stop_timeout": 1.0,
}
"""Those that tell who does not keep up, so that they tell it soon."""


@pytest.fixture(scope="session", params=list(ADAPTERS))
def attacked(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultSite]:
    folder = tmp_path_factory.mktemp("attacked")
    with serving(request.param, folder, SETTINGS, SITE_APPS="tests.security.apps") as started:
        come_and_edit(started)  # What is loaded with the first visit is loaded.
        yield started


def come_and_edit(site: FaultSite) -> None:
    """A visitor comes, edits, is answered, and leaves."""
    client, attached = Client.visit(site.page("echo"))
    with client:
        client.result(attached, client.set(attached, "amount", "value", 7))
        client.send(attached, wire.Detach())


@pytest.fixture(scope="session", params=GUARDED_ON)
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    variables = {"SITE_APPS": "tests.security.guarded_apps", "SITE_SETTINGS": json.dumps(GUARDED)}
    folder = tmp_path_factory.mktemp("guarded")
    with running(request.param, folder, server=SERVERS[request.param], environment=variables) as started:
        yield started
