"""What a stranger may cost a site, on each kind of server: S13, S14, S16, S17, S19."""

from __future__ import annotations

import contextlib
import socket
import zlib
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from websockets.exceptions import ConnectionClosed

from embedsync import wire
from tests.contract.client import Attached, Client, elements_of
from tests.faults.sites import FaultSite, serving, wait_until
from tests.security.conftest import SETTINGS, come_and_edit
from tests.support.raw import BINARY, CLOSE, PING, PONG, RawSocket, encode_frame

MIB = 1024 * 1024
DEFLATE = "permessage-deflate; client_max_window_bits"


@pytest.fixture
def endpoint(attacked: FaultSite) -> str:
    return elements_of(attacked.page("echo"))[0].endpoint


def opened(browser: RawSocket, attacked: FaultSite) -> None:
    browser.send_frame(wire.Open(protocol=1, ticket=elements_of(attacked.page("echo"))[0].ticket))
    browser.wait_for(wire.SnapshotFrame)


def grown(attacked: FaultSite, before: int) -> int:
    return attacked.resources().memory - before


def test_s13_cve_2018_1000518_a_message_that_inflates_a_thousandfold_costs_no_more_than_a_large_one(
    attacked: FaultSite, endpoint: str
) -> None:
    """Most servers take no compressed messages at all, and say so in the handshake."""
    deflate = zlib.compressobj(wbits=-15)
    bomb = deflate.compress(bytes(200 * MIB)) + deflate.flush(zlib.Z_SYNC_FLUSH)[:-4]
    assert len(bomb) < MIB
    before = attacked.resources().memory
    with RawSocket(endpoint, offer=DEFLATE) as browser:
        takes_compressed = b"permessage-deflate" in browser.head
        browser.send(encode_frame(BINARY, bomb, reserved=4))
        # Who gets what it cannot read may hang up without a word.
        assert browser.ending() in ([1009] if takes_compressed else [1002, 1006])
    assert takes_compressed == attacked.name.endswith("uvicorn")
    assert grown(attacked, before) < 48 * MIB
    come_and_edit(attacked)


@pytest.mark.parametrize("is_open", [False, True])
def test_s14_cve_2026_44545_a_message_of_a_gibibyte_is_cut_off_long_before_its_end(
    attacked: FaultSite, endpoint: str, is_open: bool
) -> None:
    before, most = attacked.resources().memory, 0
    with RawSocket(endpoint) as browser:
        if is_open:
            opened(browser, attacked)
        with contextlib.suppress(ConnectionError, TimeoutError):
            browser.send(encode_frame(BINARY, length=1024 * MIB))
            for _ in range(1024):
                browser.send(bytes(MIB))
                most = max(most, grown(attacked, before))
            pytest.fail("all of it was taken")
    assert most < 64 * MIB
    come_and_edit(attacked)


def test_s14_cve_2026_48809_before_it_has_shown_a_ticket_a_socket_sends_twenty_kibibytes_and_no_more(
    attacked: FaultSite, endpoint: str
) -> None:
    with RawSocket(endpoint) as browser:
        browser.send(encode_frame(BINARY, bytes(20 * 1024 + 1)))
        assert browser.ending() == wire.Close.TOO_BIG


@pytest.mark.parametrize("is_open", [False, True])
def test_s14_a_message_that_comes_drop_by_drop_is_not_waited_for(
    attacked: FaultSite, endpoint: str, is_open: bool
) -> None:
    with RawSocket(endpoint) as browser:
        if is_open:
            opened(browser, attacked)
        browser.send(encode_frame(BINARY, length=MIB))
        browser.socket.settimeout(0.02)
        try:
            for _ in range(MIB):
                browser.send(b"x")
                with contextlib.suppress(TimeoutError):
                    if browser.receive()[0] == CLOSE:
                        return
        except (ConnectionError, EOFError):
            return
        pytest.fail("all of it was waited for")


def test_s16_cve_2026_48802_ten_thousand_pongs_start_no_thread(attacked: FaultSite, endpoint: str) -> None:
    with RawSocket(endpoint) as browser:
        opened(browser, attacked)
        before = attacked.resources().threads
        ours = wire.frame(0, wire.encode_payload(wire.Pong()))
        for _ in range(10):
            browser.send(encode_frame(PONG, b"x") * 1_000 + encode_frame(BINARY, ours) * 100)
        browser.send(encode_frame(PING, b"done"))
        while browser.receive() != (PONG, b"done"):
            assert attacked.resources().threads <= before
        assert attacked.resources().threads <= before


def test_s17_five_hundred_half_handshakes_leave_the_site_answering(attacked: FaultSite) -> None:
    """gunicorn gives one of its threads to whoever is about to ask something, and counts on a proxy in front
    that has heard slow ones out. So there are fewer of them there than it has threads."""
    address = urlsplit(attacked.url)
    with ExitStack() as stack:
        for number in range(40 if attacked.name == "flask-gthread" else 500):
            half = stack.enter_context(socket.create_connection((address.hostname, address.port), 20))
            half.sendall(b"GET /live/socket HTTP/1.1\r\nHost: ")
            if number % 25 == 24:
                attacked.health()  # Not faster than the server takes them, or the kernel makes us wait.
        come_and_edit(attacked)


@pytest.mark.parametrize("name", ["flask-gthread", "asgi-uvicorn"])
def test_s17_three_hundred_sockets_that_show_no_ticket_keep_nobody_out(tmp_path: Path, name: str) -> None:
    with serving(name, tmp_path, SETTINGS | {"handshake_timeout": 60.0}) as attacked, ExitStack() as stack:
        endpoint = elements_of(attacked.page("echo"))[0].endpoint
        # On threads there are as many as have room.
        for _ in range(60 if name == "flask-gthread" else 300):
            stack.enter_context(RawSocket(endpoint))
        wait_until(lambda: _is_let_in(attacked))


def _is_let_in(attacked: FaultSite) -> bool:
    """Whether a visitor is; if not, the browser would try again, as `wait_until` does."""
    try:
        come_and_edit(attacked)
    except ConnectionClosed as closed:
        return _not_if_it_was_not_busy(closed)
    except OSError:  # It was closed before it was open here.
        return False
    return True


def _not_if_it_was_not_busy(closed: ConnectionClosed) -> bool:
    assert closed.rcvd is not None
    assert closed.rcvd.code == wire.Close.BUSY
    return False


def test_s19_as_many_edits_as_five_seconds_of_dragging_make_pass_as_fast_as_they_come(
    attacked: FaultSite,
) -> None:
    client, attached = Client.visit(attacked.page("echo"))
    with client:
        assert flood(client, attached, 5 * 120)
        client.send(attached, wire.Detach())


def test_s19_a_flood_of_edits_is_cut_off_and_the_session_goes_on_later(attacked: FaultSite) -> None:
    client, attached = Client.visit(attacked.page("echo"))
    with client:
        assert not flood(client, attached, 20_000)
        assert client.wait_closed() == wire.Close.TOO_MANY_EDITS
    back = Client(client.endpoint)
    with back:
        again = back.resume(attached)
        assert again.opened is not None
        assert again.opened.session == attached.opened.session  # type: ignore[union-attr]
        back.send(again, wire.Detach())


def flood(client: Client, attached: Attached, edits: int) -> bool:
    """Edit as fast as the window of unanswered edits lets anybody. Says whether all were taken."""
    try:
        for number in range(edits):
            cseq = client.set(attached, "amount", "value", number % 100)
            if number % 30 == 29:
                client.result(attached, cseq - 20)
        client.result(attached, attached.cseq)
    except ConnectionClosed:
        return False
    return True
