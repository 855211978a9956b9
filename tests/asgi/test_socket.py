"""Live documents over a real socket of a real server."""

import asyncio
import logging
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from embedsync import Hub, Settings, wire
from embedsync.asgi import application
from embedsync.asgi.protocol import Message, Receive, Scope, Send
from embedsync.asgi.socket import Socket
from embedsync.request import Request
from tests.asgi.client import Client, content, socket_url
from tests.asgi.server import running, until
from tests.asgi.toyapp import CLICK, ToyRecipe, set_value


class Site:
    """A server with one app of separate sessions, `mine`, and one that all share, `ours`."""

    def __init__(self, hub: Hub, recipe: ToyRecipe, endpoint: str) -> None:
        self.hub, self.recipe, self.endpoint = hub, recipe, endpoint
        self.url = socket_url(endpoint)

    def client(self, **headers: str) -> Client:
        return Client(self.url, headers)

    def open(self, client: Client, app: str = "mine") -> wire.Opened:
        return client.open(self.hub.ticket(app))


def site(**settings: Any) -> Iterator[Site]:
    hub, recipe = Hub("only for tests", Settings(**settings)), ToyRecipe()
    hub.add_app("mine", recipe)
    hub.add_app("ours", recipe, shared=True)
    with running(application(hub), hub) as endpoint:
        yield Site(hub, recipe, endpoint)


@pytest.fixture
def live() -> Iterator[Site]:
    yield from site()


@pytest.fixture
def lively() -> Iterator[Site]:
    yield from site(heartbeat=0.1, workers=2, long_turn=0.1)


@pytest.fixture
def impatient() -> Iterator[Site]:
    yield from site(send_timeout=0.5, queue_bytes=1_000_000, queue_bytes_hard=100_000_000)


def test_a_ticket_opens_a_session_and_brings_the_whole_document(live: Site) -> None:
    with live.client() as client:
        opened = live.open(client)
        snapshot = client.wait_for(wire.SnapshotFrame)
    assert (opened.kind, opened.recovered) == ("toy", False)
    assert (snapshot.epoch, snapshot.seq) == (opened.epoch, 0)


def test_an_edit_is_answered_and_what_callbacks_change_follows(live: Site) -> None:
    with live.client() as client:
        opened = live.open(client)
        client.edit(opened, 1, set_value(4))
        result = client.wait_for(wire.Result)
        effects = client.wait_for(wire.Op)
    assert (result.cseq, result.seq, result.own, result.commit) == (1, 1, True, True)
    assert (effects.from_, effects.seq) == (1, 2)
    assert content(effects) == [{"kind": "set", "id": "root", "attr": "echo", "new": 8}]


def test_two_viewers_of_a_session_see_each_others_changes(live: Site) -> None:
    with live.client() as first, live.client() as second:
        opened = live.open(first, "ours")
        live.open(second, "ours")
        second.wait_for(wire.SnapshotFrame)
        first.edit(opened, 1, set_value(3))
        assert content(second.wait_for(wire.Op)) == [set_value(3)]


def test_visitors_of_an_ordinary_app_do_not_share_a_session(live: Site) -> None:
    with live.client() as first, live.client() as second:
        assert live.open(first).session != live.open(second).session


def test_several_documents_of_a_page_share_one_socket(live: Site) -> None:
    with live.client() as client:
        one = client.open(live.hub.ticket("mine"), attachment=1)
        two = client.open(live.hub.ticket("mine"), attachment=2)
        assert one.session != two.session
        assert live.hub.status()["sockets"] == 1


def test_a_page_of_another_site_is_refused_before_the_handshake_ends(live: Site) -> None:
    with pytest.raises(InvalidStatus) as refused:
        live.client(Origin="https://elsewhere.example")
    assert refused.value.response.status_code == 403
    assert live.hub.status()["sockets"] == 0


