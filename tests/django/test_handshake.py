"""What a socket's handshake says: where it comes from, and which pages may make it."""

from __future__ import annotations

from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import override_settings
from websockets.exceptions import InvalidStatus

from embedsync_django import embed
from embedsync_django.requests import handshake_of
from tests.contract.client import Client
from tests.django.support import cookie_header, logged_in, member, open_app, served

BEHIND_TLS = {"SECURE_PROXY_SSL_HEADER": ("HTTP_X_FORWARDED_PROTO", "https")}


def scope(path: str = "/live/socket", **headers: str) -> dict[str, Any]:
    given = {"host": "site.example", **{name.replace("_", "-"): value for name, value in headers.items()}}
    return {
        "type": "websocket",
        "scheme": "ws",
        "path": path,
        "query_string": b"",
        "client": ("10.0.0.1", 1234),
        "server": ("127.0.0.1", 80),
        "headers": [(name.encode(), value.encode()) for name, value in given.items()],
    }


def test_a_handshake_tells_what_the_browser_sent() -> None:
    request = handshake_of(scope(cookie="a=b", x_thing="1", origin="http://site.example"))
    assert (request.scheme, request.host, request.path) == ("http", "site.example", "/live/socket")
    assert request.headers["X-Thing"] == "1"
    assert request.cookies == {"a": "b"}
    assert request.origin == "http://site.example"
    assert request.remote_address == "10.0.0.1"
    assert request.user.is_anonymous
    assert request.user_key == ""


@pytest.mark.parametrize(
    ("settings", "headers"),
    [
        (BEHIND_TLS, {"x_forwarded_proto": "https"}),
        (
            {**BEHIND_TLS, "USE_X_FORWARDED_HOST": True},
            {"x_forwarded_proto": "https", "x_forwarded_host": "site.example", "host": "127.0.0.1:8000"},
        ),
    ],
    ids=["tls", "tls and host"],
)
def test_behind_a_proxy_the_site_is_what_the_browser_sees(
    settings: dict[str, Any], headers: dict[str, str]
) -> None:
    with override_settings(**settings):
        request = handshake_of(scope(**headers))
        assert (request.scheme, request.host) == ("https", "site.example")
        assert embed.hub.origin_allowed(handshake_of(scope(**headers, origin="https://site.example")))
        assert not embed.hub.origin_allowed(handshake_of(scope(**headers, origin="http://site.example")))


def test_headers_of_a_proxy_are_not_believed_unasked() -> None:
    request = handshake_of(scope(x_forwarded_proto="https", x_forwarded_host="evil.example"))
    assert (request.scheme, request.host) == ("http", "site.example")


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("http://site.example", True),
        ("http://site.example:80", True),
        ("http://site.example:8000", False),
        ("http://localhost", False),
        ("https://trusted.example", True),
        ("https://deep.trusted.example", True),
        ("http://trusted.example", False),
        ("https://named.example", True),
        ("https://evil.example", False),
        ("null", False),
    ],
)
def test_pages_of_the_site_and_of_trusted_origins_may_connect(origin: str, allowed: bool) -> None:
    with override_settings(
        CSRF_TRUSTED_ORIGINS=["https://trusted.example", "https://*.trusted.example"],
        EMBEDSYNC={"ALLOWED_ORIGINS": ["https://named.example"]},
    ):
        assert embed.hub.origin_allowed(handshake_of(scope(origin=origin))) is allowed


def test_a_foreign_page_is_refused_before_the_socket_opens() -> None:
    with served() as url, pytest.raises(InvalidStatus) as refused:
        Client(f"{url}/live/", Origin="https://evil.example")
    assert refused.value.response.status_code == 403


def test_a_host_that_the_site_does_not_know_is_refused(caplog: pytest.LogCaptureFixture) -> None:
    upgrade = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
    with served() as url:
        connection = HTTPConnection(urlsplit(url).netloc)
        key = {"Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA=="}
        connection.request("GET", "/live/socket", headers={"Host": "evil.example", **upgrade, **key})
        assert connection.getresponse().status == 400
        connection.close()
    assert "evil.example" in caplog.text


def test_the_user_is_found_without_any_middleware_around_the_socket() -> None:
    user = member()
    headers = cookie_header(logged_in(user))
    with served() as url:
        client, attached = open_app(url, "plain", headers)
        with client:
            assert user.username in client.value(attached, "report", "value")
        assert [str(live.info.request.user.pk) for live in embed.hub.sessions] == [str(user.pk)]


def test_a_database_that_is_away_refuses_a_socket_for_now(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    headers = cookie_header(logged_in(member()))
    with served() as url:
        with (
            override_settings(SESSION_ENGINE="tests.django.site.away"),
            pytest.raises(InvalidStatus) as refused,
        ):
            Client(f"{url}/live/", **headers)
        assert refused.value.response.status_code == 503
        assert "it is not known who connects" in caplog.text
        Client(f"{url}/live/", **headers).close()
