"""S1, S20: pages of other origins get nothing, however their origin is written and whatever headers say."""

from __future__ import annotations

import json
from urllib.parse import urlsplit

import pytest

from embedsync import wire
from embedsync.origins import is_allowed
from embedsync.request import Request
from tests.contract.client import Client, elements_of
from tests.contract.servers import Site
from tests.security.asking import ask, knock
from tests.security.conftest import FRIEND

ADA = ("Cookie", "user=ada")


def bypasses(url: str) -> list[str]:
    """Origins that are not the site's, nor named, and have been taken for it somewhere."""
    host, port = str(urlsplit(url).hostname), urlsplit(url).port
    own = f"{host}:{port}"
    return [
        "", "null", "NULL", "*", "file://", "data:", "about:blank", f"blob:http://{own}",
        # Another scheme, or none.
        f"https://{own}", f"ws://{own}", f"ftp://{own}", f"//{own}", own, f"http:{own}", f"http:/{own}",
        f"http:///{own}",
        # Another port.
        f"http://{host}", f"http://{host}:", f"http://{host}:80", f"http://{host}:9999", f"http://{own}0",
        f"http://{host}:0", f"http://{host}:{port}x", f"http://{host}:99999", f"http://{host}:-1",
        # Another host: a suffix, a prefix, another name of the same machine.
        f"http://{own}.evil.com", f"http://{host}.evil.com:{port}", f"http://evil{own}",
        f"http://evil.{own}", f"http://{host}evil.com:{port}", f"http://evil.com:{port}",
        f"http://{host}.:{port}", f"http://{host}..:{port}", f"http://.{own}", f"http://localhost:{port}",
        f"http://127.1:{port}", f"http://0x7f000001:{port}", f"http://2130706433:{port}",
        f"http://0.0.0.0:{port}", f"http://[::1]:{port}", f"http://[::ffff:{host}]:{port}", "http://[::1",
        f"http://xn--{own}", f"http://\xb927.0.0.1:{port}", f"http://127.0.0.\xb9:{port}",
        # Users, paths, and what parsers disagree about.
        f"http://user@{own}", f"http://user:word@{own}", f"http://{own}@evil.com", f"http://@{own}",
        f"http://evil.com\\@{own}", f"http://{own}\\.evil.com", f"http://{own}/path", f"http://{own}//",
        f"http://{own}?x", f"http://{own}#x", f"http://evil.com#http://{own}", f"http://evil.com/{own}",
        f"http://127.0\t.0.1:{port}", f"http://{host} :{port}",
        # Several.
        f"http://{own}, https://evil.com", f"https://evil.com, http://{own}", f"http://{own} https://evil.com",
        f"http://{own},", f"{FRIEND}, {FRIEND}", f"{FRIEND} ,null",
        # Near to those that are named.
        "https://friend.example", "https://friend.example:443", "http://friend.example:8443",
        "https://friend.example:8443.evil.com", "https://afriend.example:8443", "https://site.comedy",
        "https://site.com.evil.com", "https://notsite.com", "https://sitexcom", "https://site.co",
        "https://wild.example", "https://xwild.example", "http://a.wild.example",
        "https://a.wild.example:444", "https://a.wild.example.evil.com", "https://.wild.example",
    ]  # fmt: skip


def test_s01_none_of_the_known_bypasses_is_an_origin_of_the_site() -> None:
    """Bokeh CVE-2026-21883, Jupyter CVE-2026-40110, python-engineio CVE-2019-13611."""
    tried = bypasses("http://127.0.0.1:8000")
    assert len(set(tried)) >= 60
    named = [FRIEND, "https://*.wild.example", "https://site.com"]
    let_in = [each for each in tried if is_allowed(Request(host="127.0.0.1:8000", origin=each), named)]
    assert let_in == []


def test_s01_no_bypass_opens_a_socket_or_gets_a_ticket_on_any_server(site: Site) -> None:
    """With the cookie of somebody who is logged in: Gradio CVE-2024-47084 skipped the check then."""
    element = elements_of(site.page("members"), dict([ADA]))[0]
    body = json.dumps({"ticket": element.ticket}).encode()
    live = f"{site.url}/live"
    before = ask(f"{live}/health").body
    for each in bypasses(site.url):
        headers = [ADA, ("Origin", each)]
        # What a server does not even take for a header, it refuses itself.
        assert knock(f"{live}/socket", headers) in (400, 403), each
        assert knock(f"{live}/members/ws", headers, "bokeh, token") in (400, 403), each
        assert ask(f"{live}/ticket", "POST", headers, body).status in (400, 403), each
        assert ask(f"{live}/members/metadata", headers=headers).status in (400, 403), each
        asked = f"{live}/members/autoload.js?bokeh-autoload-element=a"
        assert ask(asked, headers=headers).status in (400, 403), each
    # Refused before there was any session, or a socket.
    assert ask(f"{live}/health").body == before