def test_s29_a_page_of_another_site_puts_no_error_into_the_log_of_the_server(
    live: Site, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        for _ in range(3):
            with pytest.raises(InvalidStatus):
                live.client(Origin="https://elsewhere.example")
        with live.client() as client:
            live.open(client)
    assert [each.getMessage() for each in caplog.records if each.levelno >= logging.ERROR] == []
    assert sum("elsewhere.example" in each.getMessage() for each in caplog.records) >= 3


def test_a_page_of_the_site_itself_may_connect(live: Site) -> None:
    with live.client(Origin=live.endpoint) as client:
        live.open(client)


def test_no_socket_is_anywhere_else(live: Site) -> None:
    with pytest.raises(InvalidStatus) as refused:
        Client(f"{live.url}/else")
    assert refused.value.response.status_code == 404


def test_a_text_message_closes_the_socket_with_4300(live: Site) -> None:
    with live.client() as client:
        client.socket.send("hello")
        assert client.close_code() == wire.Close.BAD_MESSAGE == 4300


def test_a_forged_ticket_is_refused_and_the_socket_stays_for_others(live: Site) -> None:
    with live.client() as client:
        client.send(1, wire.Open(protocol=1, ticket="forged"))
        assert client.wait_for(wire.Closed).code == wire.Close.FORBIDDEN
        client.open(live.hub.ticket("mine"), attachment=2)


def test_a_message_before_open_cannot_be_large(live: Site) -> None:
    with live.client() as client:
        client.socket.send(bytes(live.hub.settings.opening_message_bytes + 1))
        assert client.close_code() == wire.Close.TOO_BIG


def test_a_large_edit_is_taken_whole(live: Site) -> None:
    numbers = list(range(100_000))
    with live.client() as client:
        opened = live.open(client)
        client.edit(opened, 1, {"kind": "set", "id": "root", "attr": "items", "new": numbers})
        assert client.wait_for(wire.Result).commit


def test_a_dropped_socket_resumes_with_the_ops_it_has_missed(live: Site) -> None:
    with live.client() as first, live.client() as second:
        first_opened, opened = live.open(first, "ours"), live.open(second, "ours")
        second.wait_for(wire.SnapshotFrame)
        second.drop()
        until(lambda: live.hub.status()["sockets"] == 1)
        # One after the other: two that wait together would be merged.
        first.edit(first_opened, 1, set_value(3))
        assert first.wait_for(wire.Op).seq == 2
        first.edit(first_opened, 2, set_value(5))
        assert first.wait_for(wire.Op).seq == 4
        with live.client() as again:
            resumed = again.resume(opened, seq=0)
            missed = again.wait_for(wire.Op)
    assert (resumed.client, resumed.recovered) == (opened.client, True)
    assert resumed.secret != opened.secret
    assert (missed.from_, missed.seq) == (0, 4)
    assert {each["attr"]: each["new"] for each in content(missed)} == {"value": 5, "echo": 10}


def test_an_edit_whose_answer_was_lost_is_answered_again_and_applied_once(live: Site) -> None:
    with live.client() as client:
        opened = live.open(client)
        client.wait_for(wire.SnapshotFrame)
        client.edit(opened, 1, {"kind": "append", "id": "root", "items": [1]})
        client.wait_for(wire.Result)
        client.drop()
    with live.client() as again:
        resumed = again.resume(opened, seq=0)
        again.edit(resumed, 1, {"kind": "append", "id": "root", "items": [1]})
        assert again.wait_for(wire.Result).cseq == 1
        again.edit(resumed, 2, {"kind": "append", "id": "root", "items": [2]}, base=1)
        assert again.wait_for(wire.Result).seq == 2


def test_a_callback_that_blocks_delays_neither_other_sessions_nor_any_heartbeat(lively: Site) -> None:
    entered, released = threading.Event(), threading.Event()

    def block(_: object) -> None:
        entered.set()
        assert released.wait(60)

    lively.recipe.clicked = block
    with lively.client() as stuck, lively.client() as other:
        stuck_opened, other_opened = lively.open(stuck), lively.open(other)
        try:
            stuck.edit(stuck_opened, 1, CLICK)
            assert entered.wait(20)
            for cseq in range(1, 4):
                other.edit(other_opened, cseq, set_value(cseq))
                assert other.wait_for(wire.Result).cseq == cseq
            for client in (stuck, other):
                client.wait_for(wire.Ping)
                client.wait_for(wire.Ping)
        finally:
            released.set()
        # The session goes on where it was.
        stuck.edit(stuck_opened, 2, set_value(2))
        while stuck.wait_for(wire.Result).cseq < 2:
            pass


def test_more_blocked_callbacks_than_workers_do_not_stop_the_others(lively: Site) -> None:
    started, released = threading.Semaphore(0), threading.Event()

    def block(_: object) -> None:
        started.release()
        assert released.wait(60)

    lively.recipe.clicked = block
    stuck = [lively.client() for _ in range(4)]
    try:
        for client in stuck:
            client.edit(lively.open(client), 1, CLICK)
        for _ in stuck:
            assert started.acquire(timeout=20)
        with lively.client() as other:
            other.edit(lively.open(other), 1, set_value(1))
            assert other.wait_for(wire.Result).commit
    finally:
        released.set()
        for client in stuck:
            client.close()


def test_a_browser_that_takes_nothing_is_cut_off_and_the_others_go_on(impatient: Site) -> None:
    with impatient.client() as writer, impatient.client() as stalled:
        opened = impatient.open(writer, "ours")
        impatient.open(stalled, "ours")
        # From here on, nobody reads what comes for the second one.
        cseq = 0
        while impatient.hub.status()["sockets"] == 2:
            cseq += 1
            event = {"kind": "set", "id": "root", "attr": "items", "new": [cseq] * 50_000}
            writer.edit(opened, cseq, event)
            assert writer.wait_for(wire.Result).commit
            writer.send(1, wire.Ack(seq=0, cseq=cseq))
            assert cseq < 5_000
        stalled.drop()


def test_a_browser_whose_socket_is_cut_is_noticed_and_its_session_ends_after_its_grace() -> None:
    for live in site(grace=0.2):
        client = live.client()
        live.open(client)
        client.drop()
        until(lambda: live.hub.status()["sockets"] == 0)  # noqa: B023
        until(lambda: live.hub.status()["sessions"] == 0)  # noqa: B023


def test_what_a_browser_says_as_it_leaves_is_heard_though_nobody_takes_what_is_sent_to_it() -> None:
    hub = Hub("only for tests", Settings(grace=3600.0))
    hub.add_app("mine", ToyRecipe())
    opening = wire.Open(protocol=wire.PROTOCOL_VERSION, ticket=hub.ticket("mine"))
    said = [wire.frame(1, wire.encode_payload(each)) for each in (opening, wire.Detach())]

    async def serve() -> None:
        left = asyncio.Event()

        async def receive() -> Message:
            if len(said) == 1:
                await left.wait()
                for _ in range(10):
                    await asyncio.sleep(0)  # It takes a server a moment to hand out what has arrived.
            return (
                {"type": "websocket.receive", "bytes": said.pop(0)}
                if said
                else {"type": "websocket.disconnect"}
            )

        async def send(message: Message) -> None:
            left.set()
            raise OSError("the browser has left")

        await Socket(hub.connect(Request()), receive, send, hub.settings).run()

    asyncio.run(serve())
    until(lambda: not hub.sessions)
    hub.stop()


def test_a_server_that_stops_tells_browsers_to_come_back(live: Site) -> None:
    with live.client() as client:
        live.open(client)
        live.hub.stop()
        assert client.close_code() == wire.Close.DRAIN
    assert live.recipe.closed


def test_the_end_of_the_lifespan_stops_the_hub() -> None:
    hub, recipe = Hub("only for tests"), ToyRecipe()
    hub.add_app("mine", recipe)
    sent = []

    async def scene() -> None:
        messages = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])

        async def receive() -> Any:
            return next(messages)

        async def send(message: Any) -> None:
            sent.append(message["type"])

        await application(hub)({"type": "lifespan"}, receive, send)

    asyncio.run(scene())
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert recipe.closed
    assert hub.status()["status"] == "stopping"


