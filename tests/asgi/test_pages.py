"""The pages around apps that have no site."""

import random
import re
from collections.abc import Iterator
from html import unescape
from urllib.parse import urljoin

import httpx
import pytest

from embedsync import Hub, wire
from embedsync.asgi import application
from tests.asgi.client import Client, socket_url
from tests.asgi.server import running
from tests.asgi.toyapp import ToyRecipe


@pytest.fixture
def recipe() -> ToyRecipe:
    return ToyRecipe()


@pytest.fixture
def hub(recipe: ToyRecipe) -> Hub:
    made = Hub("only for tests")
    made.add_app("sliders", recipe)
    return made


@pytest.fixture
def site(hub: Hub) -> Iterator[str]:
    with running(application(hub, pages=True), hub) as url:
        yield url


def attribute(page: httpx.Response, name: str) -> str:
    found = re.search(rf'<embed-app[^>]* {name}="([^"]*)"', page.text)
    assert found, f"no {name} on {page.url}"
    return unescape(found[1])


def open_page(page: httpx.Response) -> wire.Opened:
    """What a browser does with a page: open the socket at the endpoint that it names."""
    endpoint = urljoin(str(page.url), attribute(page, "endpoint"))
    with Client(socket_url(endpoint)) as client:
        return client.open(attribute(page, "ticket"))


def test_a_page_opens_its_app(site: str) -> None:
    page = httpx.get(f"{site}/sliders")
    assert page.status_code == 200
    assert attribute(page, "app") == "sliders"
    assert open_page(page).kind == "toy"


def test_arguments_of_the_address_reach_the_app_as_lists(site: str, recipe: ToyRecipe) -> None:
    open_page(httpx.get(f"{site}/sliders?a=1&a=2&b=&c=%C3%A4%20%26"))
    assert recipe.sessions[0].arguments == {"a": [b"1", b"2"], "b": [b""], "c": ["ä &".encode()]}


def test_everything_that_a_page_loads_is_there(hub: Hub, site: str) -> None:
    hub.add_app("group/deep", ToyRecipe())
    for path in ("/sliders", "/sliders/", "/group/deep", "/nothing", "/no/thing"):
        page = httpx.get(f"{site}{path}")
        links = re.findall(r'<(?:link rel="stylesheet" href|script type="module" src)="([^"]+)"', page.text)
        assert links
        for link in links:
            assert httpx.get(urljoin(str(page.url), unescape(link))).status_code == 200


def test_a_page_works_at_whatever_depth_and_with_a_slash_at_its_end(hub: Hub, site: str) -> None:
    hub.add_app("group/deep", ToyRecipe())
    for path in ("/sliders/", "/group/deep", "/group/deep/"):
        open_page(httpx.get(f"{site}{path}"))


@pytest.mark.parametrize("path", ["/", "/sliders", "/nothing"])
def test_pages_keep_to_a_strict_content_policy_and_are_not_kept(hub: Hub, site: str, path: str) -> None:
    hub.add_app("stream", ToyRecipe())
    page = httpx.get(f"{site}{path}")
    policy = page.headers["Content-Security-Policy"]
    assert policy == (
        "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        f"connect-src 'self' {site.replace('http', 'ws', 1)}"
    )
    assert page.headers["Cache-Control"] == "no-store"
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\son[a-z]+=", page.text), "something inline"


def test_a_strange_host_does_not_get_into_the_content_policy(hub: Hub, site: str) -> None:
    page = httpx.get(f"{site}/sliders", headers={"Host": "a;script-src *"})
    assert page.headers["Content-Security-Policy"].endswith("connect-src 'self'")


def test_the_policy_can_be_loosened_or_replaced(hub: Hub) -> None:
    with running(application(hub, pages=True, allow_eval=True), hub) as site:
        policy = httpx.get(f"{site}/sliders").headers["Content-Security-Policy"]
        assert "script-src 'self' 'unsafe-eval';" in policy


def test_without_a_policy_there_is_no_header(hub: Hub) -> None:
    with running(application(hub, pages=True, content_policy=""), hub) as site:
        assert "Content-Security-Policy" not in httpx.get(f"{site}/sliders").headers


def test_the_index_leads_to_the_only_app_with_the_arguments(site: str) -> None:
    page = httpx.get(f"{site}/?a=1&b=%C3%A4", follow_redirects=True)
    assert str(page.url) == f"{site}/sliders?a=1&b=%C3%A4"


def test_the_index_lists_several_apps_by_title(hub: Hub, site: str) -> None:
    hub.add_app("stream", ToyRecipe(), title="A <live> chart")
    page = httpx.get(f"{site}/")
    assert re.findall(r'<a href="([^"]+)">([^<]+)</a>', page.text) == [
        ("./stream", "A &lt;live&gt; chart"),
        ("./sliders", "sliders"),
    ]


def test_an_unknown_app_is_not_found_and_the_page_names_those_there_are(hub: Hub, site: str) -> None:
    page = httpx.get(f"{site}/group/<b>none")
    assert page.status_code == 404
    assert "group/&lt;b&gt;none" in page.text
    assert '<a href="../sliders">sliders</a>' in page.text


def test_a_page_takes_no_form(site: str) -> None:
    assert httpx.post(f"{site}/sliders").status_code == 405


def test_more_arguments_than_a_ticket_can_carry_are_refused_plainly(site: str) -> None:
    assert httpx.get(f"{site}/sliders?a={random.Random(0).randbytes(25_000).hex()}").status_code == 414
    assert httpx.get(f"{site}/sliders?{'a&' * 3_000}").status_code == 414


def test_the_socket_is_at_the_endpoint_only(hub: Hub, site: str) -> None:
    for path in ("/socket", "/_embedsyncsocket", "/sliders/socket"):
        assert httpx.get(f"{site}{path}").status_code == 404


def test_pages_work_below_a_prefix(hub: Hub) -> None:
    with running(application(hub, pages=True, prefix="/apps"), hub) as site:
        page = httpx.get(f"{site}/apps", follow_redirects=True)
        assert str(page.url) == f"{site}/apps/sliders"
        open_page(page)


def test_a_page_is_made_for_its_user(hub: Hub) -> None:
    from embedsync.asgi import User

    def by_header(scope: dict) -> User:  # type: ignore[type-arg]
        names = [value.decode() for name, value in scope["headers"] if name == b"x-user"]
        return User(names[0], names[0]) if names else User(None, "")

    with running(application(hub, pages=True, user_loader=by_header), hub) as site:  # type: ignore[arg-type]
        page = httpx.get(f"{site}/sliders", headers={"X-User": "ada"})
        url = socket_url(urljoin(str(page.url), attribute(page, "endpoint")))
        with Client(url, {"X-User": "bob"}) as bob:
            bob.send(1, wire.Open(protocol=1, ticket=attribute(page, "ticket")))
            assert bob.wait_for(wire.Closed).code == wire.Close.TICKET_EXPIRED
        with Client(url, {"X-User": "ada"}) as ada:
            ada.open(attribute(page, "ticket"))
