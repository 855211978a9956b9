"""The HTTP side of the endpoint behind a project's middleware, and the process's beginning and end."""

from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import django
import pytest
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.db import connections
from django.http import HttpRequest, HttpResponse
from django.test import override_settings
from django.urls import reverse

from embedsync import wire
from embedsync_django import embed
from embedsync_django.asgi import LiveApplication, with_live_apps
from tests.contract.client import Client, elements_of
from tests.django.support import cookie_header, logged_in, member, open_app, served
from tests.django.test_handshake import scope

Answer = tuple[int, dict[str, str], bytes]


def ask(url: str, body: bytes | None = None, **headers: str) -> Answer:
    request = urllib.request.Request(url, body, headers)
    try:
        with urllib.request.urlopen(request) as response:
            return response.status, dict(response.headers), response.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, dict(error.headers), error.read()


class UsesNamesOfUrls:
    """A middleware that needs the names of the project's own URLs."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        before = reverse("page", args=["x"])
        response = self._get_response(request)
        response["X-Page"] = before + reverse("page", args=["y"])
        return response


class SetsUrlconf(UsesNamesOfUrls):
    """A middleware that chooses URLs by request, as those for several hosts or tenants do."""

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.urlconf = "tests.django.site.urls"
        return super().__call__(request)


@pytest.mark.parametrize("middleware", [UsesNamesOfUrls, SetsUrlconf])
def test_middleware_finds_the_urls_of_the_project(middleware: type) -> None:
    name = f"{__name__}.{middleware.__name__}"
    with override_settings(MIDDLEWARE=[name]), served() as url:
        status, headers, _ = ask(f"{url}/live/health")
        assert status == 200
        assert headers["X-Page"] == "/page/x/page/y"
        assert ask(f"{url}/page/plain")[0] == 200


def test_files_and_health_are_the_same_for_all_and_need_no_session() -> None:
    headers = cookie_header(logged_in(member()))
    middleware = [*settings.MIDDLEWARE]
    middleware.remove("django.middleware.locale.LocaleMiddleware")  # It varies everything by itself.
    away = {"SESSION_ENGINE": "tests.django.site.away", "MIDDLEWARE": middleware}
    with override_settings(**away), served() as url:
        for path in ("health", embed.hub.assets.runtime_url().removeprefix("/static/embedsync/"), "embed.js"):
            status, got, _ = ask(f"{url}/live/{path}", **headers)
            assert status == 200
            assert "Cookie" not in got.get("Vary", "")
            assert "Set-Cookie" not in got


def test_files_and_health_need_no_database_where_requests_are_atomic(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connections.close_all()
    monkeypatch.setitem(connections.settings["default"], "ATOMIC_REQUESTS", True)
    monkeypatch.setitem(connections.settings["default"], "NAME", str(tmp_path / "nowhere" / "missing"))
    with served() as url:
        assert ask(f"{url}/live/health")[0] == 200


@pytest.mark.skipif(django.VERSION < (5, 1), reason="Django has LoginRequiredMiddleware since 5.1")
def test_a_site_that_asks_everybody_to_log_in_serves_the_endpoint_all_the_same() -> None:
    middleware = [*settings.MIDDLEWARE, "django.contrib.auth.middleware.LoginRequiredMiddleware"]
    with override_settings(MIDDLEWARE=middleware, LOGIN_URL="/in/nobody"), served() as url:
        assert ask(f"{url}/live/health")[0] == 200
        assert ask(f"{url}/live/ticket", b"{}")[0] == 400


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"\xff", b'{"ticket": 1}', b'{"ticket": "x"}'])
def test_a_bad_request_for_a_ticket_is_refused(body: bytes) -> None:
    with served() as url:
        assert ask(f"{url}/live/ticket", body)[0] in (400, 403)


def test_a_body_that_is_too_long_is_refused() -> None:
    with served() as url:
        assert ask(f"{url}/live/ticket", b"x" * 30_000)[0] == 413


def test_a_fresh_ticket_is_given_to_pages_of_the_site_without_a_csrf_token() -> None:
    headers = cookie_header(logged_in(member()))
    with served() as url:
        body = json.dumps({"ticket": elements_of(f"{url}/page/members", headers)[0].ticket}).encode()
        status, _, answer = ask(f"{url}/live/ticket", body, Origin=url, **headers)
        assert status == 200
        assert json.loads(answer)["ticket"]
        assert ask(f"{url}/live/ticket", body, Origin="https://evil.example", **headers)[0] == 403


def test_a_page_that_no_template_made_gets_a_ticket_by_a_script_tag() -> None:
    with override_settings(CSRF_TRUSTED_ORIGINS=["https://other.example"]), served() as url:

        def asked(app: str, origin: str, **arguments: str) -> Answer:
            body = json.dumps({"app": app, "arguments": arguments}).encode()
            return ask(f"{url}/live/ticket", body, Origin=origin)

        status, headers, answer = asked("tagged", "https://other.example", symbol="A")
        assert status == 200
        assert headers["Access-Control-Allow-Origin"] == "https://other.example"
        with Client(f"{url}/live/", Origin="https://other.example") as client:
            assert client.open(json.loads(answer)["ticket"]).document
        assert asked("plain", "https://other.example")[0] == 403
        assert asked("tagged", "https://evil.example")[0] == 403
        assert asked("nothing", url)[0] == 404
        assert asked("tagged", url, other="A")[0] == 403


@pytest.mark.parametrize(
    ("root", "path", "found"),
    [
        ("", "/live/socket", "socket"),
        ("/site", "/site/live/socket", "socket"),
        ("/site", "/live/socket", "socket"),
        ("/live", "/live/socket", "socket"),
        ("/live", "/live/live/socket", "socket"),
        ("/site/", "/site/live/health", "health"),
        ("", "/site/live/socket", None),
        ("", "/lively/socket", None),
        ("", "/live", None),
        ("/site", "/site", None),
    ],
)
@pytest.mark.parametrize("forced", [True, False])
def test_the_endpoint_is_found_whether_or_not_a_proxy_strips_the_prefix(
    root: str, path: str, found: str | None, forced: bool
) -> None:
    application = with_live_apps(get_asgi_application())
    with override_settings(FORCE_SCRIPT_NAME=root if forced and root else None):
        given = {**scope(path), "root_path": "" if forced else root}
        assert application._path_below(given) == found


def test_a_socket_elsewhere_is_refused_and_not_an_error_of_the_server() -> None:
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    application = with_live_apps(get_asgi_application())
    for path in ("/elsewhere", "/live/elsewhere"):
        asyncio.run(application(scope(path), receive, send))
    assert [each["type"] for each in sent] == ["websocket.close", "websocket.close"]


def lifespan(application: LiveApplication) -> list[str]:
    """Begin and end a process; returns what the application answers."""
    answers: list[str] = []
    messages = iter(["lifespan.startup", "lifespan.shutdown"])

    async def receive() -> dict[str, Any]:
        return {"type": next(messages)}

    async def send(message: Any) -> None:
        answers.append(message["type"])

    asyncio.run(application({"type": "lifespan"}, receive, send))
    return answers


BOTH = ["lifespan.startup.complete", "lifespan.shutdown.complete"]


def test_the_end_of_the_process_ends_the_sessions_and_another_may_begin() -> None:
    application = with_live_apps(get_asgi_application())
    hub = embed.hub
    assert lifespan(application) == BOTH
    assert hub.status()["status"] == "stopping"
    assert embed.hub.status()["status"] == "ok"


def test_a_site_that_takes_part_in_the_lifespan_is_told_of_it() -> None:
    told: list[str] = []

    async def site(scope: Any, receive: Any, send: Any) -> None:
        for _ in range(2):
            message = await receive()
            told.append(message["type"])
            await send({"type": f"{message['type']}.complete"})

    hub = embed.hub
    assert lifespan(with_live_apps(site)) == BOTH
    assert told == ["lifespan.startup", "lifespan.shutdown"]
    assert hub.status()["status"] == "stopping"


def test_browsers_are_sent_away_to_come_back_when_the_process_ends() -> None:
    with served() as url:
        client, _ = open_app(url, "plain")
        with client:
            embed.stop()
            assert client.wait_closed() == wire.Close.DRAIN


def test_the_endpoint_may_be_elsewhere() -> None:
    with override_settings(EMBEDSYNC={"URL": "/deep/down/"}):
        application = with_live_apps(get_asgi_application())
        assert application._path_below(scope("/deep/down/socket")) == "socket"
        assert application._path_below(scope("/live/socket")) is None
