"""S3, S6, S22, S24–S26: every route has its policy, and none says more than it should, to nobody."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from embedsync import Hub
from embedsync.request import Request
from embedsync.routes import _AREAS, POLICIES, Policy, Routes
from embedsync.settings import Settings
from tests.contract.client import elements_of, fetch
from tests.contract.flask_site import create_app
from tests.contract.servers import Site, own_environment
from tests.security.asking import Answer, Headers, ask, knock
from tests.security.conftest import FRIEND
from tests.support.memory import ToyRecipe

ADA, EVE = ("Cookie", "user=ada"), ("Cookie", "user=eve")
EVIL = ("Origin", "https://evil.example")


@dataclass(frozen=True)
class Route:
    """How to come to one.

    Attributes:
        path: below the endpoint.
        method: ``SOCKET`` for a handshake.
        body: makes, of a ticket, what is sent.
        protocols: of a handshake.
    """

    path: str
    method: str = "GET"
    body: Callable[[str], dict[str, Any]] | None = None
    protocols: str = ""

    def enter(self, site: Site, headers: Headers, ticket: str = "") -> Answer:
        url = f"{site.url}/live/{self.path}"
        if self.method == "SOCKET":
            return Answer(knock(url, headers, self.protocols), [], "")
        sent = json.dumps(self.body(ticket)).encode() if self.body is not None else b""
        return ask(url, self.method, headers, sent)


def toy_hub(settings: Settings | None = None) -> Hub:
    hub = Hub("only for tests", settings)
    hub.add_app("toy", ToyRecipe())
    return hub


AUTOLOAD = "folder/autoload.js?bokeh-autoload-element=a"
ROUTES: dict[str, list[Route]] = {
    "embed.js": [Route("embed.js")],
    "health": [Route("health")],
    "static": [Route("static/none/embed.js")],
    "extensions": [Route("extensions/none/a.js")],
    "scripts": [Route("none/bokeh.min.js"), Route("anything/else")],
    "ticket": [
        Route("ticket", "POST", lambda ticket: {"ticket": ticket}),
        Route("ticket", "POST", lambda _: {"app": "members"}),
    ],
    "socket": [Route("socket", "SOCKET")],
    "stock-files": [Route("static/js/bokeh.min.js")],
    "stock-script": [Route(AUTOLOAD)],
    "stock-metadata": [Route("members/metadata")],
    "stock-app-files": [Route("folder/static/members.txt")],
    "stock-socket": [Route("members/ws", "SOCKET", protocols="bokeh, token")],
}
EVERY = [(name, each) for name, routes in ROUTES.items() for each in routes]
GUARDED = [(name, each) for name, each in EVERY if POLICIES[name] is not Policy.PUBLIC]
STATEFUL = [(name, each) for name, each in GUARDED if POLICIES[name] is Policy.OWN_PAGES]


def test_s03_every_route_has_a_policy_and_is_attacked_here() -> None:
    """marimo CVE-2026-39987: one of two sockets was not guarded. A new route fails here until it has both."""
    assert ROUTES.keys() == POLICIES.keys()
    assert set(_AREAS) <= POLICIES.keys()


def test_s03_a_route_without_a_policy_lets_nobody_in(monkeypatch: pytest.MonkeyPatch) -> None:
    hub, own = toy_hub(), Request(host="site.example", origin="http://site.example")
    assert Routes(hub).admits("ticket", own)
    monkeypatch.delitem(POLICIES, "ticket")
    assert not Routes(hub).admits("ticket", own)
    assert Routes(hub).respond("POST", "ticket", own, b"{}").status == 403
    assert not Routes(hub).admits("stock-app-files", own)


def test_s03_flask_has_the_routes_that_are_known() -> None:
    """All HTTP comes to ``Routes.respond`` and ``StockPages.respond``; each socket to the gate."""
    rules = [each for each in create_app().url_map.iter_rules() if each.endpoint.startswith("embedsync.")]
    assert sorted((each.rule, each.endpoint, each.websocket) for each in rules) == [
        ("/live/<path:name>/ws", "embedsync.stock_socket", True),
        ("/live/<path:path>", "embedsync.http", False),
        ("/live/socket", "embedsync.socket", True),
    ]


_DJANGO = """
import django; django.setup()
from embedsync_django.urls import urlpatterns
from embedsync_django.routing import websocket_urlpatterns
print(*[str(each.pattern) for each in [*urlpatterns, *websocket_urlpatterns]], sep="\\n")
"""


def test_s03_django_has_the_routes_that_are_known() -> None:
    settings = {"DJANGO_SETTINGS_MODULE": "tests.contract.django_site.settings"}
    printed = subprocess.run(
        [sys.executable, "-c", _DJANGO],
        env=own_environment() | settings,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert printed.stdout.split() == ["live/<path:path>", "live/socket", "live/<path:app>/ws"]


def test_s03_there_is_no_socket_but_those_that_are_known(site: Site) -> None:
    for path in ("", "sockets", "terminal/ws", "members/socket"):
        assert knock(f"{site.url}/live/{path}", [("Origin", site.url)]) != 101, path


def test_s03_a_stranger_gets_nothing_of_what_is_for_members(site: Site) -> None:
    ticket = elements_of(site.page("members"), dict([ADA]))[0].ticket
    for name, route in GUARDED:
        answer = route.enter(site, [("Origin", site.url)], ticket)
        assert "only for members" not in answer.body
        assert gives_nothing(answer.body), name
        # A socket may open, and nothing on it before a ticket; see S10.
        assert answer.status in (403, 404) or name == "socket", name
    assert "only for members" in ROUTES["stock-app-files"][0].enter(site, [ADA]).body


def test_s03_a_page_of_another_site_gets_nothing_with_the_cookies_of_a_member(site: Site) -> None:
    ticket = elements_of(site.page("members"), dict([ADA]))[0].ticket
    for name, route in STATEFUL:
        answer = route.enter(site, [ADA, EVIL], ticket)
        assert answer.status == 403, name
        assert gives_nothing(answer.body)


def test_s03_a_ticket_of_somebody_else_gets_nothing(site: Site) -> None:
    ticket = elements_of(site.page("members"), dict([ADA]))[0].ticket
    route = ROUTES["ticket"][0]
    assert route.enter(site, [EVE, ("Origin", site.url)], ticket).status == 403
    assert route.enter(site, [("Origin", site.url)], ticket).status == 403
    assert route.enter(site, [ADA, ("Origin", site.url)], ticket).status == 200


def gives_nothing(body: str) -> bool:
    return not any(each in body for each in ('"ticket":', '"token":"'))


def test_s06_no_get_gives_a_ticket_or_a_token_to_another_site(site: Site) -> None:
    """A script tag sends cookies and no ``Origin``: what it gets would run as the other site's own."""
    as_script_tag = [ADA, ("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Dest", "script")]
    for name, route in EVERY:
        for method in ("GET", "HEAD"):
            if route.method == "SOCKET" and name == "stock-socket":
                continue  # It is a path of files then.
            answer = ask(f"{site.url}/live/{route.path}", method, as_script_tag)
            assert gives_nothing(answer.body), name
    assert ask(f"{site.url}/live/ticket", headers=[ADA]).status == 405


