"""What is written past uvicorn arrives as if it had been sent by it; where that is not known nothing is."""

import asyncio
import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.streams import StreamReader
from websockets.sync.client import connect

from embedsync import Hub, Settings
from embedsync.asgi.direct import Direct
from embedsync.asgi.protocol import Message, Receive, Scope, Send
from embedsync.asgi.socket import Socket
from embedsync.asgi.waking import Waker
from tests.asgi.pieces import in_pieces
from tests.asgi.server import running
from tests.support.memory import WAIT

SIZES = (0, 1, 125, 126, 16 * 1024, 16 * 1024 + 1, 65535, 65536, 300_000)


def served(talk: Callable[[Send, Direct | None], Any]) -> list[bytes | str]:
    """What a browser receives of an application that talks to it once, and then closes."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "websocket"
        await receive()
        await send({"type": "websocket.accept"})
        await talk(send, Direct.past(send))
        with contextlib.suppress(RuntimeError):  # It was closed.
            await send({"type": "websocket.close"})

    with running(application, Hub("only for tests")) as url:
        address = url.replace("http", "ws", 1)
        with connect(address, proxy=None, compression=None, max_size=None) as socket:
            return list(socket)


def test_messages_of_every_size_and_kind_arrive_whole_and_in_order() -> None:
    sent: list[bytes | str] = [bytes([each % 256]) * size for each, size in enumerate(SIZES)]
    sent += ["ä" * size for size in SIZES]

    async def talk(send: Send, direct: Direct | None) -> None:
        assert direct is not None
        for each in sent:
            while not direct.write([each]):
                await send({"type": "websocket.send", "bytes": b"full"})

    assert [each for each in served(talk) if each != b"full"] == sent


def test_messages_that_are_written_together_arrive_apart() -> None:
    sent: list[bytes | str] = [b"one", "two", b"", b"x" * 20_000, "three"]

    async def talk(send: Send, direct: Direct | None) -> None:
        assert direct is not None
        assert direct.write(sent)
        await send({"type": "websocket.send", "text": "the usual way"})
        assert direct.write([b"last"])

    assert served(talk) == [*sent, "the usual way", b"last"]


def test_what_there_is_no_room_for_follows_whatever_was_written_together() -> None:
    sent: list[bytes | str] = [b"one", b"x" * 30_000_000, "two", b"y" * 30_000, b"three"]

    async def talk(send: Send, direct: Direct | None) -> None:
        assert direct is not None
        assert direct.write(sent)
        assert not direct.write([b"it is full"])

    assert served(talk) == sent


def test_a_browser_that_reads_nothing_is_written_nothing_more() -> None:
    refused = threading.Event()

    async def talk(send: Send, direct: Direct | None) -> None:
        assert direct is not None
        written = 0
        while direct.write([b"x" * 100_000]):
            written += 1
            assert written < 10_000, "it is written to without end"
        refused.set()
        await send({"type": "websocket.send", "text": str(written)})

    received = served(talk)
    assert refused.is_set()
    assert received[:-1] == [b"x" * 100_000] * (len(received) - 1)
    assert received[-1] == str(len(received) - 1)


def test_nothing_is_written_once_the_socket_is_closed() -> None:
    written: list[bool] = []

    async def talk(send: Send, direct: Direct | None) -> None:
        assert direct is not None
        await send({"type": "websocket.close"})
        written.append(direct.write([b"too late"]))

    assert served(talk) == []
    assert written == [False]


def test_a_socket_that_compresses_is_sent_to_in_the_usual_way() -> None:
    found: list[Direct | None] = []

    async def talk(send: Send, direct: Direct | None) -> None:
        assert direct is not None
        protocol: Any = getattr(send, "__self__", None)
        protocol.conn.extensions = [object()]
        found.append(Direct.past(send))
        protocol.conn.extensions = []

    served(talk)
    assert found == [None]


class Talkative:
    """Stands in for an endpoint that has more to say each time that something was taken, as one has whose
    browser was behind."""

    def __init__(self, messages: list[bytes]) -> None:
        self._messages = deque(messages)
        self.on_ready: Callable[[], None] = lambda: None

    @property
    def close_code(self) -> int | None:
        return None if self._messages else 1000

    @property
    def ready(self) -> bool:
        return True

    def take(self) -> list[bytes]:
        taken = [self._messages.popleft()] if self._messages else []
        self.on_ready()
        return taken

    def receive(self, message: bytes | str) -> None:
        """There is nothing to answer."""

    def lost(self) -> None:
        """There is nothing to let go of."""


def test_s19_what_a_full_socket_did_not_take_is_neither_lost_nor_overtaken_by_what_comes_meanwhile() -> None:
    sent = [bytes([number]) * 100_000 for number in range(200)]

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        endpoint: Any = Talkative(sent)
        socket = Socket(endpoint, receive, send, Settings())
        talk = asyncio.create_task(socket.run())
        await asyncio.sleep(0)
        endpoint.on_ready()
        await talk

    with running(application, Hub("only for tests")) as url:
        address = url.replace("http", "ws", 1)
        with connect(address, proxy=None, compression=None, max_size=None) as browser:
            received = list(browser)
    assert [each[0] for each in received] == [each[0] for each in sent]


class Listening:
    """Stands in for an endpoint that answers each message with what it is, and whose thread it came on."""

    def __init__(self) -> None:
        self._answers: deque[bytes] = deque()
        self.threads: list[int] = []
        self.on_ready: Callable[[], None] = lambda: None
        self.close_code: int | None = None
        self.fails = False

    def receive(self, message: bytes | str) -> None:
        if self.fails:
            raise RuntimeError("it fails")
        self.threads.append(threading.get_ident())
        self._answers.append(message.encode() if isinstance(message, str) else bytes(message))
        self.on_ready()

    @property
    def ready(self) -> bool:
        return bool(self._answers) or self.close_code is not None

    def take(self) -> list[bytes]:
        taken, self._answers = list(self._answers), deque()
        return taken

    def close(self, code: int, reason: str = "") -> None:
        self.close_code = code
        self.on_ready()

    def lost(self) -> None:
        """There is nothing to let go of."""


def echoing(
    endpoint: Any, received: list[Message], between: Callable[[Receive], Receive] | None = None
) -> Any:
    """An application whose endpoint says what it hears, and that notes what comes the usual way.

    Args:
        endpoint: that of each socket.
        received: takes what is put into uvicorn's queue.
        between: stands in front of what the application receives by.
    """

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        protocol: Any = getattr(send, "__self__", None)
        put = protocol.queue.put_nowait

        def noted(message: Message) -> None:
            received.append(message)
            put(message)

        protocol.queue.put_nowait = noted
        await Socket(endpoint, between(receive) if between else receive, send, Settings()).run()

    return application


def test_messages_of_every_size_and_kind_are_heard_in_order_and_small_ones_past_the_queue() -> None:
    endpoint: Any = Listening()
    usual: list[Message] = []
    said: list[bytes | str] = []
    for number in range(40):
        said += [b"%d" % number, bytes([number]) * 100_000, f"text {number}", b"small %d" % number]
    with (
        running(echoing(endpoint, usual), Hub("only for tests")) as url,
        connect(url.replace("http", "ws", 1), proxy=None, compression=None, max_size=None) as browser,
    ):
        for number in range(100):
            browser.send(b"alone %d" % number)
            assert browser.recv() == b"alone %d" % number
        assert len(usual) < 10  # What comes before the socket is served waits in the queue.
        for each in said:
            browser.send(each)
        heard = [browser.recv() for _ in said]
    assert heard == [each.encode() if isinstance(each, str) else each for each in said]


def test_who_stands_before_what_is_received_by_sees_all_of_it_and_nothing_overtakes_what_they_hold() -> None:
    endpoint: Any = Listening()
    seen: list[Any] = []

    def slow(receive: Receive) -> Receive:
        async def held() -> Message:
            message = await receive()
            seen.append(message.get("bytes"))
            for _ in range(5):
                await asyncio.sleep(0)  # The loop comes round, and reads what comes next.
            return message

        return held

    said = [b"%d" % number for number in range(200)]
    with (
        running(echoing(endpoint, [], slow), Hub("only for tests")) as url,
        connect(url.replace("http", "ws", 1), proxy=None, compression=None) as browser,
    ):
        for each in said:
            browser.send(each)
        assert [browser.recv() for _ in said] == said
    assert [each for each in seen if each is not None] == said


def test_parts_of_a_message_are_put_together() -> None:
    endpoint: Any = Listening()
    with (
        running(echoing(endpoint, []), Hub("only for tests")) as url,
        connect(url.replace("http", "ws", 1), proxy=None, compression=None) as browser,
    ):
        browser.send(b"ready")
        assert browser.recv() == b"ready"
        browser.send([b"one ", b"after ", b"another"])
        assert browser.recv() == b"one after another"


def test_messages_that_are_cut_anywhere_are_put_together() -> None:
    endpoint: Any = Listening()
    said = [b"%d" % number * (1 + number % 50) for number in range(300)]
    with (
        running(echoing(endpoint, []), Hub("only for tests")) as url,
        connect(url.replace("http", "ws", 1), proxy=None, compression=None) as browser,
    ):
        in_pieces(browser, said)
        assert [browser.recv() for _ in said] == said
        assert browser.ping().wait(WAIT)


def test_whole_messages_do_not_come_to_the_parser(monkeypatch: pytest.MonkeyPatch) -> None:
    endpoint: Any = Listening()
    parsed: list[bytes] = []
    feed = StreamReader.feed_data

    def noted(self: StreamReader, data: bytes) -> None:
        if threading.get_ident() in endpoint.threads:  # The server's, and not the browser's.
            parsed.append(bytes(data))
        feed(self, data)

    with (
        running(echoing(endpoint, []), Hub("only for tests")) as url,
        connect(url.replace("http", "ws", 1), proxy=None, compression=None) as browser,
    ):
        browser.send(b"ready")
        assert browser.recv() == b"ready"
        monkeypatch.setattr(StreamReader, "feed_data", noted)
        for each in (b"one", b"two", "text"):
            browser.send(each)
            browser.recv()
    assert len(parsed) >= 1
    assert parsed[0][:1] == b"\x81"


def test_a_message_that_cannot_be_taken_closes_the_socket_and_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    endpoint: Any = Listening()
    with (
        running(echoing(endpoint, []), Hub("only for tests")) as url,
        connect(url.replace("http", "ws", 1), proxy=None, compression=None) as browser,
    ):
        browser.send(b"well")
        assert browser.recv() == b"well"
        endpoint.fails = True
        browser.send(b"not well")
        with pytest.raises(ConnectionClosed) as closed:
            browser.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1011
    assert "a message could not be taken" in caplog.text


def test_a_server_that_is_not_known_is_left_alone() -> None:
    class WebSocketsSansIOProtocol:
        async def send(self, message: Message) -> None:
            """Look like uvicorn."""

    async def plain(message: Message) -> None:
        """Have nothing to do with it."""

    assert Direct.past(plain) is None
    assert Direct.past(WebSocketsSansIOProtocol().send) is None
    WebSocketsSansIOProtocol.__module__ = "uvicorn.protocols.websockets.websockets_sansio_impl"
    assert Direct.past(WebSocketsSansIOProtocol().send) is None


def test_a_loop_calls_each_function_once_in_order_whoever_asks_and_whatever_one_raises(
    caplog: pytest.LogCaptureFixture,
) -> None:
    called: list[int] = []

    def call(number: int) -> Callable[[], None]:
        def function() -> None:
            called.append(number)
            if number % 100 == 7:
                raise ValueError("a socket is broken")

        return function

    async def main() -> None:
        waker = Waker(asyncio.get_running_loop())
        for first in (0, 500, 1000):
            done = asyncio.Event()
            await asyncio.to_thread(ask, waker, range(first, first + 500))
            waker.call(done.set)
            await done.wait()

    def ask(waker: Waker, numbers: range) -> None:
        for each in numbers:
            waker.call(call(each))

    asyncio.run(asyncio.wait_for(main(), 30))
    assert called == list(range(1500))
    assert caplog.text.count("a socket could not be written to") == 15


def test_a_loop_sees_to_other_things_while_those_that_are_called_take_long() -> None:
    called: list[str] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        waker = Waker(loop)
        done = asyncio.Event()

        def take_long() -> None:
            end = time.monotonic() + 0.002
            while time.monotonic() < end:
                """It writes."""
            called.append("socket")

        waker.call(lambda: loop.call_soon(called.append, "other"))
        for _ in range(20):
            waker.call(take_long)
        waker.call(done.set)
        await done.wait()

    asyncio.run(asyncio.wait_for(main(), 30))
    assert called.count("socket") == 20
    assert called.index("other") < 10


def test_a_loop_that_is_closed_is_not_called() -> None:
    loop = asyncio.new_event_loop()
    loop.close()
    Waker(loop).call(lambda: pytest.fail("nobody is left to be called"))
