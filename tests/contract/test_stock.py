"""Clients that speak Bokeh's own protocol, on every server."""

from __future__ import annotations

import re

import httpx
import pytest
from bokeh.util.token import generate_jwt_token, generate_session_id
from websockets.exceptions import InvalidStatus

from tests.contract.servers import Site
from tests.stock.talk import Stock, model_named

KEY = b"for tests only"


def token_for(site: Site, app: str, cookie: str = "", **arguments: str) -> str:
    """What the script carries that a page is given."""
    asked = {"bokeh-autoload-element": "e1", "bokeh-absolute-url": f"{site.url}/live/{app}", **arguments}
    headers = {"Cookie": cookie} if cookie else {}
    answer = httpx.get(f"{site.url}/live/{app}/autoload.js", params=asked, headers=headers)
    assert answer.status_code == 200, answer.text
    found = re.search(r'"token":"([^"]+)"', answer.text)
    assert found is not None
    return found[1]


def socket(site: Site, app: str) -> str:
    return f"{site.url}/live/{app}/ws"


def test_a_page_that_was_given_a_script_drives_an_app(site: Site) -> None:
    with Stock(socket(site, "open"), token_for(site, "open")) as client:
        document = client.pull()
        question = client.write(model_named(document, "amount"), "value", 5)
        assert client.wait_for("OK").answers == question
        (event,) = client.wait_for("PATCH-DOC").content["events"]
        assert event["model"] == {"id": model_named(document, "report")}
        assert event["new"] == "amount is 5"


def test_a_client_that_knows_the_key_of_the_site_needs_no_script(site: Site) -> None:
    session = generate_session_id(KEY, signed=True)
    with Stock(socket(site, "echo"), generate_jwt_token(session, KEY, signed=True)) as client:
        assert model_named(client.pull(), "amount")


def test_the_app_knows_the_user_and_the_arguments(site: Site) -> None:
    cookie = "user=ada; colour=blue"
    token = token_for(site, "guest", cookie, symbol="AAPL")
    with Stock(socket(site, "guest"), token, Cookie=cookie) as client:
        said = str(client.pull())
    assert "ada" in said
    assert "AAPL" in said
    assert "blue" in said


def test_a_token_that_was_made_for_one_user_is_none_for_another(site: Site) -> None:
    token = token_for(site, "guest", "user=ada")
    with pytest.raises(InvalidStatus) as refused:
        Stock(socket(site, "guest"), token, Cookie="user=bob")
    assert refused.value.response.status_code == 403


def test_nobody_gets_in_without_a_token_of_the_site_or_from_elsewhere(site: Site) -> None:
    with pytest.raises(InvalidStatus):
        Stock(socket(site, "open"), generate_jwt_token("x", signed=False))
    with pytest.raises(InvalidStatus):
        Stock(socket(site, "open"), token_for(site, "open"), Origin="https://elsewhere.example")


def test_an_app_that_is_not_open_to_script_tags_gives_no_script(site: Site) -> None:
    asked = {"bokeh-autoload-element": "e1"}
    assert httpx.get(f"{site.url}/live/echo/autoload.js", params=asked).status_code == 403


def test_bokehs_files_are_there(site: Site) -> None:
    file = httpx.get(f"{site.url}/live/static/js/bokeh.min.js")
    assert file.status_code == 200
    assert file.headers["Content-Type"].startswith("text/javascript")


def test_a_page_whose_socket_was_lost_comes_back_to_its_session(site: Site) -> None:
    token = token_for(site, "open")
    with Stock(socket(site, "open"), token) as client:
        client.write(model_named(client.pull(), "amount"), "value", 7)
        client.wait_for("OK")
    with Stock(socket(site, "open"), token) as again:
        assert "amount is 7" in str(again.pull())


def test_what_breaks_the_protocol_closes_the_socket_with_a_legal_code(site: Site) -> None:
    with Stock(socket(site, "open"), token_for(site, "open")) as client:
        client.greeted().socket.send("{")
        assert client.close_code() == 4300
