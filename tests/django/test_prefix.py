"""Below a path of somebody else's host: behind nginx, which strips the path or does not."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import django
import pytest

from tests.contract.client import Client, fetch
from tests.django.support import manage, open_app, server
from tests.support import nginx

needs_nginx = pytest.mark.skipif(
    nginx.NGINX is None, reason="nginx is not installed: apt-get install nginx-light"
)

_LOCATIONS = """
    location /site/static/ {{ alias {static}/; }}
    location /site/ {{
      proxy_pass {target};
      proxy_http_version 1.1;
      proxy_set_header Host $http_host;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_upgrade;
    }}
"""
DAPHNE = ["-m", "daphne", "--bind", "127.0.0.1", "--port", "{port}", "tests.django.site.asgi:application"]
UVICORN = [
    "-m",
    "uvicorn",
    "--port",
    "{port}",
    "--log-level",
    "warning",
    "tests.django.site.asgi:application",
]
FORCED = {"FORCE_SCRIPT_NAME": "/site"}
ROOT_PATH = ["--root-path", "/site"]


@needs_nginx
@pytest.mark.parametrize(
    ("command", "changed", "strips"),
    [
        (DAPHNE, FORCED, True),
        (DAPHNE, FORCED, False),
        (UVICORN, FORCED, True),
        (UVICORN, FORCED, False),
        ([*DAPHNE, *ROOT_PATH], {}, True),
        ([*DAPHNE, *ROOT_PATH], {}, False),
        ([*UVICORN, *ROOT_PATH], {}, True),
    ],
    ids=[
        "daphne, forced, stripped",
        "daphne, forced",
        "uvicorn, forced, stripped",
        "uvicorn, forced",
        "daphne, root path, stripped",
        "daphne, root path",
        "uvicorn, root path, stripped",
    ],
)
def test_pages_sockets_and_files_are_found_below_a_path(
    tmp_path: Path, command: list[str], changed: dict[str, Any], strips: bool
) -> None:
    if django.VERSION < (5,) and changed and not strips:
        pytest.skip("before 5.0, Django on ASGI does not take FORCE_SCRIPT_NAME off the path")
    static = tmp_path / "static"
    manage("collectstatic", "--noinput", site_settings={"STATIC_ROOT": str(static)})
    inner = "/live/health" if strips or not changed else "/site/live/health"
    with server(tmp_path, *command, site_settings=changed, health=inner) as (behind, _):
        locations = _LOCATIONS.format(static=static, target=f"{behind}/" if strips else behind)
        with nginx.running(tmp_path, locations) as url:
            works_below(f"{url}/site/", url)


def works_below(site: str, origin: str) -> None:
    page = fetch(urljoin(site, "page/surroundings"))
    [module] = re.findall(r'<script type="module" src="([^"]+)"', page)
    assert module.startswith("/site/static/embedsync/")
    assert "import" in fetch(urljoin(site, module))
    # The socket first, as after a restart: what it makes of addresses must not depend on a page.
    client, attached = open_app(site, "surroundings", {"Origin": origin})
    with client:
        assert client.endpoint == f"{site}live/"
        assert client.value(attached, "report", "value") == "Monday UTC /site/page/x"
        assert attached.opened is not None
        assert all(each.startswith("/site/static/embedsync/bokeh/") for each in attached.opened.scripts)
        client.set(attached, "amount", "value", 7)
        client.wait_for_value(attached, "report", "value", "7: Monday UTC /site/page/x")
        client.cut()
    with Client(client.endpoint, Origin=origin) as again:
        assert again.resume(attached).opened is not None


def test_a_page_that_comes_back_after_a_restart_gets_the_right_addresses(tmp_path: Path) -> None:
    """The first that the new process sees is a socket, whose documents name scripts."""
    command = [*DAPHNE, *ROOT_PATH]
    with server(tmp_path, *command) as (first, _):
        page = fetch(f"{first}/page/plain")
    [ticket] = re.findall(r'ticket="([^"]+)"', page)
    with server(tmp_path, *command) as (second, _), Client(f"{second}/live/") as client:
        attached = client.open(ticket)
        assert attached.opened is not None
        assert all(each.startswith("/site/static/") for each in attached.opened.scripts)
    assert "Traceback" not in (tmp_path / "server.log").read_text()
