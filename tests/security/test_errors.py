"""S28: whatever goes wrong, a visitor learns that it did, and at the most an id that is also in the log."""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from websockets.exceptions import InvalidStatus

from embedsync import wire
from tests.contract.client import Client, elements_of
from tests.contract.servers import ROOT
from tests.faults.sites import FaultSite, wait_until
from tests.security.apps import SECRET

TELLING = re.compile(
    rf"""Traceback | File\ " | \.py\b | site-packages | {re.escape(str(ROOT))}
    | \b[A-Z]\w*(?:Error|Exception)\b | {SECRET.replace(" ", chr(92) + " ")} | secret\ of\ the """,
    re.VERBOSE,
)
"""What would tell of code: tracebacks, files, classes; and what was raised."""

BREAKS_USERS = {"Cookie": "user=nobody-can-say"}
BODIES = (
    b"",
    b"{",
    b"[]",
    b"1",
    b'"x"',
    b"\xff\xfe",
    b"[" * 10_000,
    b'{"ticket": 1}',
    b'{"ticket": "x.y.z"}',
)
APPS = ("broken", "doubtful", "none", "..", "%00", "%ff")


def requests() -> Iterator[tuple[str, str, dict[str, str], bytes]]:
    for body in (*BODIES, *(json.dumps({"app": app, "arguments": 1}).encode() for app in APPS)):
        yield "POST", "/live/ticket", {}, body
    for app in APPS:
        yield "GET", f"/page/{app}", {}, b""
        yield "GET", f"/live/{app}/autoload.js?bokeh-autoload-element=1&bokeh-app-path=%2f..", {}, b""
        yield "GET", f"/live/{app}/ws", {"Sec-WebSocket-Protocol": "bokeh, x"}, b""
    for path in (
        "ticket",
        "socket",
        "health",
        "embed.js",
        "static/..%2f..%2fx",
        "scripts/x.js",
        "%ff",
        "x" * 3000,
    ):
        for method in ("GET", "POST", "PUT", "DELETE", "OPTIONS"):
            yield method, f"/live/{path}", {}, b""
        yield "GET", f"/live/{path}", BREAKS_USERS, b""
    yield "POST", "/live/ticket", BREAKS_USERS, b'{"app": "open"}'
    yield "GET", "/page/echo", BREAKS_USERS, b""
    yield "GET", "/live/socket", {"Upgrade": "websocket", "Connection": "Upgrade"}, b""
    yield "GET", "/live/socket", {"Host": "a b\\c"}, b""


def answer(site: FaultSite, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, str]:
    connection = http.client.HTTPConnection(urlsplit(site.url).netloc, timeout=20)
    try:
        connection.request(method, path, body or None, headers)
        response = connection.getresponse()
        return response.status, f"{response.headers}{response.read().decode(errors='replace')}"
    finally:
        connection.close()


def test_s28_no_route_tells_of_code_whatever_is_asked_and_whatever_fails(attacked: FaultSite) -> None:
    statuses, failures = set(), 0
    for each in requests():
        status, said = answer(attacked, *each)
        failures += status >= 500
        found = TELLING.search(said)
        assert found is None, (each, status, said[:2000])
        statuses.add(status)
    assert {200, 400, 403, 404, 405} <= statuses
    assert failures > 5


def test_s28_a_handshake_whose_user_nobody_can_tell_is_refused_without_a_word(attacked: FaultSite) -> None:
    endpoint = elements_of(attacked.page("echo"))[0].endpoint
    with pytest.raises(InvalidStatus) as refused:
        Client(endpoint, **BREAKS_USERS)
    assert not TELLING.search((refused.value.response.body or b"").decode())


def test_s28_an_app_that_cannot_be_built_tells_an_id_that_is_in_the_log(attacked: FaultSite) -> None:
    client, attached = Client.visit(attacked.page("broken"))
    with client:
        (closed,) = [each for each in attached.frames if isinstance(each, wire.Closed)]
    assert closed.code == wire.Close.BUILD_FAILED
    assert re.fullmatch(r"[\w-]{8}", closed.error)
    assert closed.detail == ""
    wait_until(lambda: f"(error {closed.error})" in (log := attacked.log.read_text()) and SECRET in log)


def test_s28_a_permission_that_raises_refuses_and_tells_nothing(attacked: FaultSite) -> None:
    # In Flask and Django it is asked when the page is made, which then has no ticket to show.
    for element in elements_of(attacked.page("doubtful")):
        with Client(element.endpoint) as client:
            attached = client.open(element.ticket)
            (closed,) = attached.frames
            assert closed == wire.Closed(code=wire.Close.FORBIDDEN)
    wait_until(lambda: "'doubtful': its permission failed" in attacked.log.read_text())