def test_s01_an_origin_that_is_given_twice_is_none(site: Site) -> None:
    for first, second in ((site.url, "https://evil.example"), ("https://evil.example", site.url)):
        headers = [ADA, ("Origin", first), ("Origin", second)]
        assert knock(f"{site.url}/live/socket", headers) in (400, 403)
        assert ask(f"{site.url}/live/ticket", "POST", headers, b"{}").status in (400, 403)


def test_s01_pages_of_the_site_and_of_named_origins_connect(site: Site) -> None:
    for origin in (site.url, FRIEND, "https://a.wild.example", "https://SITE.com"):
        assert knock(f"{site.url}/live/socket", [ADA, ("Origin", origin)]) == 101, origin
    assert knock(f"{site.url}/live/socket", [ADA, ("Origin", "https://evil.example")]) == 403


def test_s01_who_sends_cookies_says_from_which_page(site: Site) -> None:
    """No browser leaves the origin out; an old proxy may take it off (Phoenix CVE-2022-42975)."""
    element = elements_of(site.page("members"), dict([ADA]))[0]
    body = json.dumps({"ticket": element.ticket}).encode()
    assert knock(f"{site.url}/live/socket", [ADA]) == 403
    assert knock(f"{site.url}/live/members/ws", [ADA], "bokeh, token") == 403
    assert ask(f"{site.url}/live/ticket", "POST", [ADA], body).status == 403
    # A script without cookies is nobody in particular, and shows a ticket like everybody.
    assert knock(f"{site.url}/live/socket") == 101


def test_s01_a_browser_that_says_it_is_elsewhere_is_refused_without_an_origin_too(site: Site) -> None:
    """A script tag of another site sends no ``Origin``; what it asks for would run there."""
    asked = f"{site.url}/live/members/autoload.js?bokeh-autoload-element=a"
    assert ask(asked, headers=[ADA]).status == 200
    for elsewhere in ("cross-site", "same-site"):
        assert ask(asked, headers=[ADA, ("Sec-Fetch-Site", elsewhere)]).status == 403
    assert ask(asked, headers=[ADA, ("Sec-Fetch-Site", "same-origin")]).status == 200


FORGED = [
    ("X-Forwarded-Host", "evil.example"),
    ("X-Forwarded-Proto", "https"),
    ("X-Forwarded-Port", "443"),
    ("X-Forwarded-Server", "evil.example"),
    ("X-Original-Host", "evil.example"),
    ("X-Host", "evil.example"),
    ("Forwarded", "host=evil.example;proto=https"),
    ("X-Forwarded-Origin", "http://evil.example"),
    ("Sec-WebSocket-Origin", "http://evil.example"),
]


def test_s20_headers_that_a_proxy_might_set_make_no_page_one_of_the_site(site: Site) -> None:
    """Daphne CVE-2026-44546, Django CVE-2025-14550."""
    for origin in ("http://evil.example", "https://evil.example"):
        headers = [ADA, ("Origin", origin), *FORGED]
        assert knock(f"{site.url}/live/socket", headers) in (400, 403)
        assert ask(f"{site.url}/live/ticket", "POST", headers, b"{}").status in (400, 403)


def test_s20_a_header_inside_of_another_one_is_not_heard(site: Site) -> None:
    """Servers answer it with an error, with silence, or take it for one strange header."""
    for hidden in (f"Origin: {site.url}", "Cookie: user=ada"):
        strange = [("Origin", "https://evil.example"), ("X-Junk", f"a\x0b{hidden}")]
        assert knock(f"{site.url}/live/socket", strange, timeout=1) in (0, 400, 403)


@pytest.mark.parametrize(
    "name",
    ["Remote-User", "X-Remote-User", "X-Forwarded-User", "X-Auth-Request-User", "User", "X-User", "X_User"],
)
def test_s20_headers_that_name_a_user_make_nobody_that_user(site: Site, name: str) -> None:
    headers = {name: "ada"}
    element = elements_of(site.page("private"), headers)[0]
    with Client(element.endpoint, **headers) as client:
        attached = client.open(element.ticket)
        assert client.value(attached, "report", "value") == "this is of None"
        ticket = elements_of(site.page("members"), dict([ADA]))[0].ticket
        assert client.closed_with(client.open(ticket)) == wire.Close.TICKET_EXPIRED
