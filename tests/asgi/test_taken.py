"""Sockets that threads of the pool read and write in place of uvicorn's loop: it shows only in time."""

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from embedsync import Hub, Settings, wire
from embedsync.asgi import application
from embedsync.asgi.protocol import Receive, Scope, Send
from embedsync.asgi.socket import Socket
from tests.asgi.client import Client, socket_url
from tests.asgi.hearing import Hearing
from tests.asgi.pieces import in_pieces
from tests.asgi.server import running, until
from tests.asgi.toyapp import CLICK, ToyRecipe, set_value
from tests.support.memory import WAIT


class Talk:
    """A browser, the endpoint that it talks to, and the socket in between."""

    def __init__(self, hub: Hub, answers: Callable[[bytes], list[bytes]]) -> None:
        self.hub = hub
        self.endpoint = Hearing(answers)
        self.sockets: list[Socket] = []
        self.protocols: list[Any] = []
        self.browser: ClientConnection

    async def serve(self, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        endpoint: Any = self.endpoint
        self.protocols.append(getattr(send, "__self__", None))
        self.sockets.append(Socket(endpoint, receive, send, Settings(), self.hub.pool))
        await self.sockets[0].run()

    @property
    def is_taken(self) -> bool:
        return self.sockets[0]._taken is not None

    def ask(self, message: bytes) -> None:
        """Say something that is answered as it is."""
        self.browser.send(message)
        assert self.browser.recv(WAIT) == message

    def be_taken(self) -> None:
        self.ask(b"hello")
        until(lambda: self.is_taken)


@contextlib.contextmanager
def talk(answers: Callable[[bytes], list[bytes]] = lambda message: [message]) -> Iterator[Talk]:
    hub = Hub("only for tests")
    made = Talk(hub, answers)

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        await made.serve(receive, send)

    with (
        running(application, hub) as url,
        connect(url.replace("http", "ws", 1), proxy=None, compression=None, max_size=None) as browser,
    ):
        made.browser = browser
        yield made


def test_a_message_is_heard_on_a_thread_of_the_pool_and_answered() -> None:
    with talk() as made:
        made.be_taken()
        made.endpoint.threads.clear()
        for number in range(100):
            made.ask(b"%d" % number)
        assert len(made.endpoint.threads) == 1
        assert made.hub.pool.threads == 1
        assert made.is_taken


def test_messages_of_every_size_and_kind_are_heard_in_order_whoever_reads_them() -> None:
    said: list[bytes | str] = []
    for number in range(60):
        said += [b"%d" % number, bytes([number]) * 100_000, b"small %d" % number, f"text {number}", b"", b"-"]
    with talk() as made:
        made.be_taken()
        for each in said:
            made.browser.send(each)
        heard = [made.browser.recv(WAIT) for _ in said]
        made.be_taken()
    assert heard == [each.encode() if isinstance(each, str) else each for each in said]


def test_messages_that_are_cut_anywhere_are_heard_in_order() -> None:
    said = [b"%d" % number * (1 + number % 50) for number in range(300)]
    with talk() as made:
        made.be_taken()
        in_pieces(made.browser, said)
        assert [made.browser.recv(WAIT) for _ in said] == said


def test_pings_are_answered_by_uvicorn_and_the_threads_take_the_socket_again() -> None:
    with talk() as made:
        for number in range(20):
            made.be_taken()
            made.browser.send(b"before %d" % number)
            pong = made.browser.ping()
            made.browser.send(b"after %d" % number)
            assert pong.wait(WAIT)
            assert [made.browser.recv(WAIT) for _ in range(2)] == [
                b"before %d" % number,
                b"after %d" % number,
            ]


def test_pings_of_uvicorn_itself_come_between_whole_messages() -> None:
    large = b"x" * 300_000
    with talk(lambda message: [message, large, b"end"]) as made:
        made.browser.send(b"hello")
        assert [made.browser.recv(WAIT) for _ in range(3)] == [b"hello", large, b"end"]
        loop = made.protocols[0].loop
        for number in range(50):
            made.browser.send(b"%d" % number)
            loop.call_soon_threadsafe(made.protocols[0].send_keepalive_ping)
        for number in range(50):
            assert [made.browser.recv(WAIT) for _ in range(3)] == [b"%d" % number, large, b"end"]


def test_what_there_is_no_room_for_is_neither_lost_nor_overtaken() -> None:
    sent = [bytes([number]) * 100_000 for number in range(200)]
    with talk(lambda message: [message] if message == b"hello" else sent) as made:
        made.be_taken()
        made.browser.send(b"more")
        until(lambda: not made.is_taken)  # The loop waits for room.
        made.endpoint.say(b"last")
        received = [made.browser.recv(WAIT) for _ in range(201)]
        assert [each[:1] for each in received[:200]] == [each[:1] for each in sent]
        assert {len(each) for each in received[:200]} == {100_000}
        assert received[200] == b"last"


def test_what_is_said_from_any_thread_arrives_whole_and_each_in_its_order() -> None:
    with talk() as made:
        made.be_taken()

        def say(who: int) -> None:
            for number in range(200):
                made.endpoint.say(b"%d:%d:" % (who, number) + b"." * (number * who))

        threads = [threading.Thread(target=say, args=(who,)) for who in range(4)]
        for each in threads:
            each.start()
        received = [bytes(made.browser.recv(WAIT)) for _ in range(800)]  # type: ignore[arg-type]
        for each in threads:
            each.join()
    for who in range(4):
        mine = [each for each in received if each.startswith(b"%d:" % who)]
        assert mine == [b"%d:%d:" % (who, number) + b"." * (number * who) for number in range(200)]


def test_a_goodbye_of_the_browser_is_answered_and_ends_it() -> None:
    with talk() as made:
        made.be_taken()
        made.browser.send(b"last words")
        made.browser.close()
        assert made.endpoint.has_left.wait(WAIT)
        assert not made.is_taken
        assert not made.hub.pool.lookout.is_needed
        assert made.browser.close_code == 1000


def test_a_connection_that_is_cut_is_let_go_of() -> None:
    with talk() as made:
        made.be_taken()
        made.browser.socket.close()
        assert made.endpoint.has_left.wait(WAIT)
        assert not made.hub.pool.lookout.is_needed


def test_a_goodbye_of_the_endpoint_follows_what_it_has_said() -> None:
    with talk() as made:
        made.be_taken()
        made.endpoint.say(b"one", b"two")
        made.endpoint.close(4300)
        assert [made.browser.recv(WAIT), made.browser.recv(WAIT)] == [b"one", b"two"]
        with pytest.raises(ConnectionClosed):
            made.browser.recv(WAIT)
        assert made.browser.close_code == 4300
        assert made.endpoint.has_left.wait(WAIT)


def test_a_transport_that_uvicorn_closes_is_not_touched_any_more() -> None:
    with talk() as made:
        made.be_taken()
        protocol = made.protocols[0]
        protocol.loop.call_soon_threadsafe(protocol.transport.abort)
        assert made.endpoint.has_left.wait(WAIT)
        assert not made.hub.pool.lookout.is_needed
        made.endpoint.say(b"too late")
        with pytest.raises(ConnectionClosed):
            made.browser.recv(WAIT)


def test_where_the_process_has_no_more_files_the_loop_goes_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with talk() as made:

        def watch(file: int, read: Callable[[], None]) -> None:
            raise OSError(24, "Too many open files")

        monkeypatch.setattr(made.hub.pool.lookout, "watch", watch)
        with caplog.at_level(logging.WARNING, "embedsync"):
            for number in range(20):
                made.ask(b"%d" % number)
        assert not made.is_taken
    assert [each.getMessage() for each in caplog.records] == [
        "a socket is left to the event loop: [Errno 24] Too many open files"
    ]


class Site:
    """A server with one app, in which a click does what the test says."""

    def __init__(self, clicked: Callable[[], None], **settings: Any) -> None:
        self.hub = Hub("only for tests", Settings(**settings))
        self.hub.add_app("mine", ToyRecipe(lambda info: clicked()))


def test_browsers_are_served_while_all_threads_that_there_may_be_run_callbacks() -> None:
    go_on, clicks = threading.Event(), threading.Semaphore(0)

    def clicked() -> None:
        clicks.release()
        assert go_on.wait(WAIT)

    site = Site(clicked, workers=2, workers_limit=2, heartbeat=0.1)
    with running(application(site.hub), site.hub) as url, contextlib.ExitStack() as stack:
        clients = [stack.enter_context(Client(socket_url(url))) for _ in range(3)]
        opened = [each.open(site.hub.ticket("mine")) for each in clients]
        for client, each in zip(clients[:2], opened, strict=False):
            client.wait_for(wire.SnapshotFrame)
            client.edit(each, 1, CLICK)
            assert clicks.acquire(timeout=WAIT)
        clients[2].wait_for(wire.SnapshotFrame)
        for _ in range(10):
            clients[2].send(0, wire.Ping())
            clients[2].wait_for(wire.Pong)
        clients[2].edit(opened[2], 1, set_value(3))
        for client in clients[:2]:
            while client.pings < 3:
                client.receive()  # They are heard, and not taken for dead.
        go_on.set()
        assert clients[2].wait_for(wire.Result).commit


def test_a_process_that_stops_says_goodbye_to_sockets_that_threads_have() -> None:
    site = Site(lambda: None)
    with contextlib.ExitStack() as stack:
        with running(application(site.hub), site.hub) as url:
            client = stack.enter_context(Client(socket_url(url)))
            opened = client.open(site.hub.ticket("mine"))
            client.wait_for(wire.SnapshotFrame)
            client.edit(opened, 1, set_value(1))
            client.wait_for(wire.Result)
            until(lambda: site.hub.pool.lookout.is_needed)
        assert client.wait_for(wire.Closed).code == wire.Close.DRAIN


def test_a_socket_with_middleware_before_receive_is_left_to_the_loop() -> None:
    hub = Hub("only for tests")
    endpoint: Any = Hearing(lambda message: [message])
    sockets: list[Socket] = []

    async def site(scope: Scope, receive: Receive, send: Send) -> None:
        async def between() -> Any:
            await asyncio.sleep(0)
            return await receive()

        await receive()
        await send({"type": "websocket.accept"})
        sockets.append(Socket(endpoint, between, send, Settings(), hub.pool))
        await sockets[0].run()

    with (
        running(site, hub) as url,
        connect(url.replace("http", "ws", 1), proxy=None, compression=None) as browser,
    ):
        for number in range(50):
            browser.send(b"%d" % number)
            assert browser.recv(WAIT) == b"%d" % number
        assert sockets[0]._taken is None
        assert not hub.pool.lookout.is_needed
