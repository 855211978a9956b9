"""Very many visitors at once, and sessions that are greedy: F13, F19."""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urljoin

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from embedsync import wire
from tests.contract.client import Element, elements_of
from tests.faults.counts import count
from tests.faults.report import Figures
from tests.faults.sites import PATIENT, FaultSite, serving, wait_until
from tests.support.replica import Replica
from tests.support.tickets import another

MIB = 1024 * 1024


def test_f13_a_crowd_that_comes_at_once_is_served_or_told_to_come_back_and_nobody_is_reset(
    patient: FaultSite, figures: Figures
) -> None:
    """All sockets are opened together. Those who are told to come back do so, until everybody was served."""
    [element] = elements_of(patient.page("brief"))
    crowd = _Crowd(element, count(100, 800))
    started = time.monotonic()
    asyncio.run(crowd.come())
    figures("sockets at once", crowd.size)
    figures("served at the first attempt", crowd.size - crowd.told_first)
    figures("told to come back at the first attempt", crowd.told_first)
    figures("everybody was served after", time.monotonic() - started, "s")
    assert crowd.others == Counter()


class _Crowd:
    """Browsers that open the same page in the same moment, look at it, and leave."""

    def __init__(self, element: Element, size: int) -> None:
        self.size = size
        self.told_first = 0
        self.others: Counter[str] = Counter()
        """How a connection ended, other than by being served or told to come back."""
        self._ticket = element.ticket
        self._url = re.sub("^http", "ws", urljoin(element.endpoint, "socket"))
        self._undecided = size
        self._decided = asyncio.Event()

    async def come(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            for _ in range(self.size):
                tasks.create_task(self._visit())

    async def _visit(self) -> None:
        first = True
        while not await self._attempt(first):
            first = False
            await asyncio.sleep(0.25)  # As browsers do at the least.

    async def _attempt(self, first: bool) -> bool:
        """Try to be let in; those who are stay until everybody has had an answer."""
        socket: ClientConnection | None = None
        try:
            async with connect(self._url, open_timeout=60, ping_interval=None, max_size=None) as socket:
                await self._open(socket)
                self._had_answer(first)
                await self._decided.wait()
                await socket.send(wire.frame(1, wire.encode_payload(wire.Detach())))
                return True
        except ConnectionClosed as closed:
            code = closed.rcvd.code if closed.rcvd is not None else 1006
        except _SentAway as away:
            code = away.code
        except (OSError, TimeoutError) as error:
            self.others[repr(error)] += 1
            self._had_answer(first)
            return True
        if wire.action_of(code) is not wire.Action.RETRY or code == 1006:
            self.others[f"closed with {code}"] += 1
        self.told_first += first
        self._had_answer(first)
        return False

    async def _open(self, socket: ClientConnection) -> None:
        opening = wire.Open(protocol=wire.PROTOCOL_VERSION, ticket=another(self._ticket))
        await socket.send(wire.frame(1, wire.encode_payload(opening)))
        while True:
            message = await socket.recv()
            assert isinstance(message, bytes)
            number, frame, _ = wire.decode_server_frame(message)
            if isinstance(frame, wire.SnapshotFrame):
                return
            if isinstance(frame, wire.Closed):
                raise _SentAway(frame.code)
            if number == 0 and isinstance(frame, wire.Ping):
                await socket.send(wire.frame(0, wire.encode_payload(wire.Pong())))

    def _had_answer(self, first: bool) -> None:
        self._undecided -= first
        if self._undecided == 0:
            self._decided.set()


class _SentAway(Exception):  # noqa: N818
    def __init__(self, code: int) -> None:
        self.code = code


GREEDY = {**PATIENT, "orphans": 3, "sessions": 10, "session_bytes": 5 * MIB + MIB // 2}


def test_f19_greedy_sessions_are_shed_if_nobody_looks_at_them_and_further_visitors_wait(
    adapter: str, tmp_path: Path, figures: Figures
) -> None:
    """Sessions of 1 MiB: many are left; then there are as many as there is room for, and one more comes."""
    with serving(adapter, tmp_path, GREEDY) as site:
        left = [site.replica("greedy").wait_shown() for _ in range(5)]
        for gone, each in enumerate(left, start=1):
            each.vanish()
            wait_until(lambda gone=gone: site.health()["sockets"] == len(left) - gone)
        wait_until(lambda: site.health()["sessions"] == GREEDY["orphans"])
        wait_until(lambda: "ended a session that nobody has come back to yet" in site.log.read_text())
        figures("sessions kept for those who may come back", GREEDY["orphans"])

        size = site.log_size
        with ExitStack() as here:
            browsers = [here.enter_context(site.replica("greedy")).wait_shown() for _ in range(6)]
            assert site.health()["sessions"] <= len(browsers) + 1, "those that nobody looks at made room"
            before = site.resources()
            waiting = here.enter_context(site.replica("greedy"))
            waiting.wait(lambda: len(waiting.closes) > 5)
            assert {wire.action_of(code) for code in waiting.closes} == {wire.Action.RETRY}
            assert "turned a visitor away" in site.log_since(size)
            assert "'session_bytes'" in site.log_since(size)
            figures("memory while visitors wait", (site.resources() - before).memory / MIB, "MiB")
            for each in browsers:
                _still_works(each)
            browsers[0].leave()
            waiting.wait_shown()
        assert site.health()["status"] == "ok"


def _still_works(replica: Replica) -> None:
    assert replica.result(replica.say("look", 1)).commit
    replica.wait_for_value("report", "looked at 1")
