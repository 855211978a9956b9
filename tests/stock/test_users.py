"""A session that was opened by a user of the site is nobody else's, whichever way they come."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from embedsync import Hub, Settings, wire
from embedsync.asgi import User, application
from embedsync.asgi.protocol import Scope
from embedsync.asgi.scope import parse_cookies
from tests.asgi.client import Client
from tests.asgi.server import running
from tests.stock.conftest import KEY, Site, amounts
from tests.stock.talk import Stock

ADA, BOB = "user=ada", "user=bob"


def user_of(scope: Scope) -> User:
    name = parse_cookies(dict(scope["headers"]).get(b"cookie", b"").decode()).get("user", "")
    return User(name or None, name)


@pytest.fixture
def site() -> Iterator[Site]:
    hub = Hub(KEY, Settings(stock_clients=True, stock_unsigned=True))
    hub.add_app("amounts", amounts, script_tag=True)
    hub.add_app("of-ada", amounts, script_tag=True, permission=lambda each: each.user == "ada")
    with running(application(hub, user_loader=user_of), hub) as url:
        yield Site(hub, url)


def test_another_user_does_not_get_into_the_session_by_its_id(site: Site) -> None:
    with Stock(site.socket(), Cookie=ADA) as ada:
        ada.pull()
        with pytest.raises(InvalidStatus) as refused:
            Stock(site.socket(), Cookie=BOB)
        assert refused.value.response.status_code == 403
        with Client(f"{site.url.replace('http', 'ws', 1)}/socket", {"Cookie": BOB}) as bob:
            ticket = site.hub.ticket("amounts", session_id="by-hand", user_key="bob")
            bob.send(1, wire.Open(protocol=1, ticket=ticket))
            assert bob.wait_for(wire.Closed).code == wire.Close.FORBIDDEN
        with Stock(site.socket(), Cookie=ADA) as again:
            again.pull()
        assert len(site.hub.sessions) == 1


def test_the_permission_of_an_app_is_asked_for_its_script_and_for_its_socket(site: Site) -> None:
    asked = {"bokeh-autoload-element": "e1"}
    address = f"{site.app('of-ada')}/autoload.js"
    assert httpx.get(address, params=asked, headers={"Cookie": ADA}).status_code == 200
    assert httpx.get(address, params=asked, headers={"Cookie": BOB}).status_code == 403
    with Stock(site.socket("of-ada"), Cookie=ADA) as ada:
        ada.pull()
    with pytest.raises(InvalidStatus):
        Stock(site.socket("of-ada"), Cookie=BOB)


def test_a_user_who_logs_out_is_sent_away(site: Site) -> None:
    with Stock(site.socket(), Cookie=ADA) as ada:
        ada.pull()
        site.hub.dismiss(lambda request: request.user_key == "ada")
        assert ada.close_code() == wire.Close.TICKET_EXPIRED
