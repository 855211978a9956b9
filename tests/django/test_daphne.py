"""Daphne, which tells nobody that it stops."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import pytest

from embedsync import wire
from embedsync_django.daphne import _Farewell, _Guest
from embedsync_django.registry import embed
from tests.django.support import open_app, server
from tests.django.test_prefix import DAPHNE


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_daphne_told_to_stop_sends_browsers_away_to_come_back(tmp_path: Path, number: int) -> None:
    with server(tmp_path, *DAPHNE) as (url, process):
        client, _ = open_app(url, "sliders")
        with client:
            process.send_signal(number)
            assert client.wait_closed() == wire.Close.DRAIN
        assert process.wait(60) == 0
    assert "Traceback" not in (tmp_path / "server.log").read_text()


def test_daphne_told_to_stop_twice_at_once_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embed, "stop", lambda: None)

    class Reactor:
        def __init__(self) -> None:
            self.stopped = asyncio.Event()
            self.stop = self.stopped.set

    async def stop_twice() -> None:
        reactor = Reactor()
        farewell = _Farewell(reactor)
        farewell.enter(_Guest(asyncio.Event().wait))  # type: ignore[arg-type]
        reactor.stop()
        reactor.stop()
        await reactor.stopped.wait()

    asyncio.run(asyncio.wait_for(stop_twice(), 60))
