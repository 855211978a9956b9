"""The socket of the Flask extension, over a pair of sockets in place of a server."""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import struct
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, ClassVar, Self, cast

import pytest
from simple_websocket import Server

from embedsync import wire
from embedsync.endpoint import Endpoint
from embedsync.hub import Hub
from embedsync.request import Request
from embedsync.settings import Settings
from embedsync_flask.carried import CarriedSocket, NoThread, can_be_carried
from embedsync_flask.socket import serve_socket
from embedsync_flask.traffic import Traffic, Traveller
from tests.support.handshake import HANDSHAKE
from tests.support.memory import wait_until
from tests.support.no_threads import no_threads
from tests.support.raw import BINARY, CLOSE, PING, PONG, TEXT, encode_frame

CONTINUATION = 0


class LeavingBrowser:
    """A server side whose browser says goodbye and leaves, just before it is asked whether it is there."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock: Any = sock
        self.input_buffer: list[bytes] = [b"hello"]
        self.event = threading.Event()
        self.event.set()
        self.thread = threading.Thread(target=lambda: None)
        self.thread.start()
        self._has_left = False

    @property
    def connected(self) -> bool:
        if not self._has_left:
            self._has_left = True
            self.input_buffer.append(b"goodbye")
        return False


class Witness:
    """An endpoint that notes what comes."""

    close_code = None
    abandoned = False

    def __init__(self) -> None:
        self.noted: list[bytes | str] = []

    def take(self) -> list[bytes]:
        return []

    def receive(self, message: bytes) -> None:
        self.noted.append(message)

    def lost(self) -> None:
        self.noted.append("lost")


@pytest.fixture
def sock() -> Iterator[socket.socket]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours


def test_what_a_browser_says_as_it_leaves_is_heard(sock: socket.socket) -> None:
    witness = Witness()
    serve_socket(cast(Any, LeavingBrowser(sock)), cast(Endpoint, witness), Settings())
    assert witness.noted == [b"hello", b"goodbye", "lost"]


class Browser:
    """One end of a pair of sockets, at whose other end a WebSocket is served as in a request."""

    def __init__(
        self,
        endpoint: Any,
        traffic: Traffic | None,
        settings: Settings | None = None,
        kind: type[socket.socket] = socket.socket,
        **options: Any,
    ) -> None:
        ours, self.socket = socket.socketpair()
        self._ours = kind(fileno=ours.detach())
        self.socket.settimeout(20)
        self._received = b""
        environ = {"werkzeug.socket": self._ours, **HANDSHAKE}
        server = Server(environ, thread_class=NoThread) if traffic else Server(environ)
        while b"\r\n\r\n" not in self._received:
            self._received += self.socket.recv(4096)
        assert self._received.endswith(b"\r\n\r\n")
        self._received = b""
        self._carried = CarriedSocket(server, endpoint, traffic, **options) if traffic else None
        self.serve: Callable[[], None] = (
            self._carried.serve
            if self._carried
            else partial(serve_socket, server, endpoint, settings or Settings())
        )
        self._serving = threading.Thread(target=self._serve_as_a_server)

    def _serve_as_a_server(self) -> None:
        """As in a request, after which servers end the connection."""
        self.serve()
        with contextlib.suppress(OSError):  # It is gone already.
            self._ours.shutdown(socket.SHUT_RDWR)
        self._ours.close()

    def begin(self) -> None:
        self._serving.start()

    def receive(self) -> tuple[int, bytes]:
        """The next frame: opcode and payload."""
        first, size = self._take(2)
        if size > 125:
            (size,) = struct.unpack(">H" if size == 126 else ">Q", self._take(2 if size == 126 else 8))
        return first & 15, self._take(size)

    def send(self, opcode: int, payload: bytes = b"") -> None:
        self.socket.sendall(encode_frame(opcode, payload))

    def close_at_the_server(self) -> None:
        self._ours.close()

    def wait_served(self) -> None:
        self._serving.join(20)
        assert not self._serving.is_alive()
        if (carried := self._carried) is not None:
            wait_until(lambda: carried._socket.fileno() == -1)

    def __enter__(self) -> Self:
        self.begin()
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()
        self.wait_served()

    def _take(self, size: int) -> bytes:
        while len(self._received) < size:
            data = self.socket.recv(1 << 20)
            assert data, "the server has ended the connection"
            self._received += data
        taken, self._received = self._received[:size], self._received[size:]
        return taken


@pytest.fixture(params=["carried", "on threads of its own"])
def traffic(request: pytest.FixtureRequest) -> Traffic | None:
    """How the socket is served; ``None`` for threads of its own."""
    return Traffic() if request.param == "carried" else None


def test_what_a_session_says_too_late_does_not_cut_the_goodbye_off(traffic: Traffic | None) -> None:
    """A session on another thread may have something for the socket while that is closed."""
    hub = Hub("key", Settings())
    endpoint = hub.connect(Request())
    lose = endpoint.lost

    def lost_with_a_late_word() -> None:
        lose()
        endpoint.notify(wire.Notice(kind=wire.NoticeKind.BUSY))

    endpoint.lost = lost_with_a_late_word  # type: ignore[method-assign]
    goodbye = struct.pack(">H", wire.Close.BAD_MESSAGE)
    try:
        with Browser(endpoint, traffic) as browser:
            browser.send(BINARY, b"no message of ours")
            assert browser.receive() == (CLOSE, goodbye)
            browser.send(CLOSE, goodbye)
            assert browser.socket.recv(4096) == b""
    finally:
        hub.stop()


class Talkative:
    """An endpoint that has messages to send, one more each time, and notes what comes."""

    abandoned = False

    def __init__(self, sent: Sequence[bytes | str] = (), code: int | None = None) -> None:
        self._sent = deque(sent)
        self._code = code
        self.noted: list[bytes | str] = []
        self.is_lost = False
        self._on_ready: Callable[[], None] = lambda: None

    @property
    def on_ready(self) -> Callable[[], None]:
        return self._on_ready

    @on_ready.setter
    def on_ready(self, wake: Callable[[], None]) -> None:
        self._on_ready = wake
        wake()

    @property
    def close_code(self) -> int | None:
        return self._code if not self._sent else None

    def take(self) -> list[bytes | str]:
        if not self._sent:
            return []
        taken = self._sent.popleft()
        self.on_ready()
        return [taken]

    def say(self, message: bytes) -> None:
        self._sent.append(message)
        self.on_ready()

    def receive(self, message: bytes | str) -> None:
        self.noted.append(message)

    def lost(self) -> None:
        self.is_lost = True


SIZES = (0, 1, 125, 126, 16 * 1024, 16 * 1024 + 1, 65535, 65536, 300_000)


def test_messages_of_every_size_and_kind_arrive_whole_and_in_order(traffic: Traffic | None) -> None:
    sent: list[bytes | str] = [bytes([number]) * size for number, size in enumerate(SIZES * 3)]
    sent += ["ä" * size for size in SIZES]
    with Browser(Talkative(sent, 1000), traffic) as browser:
        for each in sent:
            expected = (TEXT, each.encode()) if isinstance(each, str) else (BINARY, each)
            assert browser.receive() == expected
        assert browser.receive() == (CLOSE, struct.pack(">H", 1000))


def test_what_comes_is_handed_over_in_order_however_large_it_is(traffic: Traffic | None) -> None:
    endpoint = Talkative()
    sent = [bytes([number]) * size for number, size in enumerate(SIZES * 3)]
    with Browser(endpoint, traffic) as browser:
        browser.socket.sendall(b"".join(encode_frame(BINARY, each) for each in sent))
        browser.send(PING, b"was that all?")
        assert browser.receive() == (PONG, b"was that all?")
        browser.send(CLOSE, struct.pack(">H", 1000))
        browser.wait_served()
    assert endpoint.noted == sent
    assert endpoint.is_lost


def test_answers_to_pings_come_between_whole_messages(traffic: Traffic | None) -> None:
    sent = [bytes([number]) * 300_000 for number in range(20)]
    with Browser(Talkative(sent), traffic) as browser:
        for number in range(20):
            browser.send(PING, bytes([number]))
        received = [browser.receive() for _ in range(40)]
    assert [payload for opcode, payload in received if opcode == BINARY] == sent
    assert [payload[0] for opcode, payload in received if opcode == PONG] == list(range(20))


def test_what_a_browser_has_said_is_heard_though_it_takes_nothing_any_more() -> None:
    endpoint = Talkative([b"too late"])
    browser = Browser(endpoint, Traffic())
    browser.send(BINARY, b"I will not come back")
    browser.socket.close()
    with browser:
        browser.wait_served()
    assert endpoint.noted == [b"I will not come back"]
    assert endpoint.is_lost


class Slow(Talkative):
    """It takes its time for a large message."""

    def __init__(self) -> None:
        super().__init__()
        self.has_begun, self.may_end = threading.Event(), threading.Event()

    def receive(self, message: bytes | str) -> None:
        if len(message) > 65536:
            self.has_begun.set()
            assert self.may_end.wait(20)
        super().receive(message)


def test_while_a_large_message_is_decoded_other_sockets_are_served_and_so_is_this_one() -> None:
    traffic, slow, other = Traffic(), Slow(), Talkative()
    large = b"x" * 100_000
    with Browser(slow, traffic) as its, Browser(other, traffic) as others:
        its.send(BINARY, large)
        its.send(BINARY, b"after it")
        assert slow.has_begun.wait(20)
        others.send(PING, b"somebody else")
        assert others.receive() == (PONG, b"somebody else")
        slow.say(b"meanwhile")
        assert its.receive() == (BINARY, b"meanwhile")
        assert slow.noted == []
        slow.may_end.set()
        its.send(PING, b"the rest?")
        assert its.receive() == (PONG, b"the rest?")
    assert slow.noted == [large, b"after it"]


def test_a_browser_that_takes_no_answers_is_not_listened_to_any_more() -> None:
    pings, bound = encode_frame(PING, b"x" * 100) * 1000, 64 * 1024 * 1024
    with Browser(Talkative(), Traffic()) as browser:
        browser.socket.setblocking(False)
        sent, is_heard = 0, True
        while is_heard and sent < bound:
            try:
                sent += browser.socket.send(pings)
            except BlockingIOError:
                is_heard = bool(select.select([], [browser.socket], [], 0.5)[1])
    assert sent < bound


class Broken(Talkative):
    """It has a mistake."""

    def receive(self, message: bytes | str) -> None:
        raise RuntimeError("a mistake")


def test_a_socket_that_fails_ends_alone(caplog: pytest.LogCaptureFixture) -> None:
    traffic, broken = Traffic(), Broken()
    with Browser(broken, traffic) as its, Browser(Talkative(), traffic) as others:
        its.send(BINARY, b"anything")
        assert its.socket.recv(4096) == b""
        others.send(PING, b"somebody else")
        assert others.receive() == (PONG, b"somebody else")
    assert broken.is_lost
    assert "a socket could not be served" in caplog.text


def test_an_open_page_holds_no_thread_of_its_server_which_may_end_the_request_as_it_likes() -> None:
    endpoint = Talkative()
    with Browser(endpoint, Traffic()) as browser:
        browser._serving.join(20)
        assert not browser._serving.is_alive()
        browser.send(PING, b"served?")
        assert browser.receive() == (PONG, b"served?")
        endpoint.say(b"still there")
        assert browser.receive() == (BINARY, b"still there")
        assert not endpoint.is_lost
    assert endpoint.is_lost


def test_a_process_that_ends_waits_for_goodbyes() -> None:
    traffic, endpoint = Traffic(), Talkative()
    with Browser(endpoint, traffic) as browser:
        browser.send(PING, b"served?")
        assert browser.receive() == (PONG, b"served?")
        assert not traffic.wait_until_all_have_left(0)
        endpoint._code = 4000
        endpoint.on_ready()
        assert browser.receive() == (CLOSE, struct.pack(">H", 4000))
        assert not traffic.wait_until_all_have_left(0)
        browser.send(CLOSE, struct.pack(">H", 4000))
        assert traffic.wait_until_all_have_left(20)


def test_where_no_helper_can_begin_a_socket_ends_without_a_goodbye() -> None:
    traffic, endpoint = Traffic(), Talkative()
    with Browser(endpoint, traffic) as browser:
        browser.send(PING, b"served?")
        assert browser.receive() == (PONG, b"served?")
        with no_threads():
            browser.send(BINARY, b"x" * 100_000)
            assert browser.socket.recv(4096) == b""
            browser.wait_served()
    assert endpoint.is_lost


def test_where_too_many_sockets_are_on_their_way_out_nobody_waits_for_answers() -> None:
    """Strangers who do not answer a goodbye would hold files until nobody else can come."""
    traffic = Traffic()
    traffic._crowd = 1
    with Browser(Talkative(), traffic) as others, Browser(Talkative(code=4000), traffic) as silent:
        assert silent.receive() == (CLOSE, struct.pack(">H", 4000))
        assert silent.socket.recv(4096) == b""
        silent.wait_served()
        others.send(PING, b"served?")
        assert others.receive() == (PONG, b"served?")
        assert traffic.goodbyes._threads == 0


class Settled(Traffic):
    """What it was asked for before a socket is entered has been done by then."""

    def enter(self, traveller: Traveller, begin: Callable[[], None]) -> None:
        wait_until(lambda: not self._runs or not self._is_awake)
        super().enter(traveller, begin)


def test_a_socket_that_is_refused_as_it_comes_ends_alone() -> None:
    traffic = Settled()
    with Browser(Talkative(), traffic) as others:
        others.send(PING, b"served?")
        assert others.receive() == (PONG, b"served?")
        with Browser(Talkative(code=4000), traffic) as refused:
            assert refused.receive() == (CLOSE, struct.pack(">H", 4000))
            refused.send(CLOSE, struct.pack(">H", 4000))
            refused.wait_served()
        others.send(PING, b"still served?")
        assert others.receive() == (PONG, b"still served?")


class BrokenForLarge(Talkative):
    """It has a mistake that only a large message finds."""

    def receive(self, message: bytes | str) -> None:
        if len(message) > 65536:
            raise RuntimeError("a mistake")
        super().receive(message)


def test_a_socket_that_fails_at_a_large_message_ends_alone(caplog: pytest.LogCaptureFixture) -> None:
    traffic, broken = Traffic(), BrokenForLarge()
    with Browser(broken, traffic) as its, Browser(Talkative(), traffic) as others:
        its.send(BINARY, b"x" * 100_000)
        assert its.socket.recv(4096) == b""
        its.wait_served()
        others.send(PING, b"somebody else")
        assert others.receive() == (PONG, b"somebody else")
    assert broken.is_lost
    assert "a message could not be taken" in caplog.text
    wait_until(lambda: not traffic._runs)


class Noting(socket.socket):
    """It notes how much it is asked for at once."""

    asked: ClassVar[list[int]] = []

    def recv(self, size: int, flags: int = 0) -> bytes:
        self.asked.append(size)
        return super().recv(size, flags)


def test_who_sends_thousands_of_frames_is_read_a_few_at_a_time_until_they_are_fewer_and_larger() -> None:
    Noting.asked.clear()
    with Browser(Talkative(), Traffic(), kind=Noting) as browser:
        browser.send(BINARY, b"x" * 1_000_000)
        browser.send(PING, b"read?")
        assert browser.receive() == (PONG, b"read?")
        largest = max(Noting.asked)
        frames = 20_000
        threading.Thread(target=browser.socket.sendall, args=(encode_frame(PING, b"") * frames,)).start()
        for _ in range(frames):
            assert browser.receive() == (PONG, b"")
        assert min(Noting.asked) < largest / 4
        browser.send(BINARY, b"x" * 1_000_000)
        browser.send(PING, b"read?")
        assert browser.receive() == (PONG, b"read?")
        assert Noting.asked[-1] == largest


class Unopened(Talkative):
    """It has let nobody in."""

    is_open = False

    def close(self, code: int, reason: str) -> None:
        self._code = code


def test_of_who_was_not_let_in_no_more_is_kept_than_the_first_message_may_have() -> None:
    endpoint = Unopened()
    part, goodbye = bytes(10_000), struct.pack(">H", wire.Close.TOO_BIG)
    with Browser(endpoint, Traffic(), opening_bytes=100_000) as browser:
        browser.socket.sendall(encode_frame(BINARY, part, fin=False))
        for _ in range(10):
            browser.socket.sendall(encode_frame(CONTINUATION, part, fin=False))
        assert browser.receive() == (CLOSE, goodbye)
        browser.send(CLOSE, goodbye)
        browser.wait_served()
    assert endpoint.noted == []
    assert endpoint.is_lost


def test_a_thread_that_cannot_begin_is_begun_with_the_next_socket() -> None:
    traffic, refused = Traffic(), Talkative()
    browser = Browser(refused, traffic)
    with no_threads(), pytest.raises(RuntimeError, match="can't start"):
        browser.serve()
    assert refused.is_lost
    browser.close_at_the_server()
    browser.socket.close()
    with Browser(Talkative(), traffic) as other:
        other.send(PING, b"there?")
        assert other.receive() == (PONG, b"there?")


def test_the_thread_ends_with_the_last_socket_and_begins_again_with_the_next() -> None:
    traffic = Traffic()
    for _ in range(2):
        with Browser(Talkative(), traffic) as browser:
            browser.send(PING, b"there?")
            assert browser.receive() == (PONG, b"there?")
            [thread] = [each for each in threading.enumerate() if each.name == "embedsync-sockets"]
        thread.join(20)
        assert not thread.is_alive()


def test_only_plain_sockets_with_known_options_are_carried(sock: socket.socket) -> None:
    assert can_be_carried({"gunicorn.socket": sock}, {"receive_bytes": 4096})
    assert not can_be_carried({"gunicorn.socket": sock}, {"ping_interval": 25})
    assert not can_be_carried({"eventlet.input": object()}, {})
    context = ssl.create_default_context()
    encrypted = context.wrap_socket(sock, server_hostname="localhost", do_handshake_on_connect=False)
    with encrypted:
        assert not can_be_carried({"gunicorn.socket": encrypted}, {})
