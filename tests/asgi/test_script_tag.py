"""Apps in pages that no template of the site made: who gets a ticket, and which origins may ask."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from embedsync import Hub, Settings
from embedsync.asgi import application
from embedsync.request import Request
from tests.asgi.client import Client, socket_url
from tests.asgi.server import running
from tests.asgi.toyapp import ToyRecipe

FRIEND = "https://friend.example"
STRANGER = "https://stranger.example"


def nobody(request: Request) -> bool:
    return False


@pytest.fixture
def recipe() -> ToyRecipe:
    return ToyRecipe()


@pytest.fixture
def hub(recipe: ToyRecipe) -> Hub:
    made = Hub("only for tests", Settings(allowed_origins=(FRIEND,)))
    made.add_app("open", recipe, script_tag=True, script_arguments=["symbol"])
    made.add_app("forbidden", ToyRecipe(), script_tag=True, permission=nobody)
    made.add_app("closed", ToyRecipe())
    return made


@pytest.fixture
def endpoint(hub: Hub) -> Iterator[str]:
    with running(application(hub), hub) as url:
        yield url


def ask(endpoint: str, app: Any, origin: str = FRIEND, **arguments: Any) -> httpx.Response:
    question = {"app": app, "arguments": arguments}
    return httpx.post(f"{endpoint}/ticket", json=question, headers={"Origin": origin})


def test_an_open_app_gives_a_ticket_that_carries_the_arguments(endpoint: str, recipe: ToyRecipe) -> None:
    answer = ask(endpoint, "open", symbol="AAPL")
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    with Client(socket_url(endpoint)) as client:
        client.open(answer.json()["ticket"])
    assert recipe.sessions[0].arguments == {"symbol": [b"AAPL"]}


@pytest.mark.parametrize(
    ("app", "arguments", "status", "logged"),
    [
        ("closed", {}, 403, "add it with script_tag=True"),
        ("forbidden", {}, 403, "this visitor may not use app 'forbidden'"),
        ("open", {"seed": 1}, 403, "name it in script_arguments"),
        ("nothing", {}, 404, "known apps: 'closed', 'forbidden', 'open'"),
        (["open"], {}, 404, "there is no app"),
    ],
)
def test_who_is_not_given_a_ticket_and_what_the_log_says(
    endpoint: str, app: Any, arguments: Any, status: int, logged: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert ask(endpoint, app, **arguments).status_code == status
    assert logged in caplog.text


@pytest.mark.parametrize(
    "body", [b"[]", b"{}", b"1", b"\xff", b'{"app": "open", "arguments": 7}', b"[" * 5000, b'"ticket"']
)
def test_a_question_that_is_none_is_a_bad_request(endpoint: str, body: bytes) -> None:
    assert httpx.post(f"{endpoint}/ticket", content=body).status_code == 400


def test_pages_of_a_named_origin_may_read_the_answer_and_those_of_others_get_none(endpoint: str) -> None:
    answer = ask(endpoint, "open")
    assert answer.headers["Access-Control-Allow-Origin"] == FRIEND
    assert answer.headers["Access-Control-Allow-Credentials"] == "true"
    assert "Origin" in answer.headers["Vary"]
    refused = ask(endpoint, "open", STRANGER)
    assert refused.status_code == 403
    assert "Access-Control-Allow-Origin" not in refused.headers


def test_a_browser_that_asks_first_is_told_the_same(endpoint: str) -> None:
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    friend = httpx.options(f"{endpoint}/ticket", headers={"Origin": FRIEND, **asked})
    assert friend.status_code == 204
    assert friend.headers["Access-Control-Allow-Headers"] == "Content-Type"
    stranger = httpx.options(f"{endpoint}/ticket", headers={"Origin": STRANGER, **asked})
    assert stranger.status_code == 403
    assert not [name for name in stranger.headers if name.startswith("access-control")]


def test_modules_are_shared_with_named_origins_only(hub: Hub, endpoint: str) -> None:
    url = f"{endpoint}/{hub.assets.runtime_url()}"
    assert httpx.get(url, headers={"Origin": FRIEND}).headers["Access-Control-Allow-Origin"] == FRIEND
    stranger = httpx.get(url, headers={"Origin": STRANGER})
    assert stranger.status_code == 200
    assert "Access-Control-Allow-Origin" not in stranger.headers


def test_without_named_origins_nothing_is_shared() -> None:
    hub = Hub("only for tests", Settings(allowed_origins=("*",)))
    hub.add_app("open", ToyRecipe(), script_tag=True)
    with running(application(hub), hub) as endpoint:
        for answer in (ask(endpoint, "open"), httpx.get(f"{endpoint}/{hub.assets.runtime_url()}")):
            assert not [name for name in answer.headers if name.startswith("access-control")]


def test_the_script_names_the_present_runtime_and_is_asked_for_each_time(hub: Hub, endpoint: str) -> None:
    answer = httpx.get(f"{endpoint}/embed.js")
    assert hub.assets.runtime_url() in answer.text
    assert "{{" not in answer.text
    assert answer.headers["Content-Type"].startswith("text/javascript")
    assert answer.headers["Cache-Control"] == "no-cache"
