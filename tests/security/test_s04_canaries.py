"""S4: cookies, tickets, secrets and keys stay where they belong. Jupyter CVE-2022-24757 had them in its log.

All that servers print in the whole suite is looked through for them: `tests/support/canaries.py`.
"""

from __future__ import annotations

import logging
import re
from pathlib import Path

import pytest

from embedsync import wire
from tests.contract.client import Client, elements_of
from tests.contract.servers import ROOT, Site
from tests.security.asking import Answer, Headers, ask, knock
from tests.security.test_s03_routes import EVERY
from tests.security.test_s05_identity import COOKIE, cookies
from tests.support import canaries

KEY = "for tests only"
BROKEN = [
    b"",
    b"{",
    b"[]",
    b'{"ticket": 7}',
    b'{"ticket": "none"}',
    b'{"app": "members", "arguments": {"a": 1}}',
    b'{"app": "none"}',
    b"x" * 100_000,
]


def test_s04_what_is_planted_is_found_whole_and_cut_short() -> None:
    secret = "5f2c9a7e41d84b06a3c1e9f07b6d8852f4a1c3e5"
    assert canaries.found_in(f"nothing of {secret}") == []
    canaries.plant("a secret", secret)
    for text in (f"ticket={secret}&", f"…{secret[:25]}…", f"...{secret[-22:]}", f"x{secret}y"):
        assert canaries.found_in(text) == ["a secret"], text
    assert canaries.found_in("the key is 'for tests only'") == ["the key 'for tests only'"]
    with pytest.raises(AssertionError, match="a secret"):
        canaries.refuse_leaks(f"2026-11-28 GET /{secret}")


def test_s04_no_answer_and_no_log_names_a_secret(site: Site) -> None:
    """Every route is asked in every wrong way, with a cookie and a ticket at hand."""
    headers = cookies("ada")
    element = elements_of(site.page("private"), headers)[0]
    with Client(element.endpoint, **headers) as client:
        attached = client.open(element.ticket)
        assert attached.opened is not None
        secrets = [COOKIE, element.ticket, element.ticket[:40], attached.opened.secret, KEY]
        for answer in _wrong(site, element.ticket):
            said = f"{answer.headers} {answer.body}"
            assert not any(each in said for each in secrets), said[:500]
            assert "Traceback" not in said, said
            assert str(ROOT) not in said, said
        client.resume(attached)
        client.attached[99] = attached
        client.socket.send(b"\x01\0\0\0\xff\xff\xff\xff" + element.ticket.encode())
        assert client.wait_closed() == wire.Close.BAD_MESSAGE
    printed = site.log.read_text()
    assert not any(each in printed for each in secrets)


def _wrong(site: Site, ticket: str) -> list[Answer]:
    own: Headers = [*cookies("ada").items(), ("Origin", site.url)]
    evil: Headers = [*cookies("ada").items(), ("Origin", "https://evil.example")]
    answers = []
    for _, route in EVERY:
        url = f"{site.url}/live/{route.path}"
        for method in ("GET", "HEAD", "PUT", "DELETE", "OPTIONS"):
            answers.append(ask(url, method, evil))
            if method != "GET":
                answers.append(ask(url, method, own))
    answers += [ask(f"{site.url}/live/ticket", "POST", own, each) for each in BROKEN]
    changed = f'{{"ticket": "A{ticket[1:]}"}}'.encode()
    answers += [ask(f"{site.url}/live/ticket", "POST", own, changed)]
    answers += [ask(site.page(name), headers=own) for name in ("none", "failing")][:1]
    knock(f"{site.url}/live/socket", evil)
    knock(f"{site.url}/live/members/ws", own, f"bokeh, {ticket}")
    return answers


def test_s04_our_responses_tell_nobody_where_their_reader_came_from(site: Site) -> None:
    for name, route in EVERY:
        if route.method != "SOCKET":
            answer = route.enter(site, [*cookies("ada").items(), ("Origin", site.url)], "none")
            assert answer.values("Referrer-Policy") == ["no-referrer"], name
            assert answer.values("X-Content-Type-Options") == ["nosniff"], name


def test_s04_a_ticket_is_sent_in_a_body_and_nowhere_else() -> None:
    """The browser's code: no address is put together with a ticket or a secret in it."""
    folder = ROOT / "embedsync/static/embedsync"
    for module in sorted(folder.glob("**/*.js")):
        for line in module.read_text().splitlines():
            # What is fetched, connected to or shown in the address bar is made here.
            for made in re.findall(r"(?:new URL|new Socket|new WebSocket|fetch)\(([^,)]*)", line):
                assert not re.search(r"(?<!/)ticket|secret", made), f"{module.name}: {line}"


def test_s04_the_log_in_every_detail_names_no_ticket_and_no_secret(
    caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    """Also at the level of debugging, where a socket is refused, opened, lost and resumed."""
    from embedsync import Hub
    from tests.support.memory import MemoryBrowser, ToyRecipe

    caplog.set_level(logging.DEBUG, "embedsync")
    hub = Hub("only for tests")
    hub.add_app("toy", ToyRecipe())
    ticket = hub.ticket("toy", {"a": 1}, user_key="ada")
    browser = MemoryBrowser(hub, user_key="ada", cookies={"extra": COOKIE})
    opened = browser.open(ticket).wait_for(wire.Opened)
    MemoryBrowser(hub, user_key="eve").open(ticket).wait_for(wire.Closed)
    MemoryBrowser(hub, user_key="eve").resume(opened).wait_for(wire.Closed)
    MemoryBrowser(hub, user_key="ada").open(f"A{ticket[1:]}").wait_for(wire.Closed)
    browser.endpoint.lost()
    MemoryBrowser(hub, user_key="ada").resume(opened).wait_for(wire.Opened)
    hub.stop()
    assert caplog.text
    for secret in (ticket, ticket[:30], opened.secret, COOKIE, "only for tests"):
        assert secret not in caplog.text
