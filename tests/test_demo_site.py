"""The pages around the live apps: who may read them, and that they keep to their own content policy."""

import re
from collections.abc import Iterator
from html import unescape

import pytest
from flask.testing import FlaskClient

from demo_site.flask_site import create_app

PUBLIC = ["/", "/sliders", "/crossfilter", "/stream", "/two-apps", "/board", "/login"]


@pytest.fixture
def client() -> Iterator[FlaskClient]:
    with create_app({"TESTING": True, "SECRET_KEY": "only for tests"}).test_client() as client:
        yield client


def log_in(client: FlaskClient, password: str = "engine", target: str = "") -> str:
    """Log in as Ada and return where the site sends her."""
    response = client.post(
        "/login", query_string={"next": target}, data={"login": "ada", "password": password}
    )
    return response.headers.get("Location", "")


@pytest.mark.parametrize("path", PUBLIC)
def test_everyone_may_read_the_public_pages(client: FlaskClient, path: str) -> None:
    assert client.get(path).status_code == 200


@pytest.mark.parametrize("path", [*PUBLIC, "/no-such-page"])
def test_pages_keep_to_their_own_content_policy(client: FlaskClient, path: str) -> None:
    response = client.get(path)
    assert "script-src 'self'" in response.headers["Content-Security-Policy"]
    assert "unsafe-eval" not in response.headers["Content-Security-Policy"]
    assert not re.search(r"<script(?![^>]*\bsrc=)|\son[a-z]+=", response.text), "inline script"


def test_an_app_page_shows_the_source_of_its_app(client: FlaskClient) -> None:
    text = unescape(re.sub(r"<[^>]+>", "", client.get("/sliders").text))
    assert "def change_curve(" in text
    assert '{{ embed_app("sliders") }}' in text


def test_a_wrong_address_is_answered_in_the_look_of_the_site(client: FlaskClient) -> None:
    response = client.get("/no-such-page")
    assert response.status_code == 404
    assert "Go to the first page" in response.text


def test_the_account_page_needs_a_login(client: FlaskClient) -> None:
    assert client.get("/account").status_code == 302
    assert log_in(client) == "/account"
    assert "Ada Lovelace" in client.get("/account").text
    client.post("/logout")
    assert client.get("/account").status_code == 302


def test_a_wrong_password_is_refused(client: FlaskClient) -> None:
    assert log_in(client, password="compiler") == ""
    assert client.get("/account").status_code == 302


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("/stream?symbol=A", "/stream?symbol=A"),
        ("https://example.com/", "/account"),
        ("//example.com/", "/account"),
        ("////example.com/", "/account"),
        ("/\\example.com/", "/account"),
        ("/\t/example.com/", "/account"),
        ("javascript:alert(1)", "/account"),
    ],
)
def test_login_leads_to_pages_of_this_site_only(client: FlaskClient, target: str, expected: str) -> None:
    assert log_in(client, target=target) == expected