def test_s06_what_speaks_of_users_is_not_kept_by_caches(site: Site) -> None:
    ticket = elements_of(site.page("members"), dict([ADA]))[0].ticket
    own = [ADA, ("Origin", site.url)]
    for name in ("ticket", "stock-script", "stock-metadata"):
        for route in ROUTES[name]:
            answer = route.enter(site, own, ticket)
            assert answer.status == 200, name
            assert answer.values("Cache-Control") == ["no-store"], name


def test_s22_arguments_of_a_tag_do_not_become_markup(site: Site) -> None:
    hostile = ["</script><script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "\u2028\u2029<!--"]
    page = site.page("visitor", x=hostile)
    body = fetch(page)
    assert not any(each in body for each in ("<script>alert", "<img", "<!--"))
    (element,) = elements_of(page)
    assert set(element.attributes) <= {"app", "ticket", "endpoint"}


def test_s25_a_ticket_is_not_given_to_a_form_of_another_site(site: Site) -> None:
    """Gradio CVE-2024-1727. A form can be sent from anywhere, with cookies, and needs to ask nobody first."""
    ticket = elements_of(site.page("members"), dict([ADA]))[0].ticket
    body = json.dumps({"ticket": ticket}).encode()
    for kind in ("text/plain", "application/x-www-form-urlencoded", "application/json"):
        headers = [ADA, ("Content-Type", kind)]
        assert ask(f"{site.url}/live/ticket", "POST", [*headers, EVIL], body).status == 403
        assert ask(f"{site.url}/live/ticket", "POST", [*headers, ("Origin", "null")], body).status == 403
        assert ask(f"{site.url}/live/ticket", "POST", headers, body).status == 403


def test_s26_only_origins_that_are_named_are_told_that_they_may_read(site: Site) -> None:
    """flask-cors CVE-2024-6221 and its like: an origin that is only repeated is not one that was allowed."""
    asked = [("Access-Control-Request-Method", "POST"), ("Access-Control-Request-Private-Network", "true")]
    for origin in ("https://evil.example", "null", "https://site.comedy", "https://wild.example"):
        for name, route in EVERY:
            if route.method == "SOCKET":
                continue
            for answer in (
                route.enter(site, [ADA, ("Origin", origin)]),
                ask(f"{site.url}/live/{route.path}", "OPTIONS", [("Origin", origin), *asked]),
            ):
                assert answer.values("Access-Control-Allow-Origin") == [], (name, origin)
                assert answer.names("Access-Control-Allow-Private") == []
                assert answer.values("Access-Control-Allow-Credentials") == []
    preflight = ask(f"{site.url}/live/ticket", "OPTIONS", [("Origin", FRIEND), *asked])
    assert preflight.values("Access-Control-Allow-Origin") == [FRIEND]
    assert "Origin" in ", ".join(preflight.values("Vary"))


@pytest.mark.parametrize("stock", [True, False])
def test_s26_without_named_origins_no_response_has_such_a_header(stock: bool) -> None:
    from embedsync.stock.pages import StockPages

    hub = toy_hub(Settings(stock_clients=stock))
    for origin in (None, "http://site.example", "https://evil.example", "null"):
        request = Request(host="site.example", origin=origin)
        for path in ("embed.js", "health", "static/x", "ticket", "static/js/bokeh.min.js", "toy/metadata"):
            for method in ("GET", "OPTIONS", "POST"):
                for answer in (
                    Routes(hub).respond(method, path, request, b"{}"),
                    StockPages(hub).respond(method, path, "", request),
                ):
                    headers = answer.headers if answer is not None else []
                    assert not [name for name, _ in headers if name.startswith("Access-Control")]


def test_s26_flask_cors_around_a_site_opens_nothing_of_ours() -> None:
    """It answers that any origin may read; who asks is refused all the same."""
    cors = pytest.importorskip("flask_cors")
    app = create_app()
    cors.CORS(app, supports_credentials=True)
    client = app.test_client()
    client.set_cookie("user", "ada")
    for method, path in (("POST", "ticket"), ("GET", "members/metadata"), ("GET", "echo/metadata")):
        answer = client.open(f"/live/{path}", method=method, json={"app": "open"}, headers=dict([EVIL]))
        assert answer.status_code in (403, 404), path
        assert "ticket" not in answer.text


def test_s24_a_site_that_forbids_to_be_framed_is_not_framed_by_our_routes() -> None:
    """We set no ``X-Frame-Options`` ourselves, and take away none."""
    app = create_app()

    @app.after_request
    def forbid(response: Any) -> Any:
        response.headers["X-Frame-Options"] = "DENY"
        return response

    client = app.test_client()
    for path in ("health", "embed.js", "ticket", "none", "open/metadata", "open/autoload.js"):
        assert client.get(f"/live/{path}").headers.getlist("X-Frame-Options") == ["DENY"]


def test_s24_our_routes_say_nothing_of_frames(site: Site) -> None:
    for _, route in EVERY:
        if route.method != "SOCKET":
            answer = route.enter(site, [])
            assert answer.names("X-Frame-Options") == []
            assert answer.names("Content-Security-Policy") == []
