"""What is written past daphne arrives as if it had been sent by it; where that is not known nothing is."""

from __future__ import annotations

import contextlib
import functools
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from embedsync.asgi.direct_daphne import DirectToDaphne
from tests.asgi.pieces import in_pieces
from tests.asgi.talking_site import EVERY_KIND, LIMIT, TOGETHER
from tests.contract.servers import free_port, start
from tests.support.memory import WAIT


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running(tmp_path_factory.mktemp("daphne"), "--websocket-max-message-size", str(LIMIT)) as url:
        yield url


@contextlib.contextmanager
def running(folder: Path, *options: str) -> Iterator[str]:
    port, log = free_port(), folder / "server.log"
    command = [sys.executable, "-m", "daphne", "--bind", "127.0.0.1", "--port", str(port)]
    command += [*options, "tests.asgi.talking_site:application"]
    with start(command, port, "/", log) as (url, _):
        yield url.replace("http", "ws", 1)
    assert "Traceback" not in log.read_text()


def opened(url: str, **options: Any) -> ClientConnection:
    return connect(url, proxy=None, max_size=None, **{"compression": None, **options})


def test_messages_of_every_size_and_kind_arrive_whole_and_in_order(url: str) -> None:
    with opened(f"{url}/every-kind") as browser:
        assert list(browser) == EVERY_KIND


def test_messages_that_are_written_together_arrive_apart_and_none_overtakes_another(url: str) -> None:
    with opened(f"{url}/together") as browser:
        browser.send("go on")
        received = [browser.recv() for _ in range(len(TOGETHER) + 1)]
        browser.send("go on")
        assert [*received, *browser] == [*TOGETHER, "the usual way", b"last"]


def test_a_browser_that_reads_nothing_is_written_nothing_more(url: str) -> None:
    with opened(f"{url}/without-end", max_queue=1) as browser:
        browser.send("go on")
        received = list(browser)
    assert received[:-1] == [b"x" * 100_000] * (len(received) - 1)
    assert received[-1] == str(len(received) - 1)


def test_nothing_is_written_once_the_socket_is_closed(url: str) -> None:
    with opened(f"{url}/closed") as browser:
        browser.send("go on")
        assert list(browser) == []


def test_what_daphne_would_not_send_is_not_written(url: str) -> None:
    with opened(f"{url}/too-large") as browser:
        browser.send("go on")
        assert list(browser) == ["[False, False]"]


def test_small_messages_come_past_daphne_and_everything_else_the_usual_way_in_order(url: str) -> None:
    with opened(f"{url}/listening") as browser:
        browser.send("ready")
        assert browser.recv() == b"usual: ready"
        for number in range(100):
            browser.send(b"%d" % number)
        assert [browser.recv() for _ in range(100)] == [b"past: %d" % number for number in range(100)]
        browser.ping().wait(WAIT)
        said: list[Any] = ["text", b"x" * 70_000, [b"in ", b"parts"], b"small"]
        for each in said:
            browser.send(each)
        heard = [bytes(browser.recv()).partition(b": ") for _ in said]
        assert [each for _, _, each in heard] == [b"text", b"x" * 70_000, b"in parts", b"small"]
        assert [way for way, _, _ in heard[:3]] == [b"usual"] * 3
        browser.send(b"over")
        assert list(browser) == []


@pytest.mark.parametrize("what", ["message", "frame"])
def test_what_is_larger_than_daphne_is_told_to_take_is_not_heard(what: str, tmp_path: Path) -> None:
    with (
        running(tmp_path, f"--websocket-max-{what}-size", "1000") as url,
        opened(f"{url}/listening") as browser,
    ):
        browser.send("ready")
        assert browser.recv(WAIT) == b"usual: ready"
        browser.send(b"x" * 1001)
        with pytest.raises(ConnectionClosed):
            browser.recv(WAIT)


def test_messages_that_are_cut_anywhere_are_put_together(url: str) -> None:
    said = [b"%d" % number * (number % 50) for number in range(200)]
    with opened(f"{url}/listening") as browser:
        browser.send("ready")
        assert browser.recv() == b"usual: ready"
        in_pieces(browser, [each or b"empty" for each in said])
        heard = [bytes(browser.recv()).partition(b": ")[2] for _ in said]
        browser.send(b"over")
    assert heard == [each or b"empty" for each in said]


def test_who_stands_before_what_is_received_by_sees_all_of_it(url: str) -> None:
    with opened(f"{url}/behind") as browser:
        for number in range(10):
            browser.send(b"%d" % number)
        assert [browser.recv() for _ in range(10)] == [b"usual: %d" % number for number in range(10)]
        browser.send(b"over")


def test_there_is_no_socket_below_once_the_connection_is_lost(url: str) -> None:
    with opened(f"{url}/left"):
        pass
    with opened(f"{url}/who-left") as browser:
        assert browser.recv(WAIT) == "None"


def test_who_only_looks_like_daphne_is_sent_to_in_the_usual_way() -> None:
    async def send(protocol: Any, message: Any) -> None:
        """Take it."""

    assert DirectToDaphne.past(functools.partial(send, object())) is None
