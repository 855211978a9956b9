"""Clients that speak Bokeh's own protocol in a Django project: behind its middleware, as its users."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx
import pytest
from django.conf import settings
from django.test import override_settings
from websockets.exceptions import InvalidStatus

from embedsync_django import embed
from tests.django.support import cookie_header, logged_in, member, served
from tests.stock.talk import Stock

ASKED = {"bokeh-autoload-element": "e1"}


@pytest.fixture
def url() -> Iterator[str]:
    with override_settings(EMBEDSYNC={**settings.EMBEDSYNC, "STOCK_CLIENTS": True}), served() as started:
        yield started


def token_for(url: str, headers: dict[str, str]) -> str:
    answer = httpx.get(f"{url}/live/tagged/autoload.js", params={**ASKED, "symbol": "A"}, headers=headers)
    assert answer.status_code == 200, answer.text
    found = re.search(r'"token":"([^"]+)"', answer.text)
    assert found is not None
    return found[1]


def test_a_page_gets_a_script_and_its_socket_a_session_of_the_user(url: str) -> None:
    user = member()
    headers = cookie_header(logged_in(user))
    with Stock(f"{url}/live/tagged/ws", token_for(url, headers), **headers) as client:
        assert client.pull()["roots"]
        (live,) = embed.hub.sessions
        assert live.info.request.user == user
        assert live.info.arguments == {"symbol": [b"A"]}


def test_a_script_of_one_user_is_of_no_use_to_another(url: str) -> None:
    token = token_for(url, cookie_header(logged_in(member())))
    with pytest.raises(InvalidStatus):
        Stock(f"{url}/live/tagged/ws", token, **cookie_header(logged_in(member())))


def test_an_app_that_is_not_there_has_no_socket(url: str) -> None:
    with pytest.raises(InvalidStatus):
        Stock(f"{url}/live/nothing/ws", "x")


def test_files_of_bokeh_are_the_same_for_all_and_need_no_session(url: str) -> None:
    answer = httpx.get(f"{url}/live/static/js/bokeh.min.js", headers=cookie_header(logged_in(member())))
    assert answer.status_code == 200
    assert "Set-Cookie" not in answer.headers


def test_nothing_of_it_is_there_unless_it_is_switched_on() -> None:
    with served() as url:
        assert httpx.get(f"{url}/live/tagged/autoload.js", params=ASKED).status_code == 404
        with pytest.raises(InvalidStatus):
            Stock(f"{url}/live/tagged/ws", "x")
