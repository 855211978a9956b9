"""The project on the servers that Django's users run, and how these end."""

from __future__ import annotations

import json
import re
import signal
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest

from tests.contract.client import fetch
from tests.django.support import SITE, manage, open_app, server
from tests.django.test_endpoint import ask
from tests.django.test_prefix import DAPHNE, UVICORN

RUNSERVER = [str(SITE / "manage.py"), "runserver", "--noreload", "127.0.0.1:{port}"]
SERVERS = {
    "runserver": (RUNSERVER, {"DEBUG": True}),
    "daphne": (DAPHNE, {}),
    "uvicorn": (UVICORN, {}),
    "uvicorn without lifespan": ([*UVICORN, "--lifespan", "off"], {}),
}


@pytest.fixture(params=list(SERVERS))
def chosen(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[list[str], dict[str, Any]]:
    command, changed = SERVERS[request.param]
    database = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": str(tmp_path / "db")}}
    return command, {**changed, "DATABASES": database}


def test_an_app_is_live_on_every_server(tmp_path: Path, chosen: tuple[list[str], dict[str, Any]]) -> None:
    command, changed = chosen
    manage("migrate", "--verbosity=0", site_settings=changed)
    with server(tmp_path, *command, site_settings=changed) as (url, _):
        client, attached = open_app(url, "counting_async", {"Origin": url})
        with client:
            client.set(attached, "amount", "value", 7)
            client.wait_for_value(attached, "report", "value", "7: 0")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_server_that_is_told_to_stop_does_so_at_once_with_sessions_open(
    tmp_path: Path, chosen: tuple[list[str], dict[str, Any]], number: int
) -> None:
    command, changed = chosen
    with server(tmp_path, *command, site_settings=changed) as (url, process):
        client, _ = open_app(url, "ticking_alone", {"Origin": url})
        with client:
            process.send_signal(number)
            assert client.wait_closed() in (1001, 1005, 1006, 1012, 4000, 4001, 4002, 4003, 4005)
            process.wait(60)
    log = (tmp_path / "server.log").read_text()
    assert "Traceback" not in log, log
    assert "some app code still runs" not in log


def test_runserver_serves_the_modules_and_bokeh(tmp_path: Path) -> None:
    with server(tmp_path, *RUNSERVER, site_settings={"DEBUG": True}) as (url, _):
        page = fetch(f"{url}/page/plain")
        for address in re.findall(r'(?:href|src)="([^"]+\.js)"', page):
            assert fetch(urljoin(url, address))
        client, attached = open_app(url, "plain")
        client.close()
        assert attached.opened is not None
        for address in attached.opened.scripts:
            assert "Bokeh" in fetch(urljoin(url, address))


def test_pages_may_be_made_by_wsgi_and_sockets_served_by_asgi(tmp_path: Path) -> None:
    """Two servers of one project: the ticket of the one opens a session of the other."""
    gunicorn = ["-m", "gunicorn", "--bind", "127.0.0.1:{port}", "--no-control-socket"]
    site = {"ROOT_URLCONF": "tests.django.site.urls_with_live"}
    pages = tmp_path / "pages"
    pages.mkdir()
    with (
        server(pages, *gunicorn, "tests.django.site.wsgi:application", site_settings=site) as (url, _),
        server(tmp_path, *DAPHNE) as (sockets, _),
    ):
        page = fetch(f"{url}/page/plain")
        [ticket] = re.findall(r'ticket="([^"]+)"', page)
        client, _ = open_app(sockets, "plain")
        with client:
            assert client.open(ticket).document
        body = json.dumps({"ticket": ticket}).encode()
        assert ask(f"{url}/live/ticket", body)[0] == 200
