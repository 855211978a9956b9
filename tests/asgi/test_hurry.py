"""A server that stops without asking: it cancels what serves its sockets."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from embedsync import wire
from embedsync.asgi.protocol import Message
from embedsync.asgi.socket import Socket
from embedsync.hub import Hub
from embedsync.request import Request
from tests.support.memory import ToyRecipe


@pytest.fixture
def hub() -> Iterator[Hub]:
    hub = Hub("key")
    hub.add_app("toy", ToyRecipe())
    yield hub
    hub.stop()


def test_a_server_that_stops_in_a_hurry_still_sends_the_browser_away_to_come_back(hub: Hub) -> None:
    async def served() -> list[Message]:
        sent: list[Message] = []
        opened = asyncio.Event()
        open_frame = wire.frame(1, wire.encode_payload(wire.Open(protocol=1, ticket=hub.ticket("toy"))))
        waiting = [{"type": "websocket.receive", "bytes": open_frame}]

        async def receive() -> Message:
            return waiting.pop() if waiting else await asyncio.Future()

        async def send(message: Message) -> None:
            sent.append(message)
            opened.set()

        socket = Socket(hub.connect(Request()), receive, send, hub.settings)
        task = asyncio.create_task(socket.run())
        await opened.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return sent

    assert asyncio.run(served())[-1] == {"type": "websocket.close", "code": wire.Close.DRAIN}
    assert hub.status()["sockets"] == 0


def test_a_browser_that_takes_nothing_does_not_keep_a_server_from_stopping(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("embedsync.asgi.socket._HURRY", 0.01)

    async def served() -> None:
        async def never() -> Message:
            return await asyncio.Future()

        async def stuck(message: Message) -> None:
            await asyncio.Future()

        socket = Socket(hub.connect(Request()), never, stuck, hub.settings)
        task = asyncio.create_task(socket.run())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(served())
    assert hub.status()["sockets"] == 0