def test_a_session_resumes_only_for_the_same_user() -> None:
    hub, recipe = Hub("only for tests"), ToyRecipe()
    hub.add_app("mine", recipe)
    inner = application(hub)

    class Person:
        def __init__(self, name: str) -> None:
            self.pk = name

    async def with_login(scope: Scope, receive: Receive, send: Send) -> None:
        names = [value.decode() for name, value in scope["headers"] if name == b"x-user"]
        scope["user"] = Person(names[0]) if names else None
        await inner(scope, receive, send)

    with running(with_login, hub) as endpoint:
        url = socket_url(endpoint)
        with Client(url, {"X-User": "ada"}) as ada:
            opened = ada.open(hub.ticket("mine", user_key="ada"))
            ada.drop()
        assert recipe.sessions[0].request.user.pk == "ada"
        with Client(url, {"X-User": "bob"}) as bob:
            bob.send(1, wire.Open(protocol=1, ticket=hub.ticket("mine", user_key="ada")))
            assert bob.wait_for(wire.Closed).code == wire.Close.TICKET_EXPIRED
            position = wire.Resume(
                session=opened.session, client=opened.client, secret=opened.secret, epoch=opened.epoch, seq=0
            )
            bob.send(2, wire.Open(protocol=1, resume=position))
            assert bob.wait_for(wire.Closed).code == wire.Close.FORBIDDEN
