"""What is served beside the socket, on a real server."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from embedsync import Hub, Settings, wire
from embedsync.asgi import User, application
from embedsync.asgi.protocol import Receive, Scope, Send
from tests.asgi.client import Client, socket_url
from tests.asgi.server import running
from tests.asgi.toyapp import ToyRecipe

ONLY_GZIP = {"Accept-Encoding": "gzip"}
"""Whether brotli is ready is a matter of time."""


@pytest.fixture
def hub() -> Hub:
    made = Hub("only for tests")
    made.add_app("sliders", ToyRecipe())
    return made


@pytest.fixture
def endpoint(hub: Hub) -> Iterator[str]:
    with running(application(hub), hub) as url:
        yield url


def test_health_says_how_many_sessions_there_are(endpoint: str) -> None:
    response = httpx.get(f"{endpoint}/health")
    assert response.json() == {"status": "ok", "sessions": 0, "sockets": 0}
    assert response.headers["Cache-Control"] == "no-store"


def test_the_runtime_is_served_compressed_and_may_be_kept_for_ever(hub: Hub, endpoint: str) -> None:
    response = httpx.get(f"{endpoint}/{hub.assets.runtime_url()}", headers=ONLY_GZIP)
    assert response.status_code == 200
    assert response.headers["Content-Type"].startswith("text/javascript")
    assert response.headers["Content-Encoding"] == "gzip"
    assert "immutable" in response.headers["Cache-Control"]
    assert "customElements" in response.text


def test_head_is_answered_as_get_is_without_the_body(hub: Hub, endpoint: str) -> None:
    url = f"{endpoint}/{hub.assets.runtime_url()}"
    head, got = httpx.head(url, headers=ONLY_GZIP), httpx.get(url, headers=ONLY_GZIP)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["Content-Length"] == got.headers["Content-Length"]


def test_what_is_not_there_is_not_found(endpoint: str) -> None:
    for path in ("", "/", "/nothing", "/static/0/embed.js", "/static/..%2f..%2fpyproject.toml"):
        assert httpx.get(f"{endpoint}{path}").status_code == 404


def test_the_socket_says_that_it_is_one(endpoint: str) -> None:
    assert httpx.get(f"{endpoint}/socket").status_code == 426


def test_a_ticket_is_renewed_for_pages_of_the_site(hub: Hub, endpoint: str) -> None:
    shown = {"ticket": hub.ticket("sliders", {"a": 1})}
    response = httpx.post(f"{endpoint}/ticket", json=shown, headers={"Origin": endpoint})
    with Client(socket_url(endpoint)) as client:
        client.open(response.json()["ticket"])


def test_a_ticket_is_not_renewed_for_pages_of_other_sites(hub: Hub, endpoint: str) -> None:
    shown = {"ticket": hub.ticket("sliders")}
    headers = {"Origin": "https://elsewhere.example"}
    assert httpx.post(f"{endpoint}/ticket", json=shown, headers=headers).status_code == 403


def test_who_has_logged_out_is_told_so_when_a_ticket_is_not_renewed(hub: Hub, endpoint: str) -> None:
    answer = httpx.post(f"{endpoint}/ticket", json={"ticket": hub.ticket("sliders", user_key="ada")})
    assert (answer.status_code, answer.json()) == (403, {"code": wire.Close.LOGGED_OUT})
    answer = httpx.post(f"{endpoint}/ticket", json={"ticket": "forged"})
    assert (answer.status_code, answer.json()) == (403, {"code": wire.Close.FORBIDDEN})


def test_a_forged_ticket_is_not_renewed(endpoint: str) -> None:
    assert httpx.post(f"{endpoint}/ticket", json={"ticket": "forged"}).status_code == 403


def test_a_body_that_is_too_long_is_refused_before_it_is_read(hub: Hub, endpoint: str) -> None:
    body = json.dumps({"ticket": "x" * 100_000}).encode()
    assert httpx.post(f"{endpoint}/ticket", content=body).status_code == 413


def test_a_method_that_makes_no_sense_is_refused(endpoint: str) -> None:
    assert httpx.get(f"{endpoint}/ticket").status_code == 405
    assert httpx.post(f"{endpoint}/health").status_code == 405


@pytest.mark.parametrize("path_has_root", [True, False], ids=["path with root", "path without root"])
def test_it_works_where_a_framework_mounts_it(hub: Hub, path_has_root: bool) -> None:
    """Frameworks of either school: some leave the mount's path in ``path``, some take it out."""
    inner = application(hub)

    async def mounted(scope: Scope, receive: Receive, send: Send) -> None:
        below = scope["path"].removeprefix("/live")
        assert below != scope["path"]
        await inner(
            {**scope, "root_path": "/live", "path": scope["path"] if path_has_root else below}, receive, send
        )

    with running(mounted, hub) as site:
        assert httpx.get(f"{site}/live/health").status_code == 200
        with Client(socket_url(f"{site}/live")) as client:
            client.open(hub.ticket("sliders"))


def test_it_answers_below_its_prefix_only(hub: Hub) -> None:
    with running(application(hub, prefix="/apps"), hub) as site:
        assert httpx.get(f"{site}/apps/health").status_code == 200
        assert httpx.get(f"{site}/health").status_code == 404
        assert httpx.get(f"{site}/appshealth").status_code == 404


def test_a_name_that_another_site_has_made_point_here_is_refused(hub: Hub) -> None:
    with running(application(hub, hosts=["localhost"]), hub) as site:
        for host, status in [
            ("localhost:1", 200),
            ("127.0.0.1", 200),
            ("[::1]:80", 200),
            ("evil.example", 421),
        ]:
            assert httpx.get(f"{site}/health", headers={"Host": host}).status_code == status


@pytest.mark.parametrize("debug", [True, False])
def test_a_traceback_is_shown_in_debug_mode_only(debug: bool, caplog: pytest.LogCaptureFixture) -> None:
    hub = Hub("only for tests", Settings(debug=debug))

    def broken(scope: Scope) -> User:
        raise ValueError("the database is away")

    with running(application(hub, user_loader=broken), hub) as site:
        response = httpx.get(f"{site}/health")
    assert response.status_code == 500
    assert ("the database is away" in response.text) is debug
    assert "the database is away" in caplog.text


@pytest.mark.parametrize("asynchronous", [True, False], ids=["async def", "def"])
def test_a_user_loader_says_who_is_asking(asynchronous: bool) -> None:
    hub, recipe = Hub("only for tests"), ToyRecipe()
    hub.add_app("sliders", recipe)

    def found(scope: Scope) -> User:
        return User({"name": "Ada"}, "ada")

    async def awaited(scope: Scope) -> User:
        return found(scope)

    loader: Any = awaited if asynchronous else found
    with running(application(hub, user_loader=loader), hub) as site, Client(socket_url(site)) as client:
        client.open(hub.ticket("sliders", user_key="ada"))
    assert recipe.sessions[0].request.user == {"name": "Ada"}


def test_an_app_sees_headers_cookies_and_address_of_the_handshake(hub: Hub) -> None:
    recipe = ToyRecipe()
    hub.add_app("other", recipe)
    with running(application(hub), hub) as site:
        headers = {"Cookie": 'a=1; b="two"; a=3; broken', "X-Fancy-Name": "yes"}
        with Client(socket_url(site), headers) as client:
            client.open(hub.ticket("other"))
    request = recipe.sessions[0].request
    assert request.cookies == {"a": "1", "b": "two"}
    assert request.headers["X-Fancy-Name"] == "yes"
    assert (request.scheme, request.host) == ("http", site.removeprefix("http://"))
    assert request.remote_address == "127.0.0.1"
