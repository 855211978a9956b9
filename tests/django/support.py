"""Members, pages, and servers of the tests' project."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest
from django.core.asgi import get_asgi_application
from django.http import HttpRequest
from django.template import engines
from django.test import Client as Pages
from django.test import RequestFactory

from embedsync.tickets import Grant
from embedsync_django import embed
from embedsync_django.asgi import with_live_apps
from tests.asgi.server import running
from tests.contract.client import Attached, Client, elements_of
from tests.contract.servers import free_port, own_environment, start
from tests.django.site.models import Member

SITE = Path(__file__).parent / "site"
ROOT = SITE.parents[2]


def member(name: str = "", **fields: Any) -> Member:
    """A new member, whose password is ``secret``."""
    user = Member(username=name or uuid.uuid4().hex, **fields)
    user.set_password("secret")
    user.save()
    return user


def logged_in(user: Member) -> Pages:
    """Django's test client, logged in over HTTP."""
    pages = Pages()
    assert pages.get(f"/in/{user.username}").status_code == 200
    return pages


def cookie_header(pages: Pages) -> dict[str, str]:
    """The header by which a browser shows the cookies of a test client."""
    return {"Cookie": "; ".join(f"{name}={each.value}" for name, each in pages.cookies.items())}


def render(source: str, request: HttpRequest | None = None, *, using: str = "django", **context: Any) -> str:
    """A template of Django, with the tag's library loaded, or of Jinja2."""
    load = "{% load embedsync %}" if using == "django" else ""
    return engines[using].from_string(load + source).render(context, request)


def visit(**headers: str) -> HttpRequest:
    """A request without middleware, of a stranger."""
    return RequestFactory(headers=headers).get("/")


def attributes(page: str) -> list[dict[str, str]]:
    """Those of each ``<embed-app>`` in a page."""
    found = re.findall(r"<embed-app((?:\s+[\w-]+=\"[^\"]*\")*)\s*>", page)
    return [{n: unescape(v) for n, v in re.findall(r"([\w-]+)=\"([^\"]*)\"", each)} for each in found]


def grant_of(page: str) -> Grant:
    """What the ticket of the first app in a page grants."""
    return embed.hub._opening._tickets.read(attributes(page)[0]["ticket"])


@contextmanager
def served(site: Any = None) -> Iterator[str]:
    """The project on a real server, in a thread of this process."""
    application = site or with_live_apps(get_asgi_application())
    with running(application, embed.hub) as url:
        yield url


def open_app(url: str, name: str, headers: dict[str, str] | None = None) -> tuple[Client, Attached]:
    """Visit the page of an app as a browser would."""
    return Client.visit(urljoin(url, f"page/{name}"), **(headers or {}))


@contextmanager
def server(
    folder: Path, *command: str, site_settings: dict[str, Any] | None = None, health: str = "/live/health"
) -> Iterator[tuple[str, Any]]:
    """A server of its own process. ``{port}`` in a command is the port it should take."""
    port = free_port()
    variables = {
        "SITE_SETTINGS": json.dumps(site_settings or {}),
        "DJANGO_SETTINGS_MODULE": "tests.django.site.settings",
    }
    words = [sys.executable, *(each.format(port=port) for each in command)]
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        with start(words, port, health, folder / "server.log") as (url, process):
            yield url, process


def manage(*command: str, site_settings: dict[str, Any] | None = None, cwd: Path = ROOT) -> str:
    """Run a command of ``manage.py`` in a process of its own; what it prints."""
    ended = subprocess.run(
        [sys.executable, SITE / "manage.py", *command],
        env=own_environment() | {"SITE_SETTINGS": json.dumps(site_settings or {})},
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    printed = ended.stdout + ended.stderr
    assert ended.returncode == 0, printed
    return printed


def open_files(path: Path) -> int:
    """How many times this process has a file open."""
    targets = []
    for each in Path("/proc/self/fd").iterdir():
        try:
            targets.append(each.readlink())
        except OSError:
            continue  # It was closed meanwhile.
    return sum(target == path for target in targets)


__all__ = [
    "SITE",
    "attributes",
    "cookie_header",
    "elements_of",
    "grant_of",
    "logged_in",
    "manage",
    "member",
    "open_app",
    "open_files",
    "render",
    "served",
    "server",
    "visit",
]
