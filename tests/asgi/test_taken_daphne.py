"""Sockets that threads of the pool read and write in place of daphne's loop."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.asgi.pieces import in_pieces
from tests.asgi.server import until
from tests.asgi.taken_site import AWAITED, GOODBYE, LARGE, NOTHING, PING, PINGED, POUR, STATE, TAKEN
from tests.contract.servers import free_port, start
from tests.support.memory import WAIT


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port, log = free_port(), tmp_path_factory.mktemp("daphne") / "server.log"
    command = [sys.executable, "-m", "daphne", "--bind", "127.0.0.1", "--port", str(port)]
    command += ["--ping-interval", "1", "tests.asgi.taken_site:application"]
    with start(command, port, "/", log) as (url, _):
        yield url.replace("http", "ws", 1)
    assert "Traceback" not in log.read_text()


@pytest.fixture
def browser(url: str) -> Iterator[ClientConnection]:
    with connect(f"{url}/talk", proxy=None, max_size=None, compression=None, ping_interval=None) as made:
        yield made


def ask(browser: ClientConnection, message: bytes) -> bytes:
    browser.send(message)
    return bytes(browser.recv(WAIT))  # type: ignore[arg-type]


def be_taken(browser: ClientConnection) -> None:
    until(lambda: ask(browser, STATE) == TAKEN)


def test_messages_are_heard_and_answered_by_threads_of_the_pool(browser: ClientConnection) -> None:
    be_taken(browser)
    for number in range(100):
        assert ask(browser, b"%d" % number) == b"%d" % number
    assert ask(browser, STATE) == TAKEN


def test_messages_of_every_size_and_kind_are_heard_in_order(browser: ClientConnection) -> None:
    said: list[Any] = []
    for number in range(40):
        said += [b"%d" % number, bytes([number]) * 100_000, b"small %d" % number, f"text {number}", b"-"]
    be_taken(browser)
    for each in said:
        browser.send(each)
    heard = [browser.recv(WAIT) for _ in said]
    assert heard == [each.encode() if isinstance(each, str) else each for each in said]
    be_taken(browser)


def test_messages_that_are_cut_anywhere_are_heard_in_order(browser: ClientConnection) -> None:
    said = [b"%d" % number * (1 + number % 50) for number in range(300)]
    be_taken(browser)
    in_pieces(browser, said)
    assert [browser.recv(WAIT) for _ in said] == said


def test_pings_of_both_sides_come_between_whole_messages(browser: ClientConnection) -> None:
    for number in range(30):
        be_taken(browser)
        browser.send(b"before %d" % number)
        pong = browser.ping()
        browser.send(b"after %d" % number)
        assert pong.wait(WAIT)
        assert [browser.recv(WAIT), browser.recv(WAIT)] == [b"before %d" % number, b"after %d" % number]


def test_a_message_stands_for_an_answer_to_the_ping_of_daphne(browser: ClientConnection) -> None:
    be_taken(browser)
    assert ask(browser, PING) == PINGED
    assert ask(browser, AWAITED) == NOTHING
    be_taken(browser)


def test_what_there_is_no_room_for_is_neither_lost_nor_overtaken(browser: ClientConnection) -> None:
    be_taken(browser)
    browser.send(POUR)
    browser.send(b"last")
    received = [bytes(browser.recv(WAIT)) for _ in range(len(LARGE) + 1)]  # type: ignore[arg-type]
    assert [each[:1] for each in received[:-1]] == [each[:1] for each in LARGE]
    assert {len(each) for each in received[:-1]} == {100_000}
    assert received[-1] == b"last"
    be_taken(browser)


def test_a_goodbye_of_the_endpoint_follows_what_it_has_said(browser: ClientConnection) -> None:
    be_taken(browser)
    assert ask(browser, GOODBYE) == b"last"
    with pytest.raises(ConnectionClosed):
        browser.recv(WAIT)
    assert browser.close_code == 4300


def test_sockets_that_are_closed_or_cut_leave_the_others_alone(url: str, browser: ClientConnection) -> None:
    be_taken(browser)
    for number in range(20):
        with connect(f"{url}/talk", proxy=None, compression=None, close_timeout=1) as other:
            be_taken(other)
            if number % 2:
                other.socket.shutdown(socket.SHUT_RDWR)
        assert ask(browser, b"%d" % number) == b"%d" % number
    assert ask(browser, STATE) == TAKEN
