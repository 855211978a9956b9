"""The harness measures and writes its table. What it measures is no matter of tests."""

import asyncio
import re
import socket
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

from benchmarks.__main__ import main
from benchmarks.comparisons import COMPARISONS
from benchmarks.effort import FULL, TINY, Effort
from benchmarks.figures import FIGURES
from benchmarks.figures.figure import Figure, Measured, Row, Target
from benchmarks.judging import is_clear
from benchmarks.measuring import Measurements
from benchmarks.pacing import paced_events
from benchmarks.systems import (
    BOKEH_ASGI,
    BOKEH_SERVE,
    DJANGO_DAPHNE,
    DJANGO_UVICORN,
    FLASK,
    OURS,
    Site,
    System,
)
from benchmarks.table import Table, about
from benchmarks.visitors import Visitor
from benchmarks.websocket import WebSocket


def test_the_harness_measures_a_figure_of_ours_and_saves_a_table(tmp_path: Path) -> None:
    output = tmp_path / "bench.md"
    options = ["--effort", "tiny", "--figures", "1", "12", "--systems", OURS.name, "--output", str(output)]
    assert main(options) == 0
    lines = output.read_text().splitlines()
    assert lines[:3] == [
        "### embedsync, on uvicorn",
        "",
        "| # | figure | unit | embedsync | target | reached |",
    ]
    assert lines[4].startswith("| 1 | slider event → patch, 1 session, p50 | ms | ")
    assert lines[5].startswith("| 12 | last of 300 steps → final state | ms | ")
    assert "failed" not in output.read_text()


@pytest.mark.parametrize(
    ("row", "ours", "line"),
    [
        (
            Row("1", "latency", "ms", Target({"BokehASGI": 0.5})),
            [0.4, 0.5, 0.6],
            "1 | latency | ms | 0.50 (0.40–0.60) | 44.0 | 1.00 | 0.0114 × | 0.5 × | ≤ 0.5 × BokehASGI | yes",
        ),
        (
            Row("2", "events", "events/s", Target({"BokehASGI": 3}), more_is_better=True),
            [2.0],
            "2 | events | events/s | 2.00 | 44.0 | 1.00 | 0.0455 × | 2 × | ≥ 3 × BokehASGI | no",
        ),
        (
            Row("8", "stall", "ms", Target(value=20)),
            [None],
            "8 | stall | ms | not served | 44.0 | 1.00 | – | – | ≤ 20 | no",
        ),
        (
            Row("11", "ticks", "ticks/s", Target(value=2000, within=10), more_is_better=True),
            [1991.0],
            "11 | ticks | ticks/s | 1,991 | 44.0 | 1.00 | 45.2 × | 1.99e+03 × | ≥ 2000 (± 10) | yes",
        ),
        (
            Row("11", "ticks", "ticks/s", Target(value=2000, within=10), more_is_better=True),
            [1989.0],
            "11 | ticks | ticks/s | 1,989 | 44.0 | 1.00 | 45.2 × | 1.99e+03 × | ≥ 2000 (± 10) | no",
        ),
        (
            Row("8", "stall", "ms", Target(value=20, within=1)),
            [20.9],
            "8 | stall | ms | 20.9 | 44.0 | 1.00 | 0.475 × | 20.9 × | ≤ 20 (± 1) | yes",
        ),
    ],
)
def test_a_row_shows_all_systems_their_ratios_and_whether_the_target_is_reached(
    row: Row, ours: list[float | None], line: str
) -> None:
    measured = {OURS.name: [[each] for each in ours], BOKEH_SERVE.name: [[44.0]], BOKEH_ASGI.name: [[1.0]]}
    assert Table("ours and peers", (OURS, BOKEH_SERVE, BOKEH_ASGI)).add((row,), measured) == [line]


def test_ratios_are_those_of_repetitions_that_were_measured_one_after_the_other() -> None:
    row = Row("5", "visit", "ms", Target({"BokehASGI": 0.6}))
    measured = {OURS.name: [[20.0], [30.0], [31.0]], BOKEH_ASGI.name: [[36.0], [60.0], [61.0]]}
    (line,) = Table("ours and a peer", (OURS, BOKEH_ASGI)).add((row,), measured)
    assert line.endswith("| 30.0 (20.0–31.0) | 60.0 (36.0–61.0) | 0.508 × | ≤ 0.6 × BokehASGI | yes")
    measured[BOKEH_ASGI.name].pop()  # One repetition has failed; nobody knows which.
    (line,) = Table("ours and a peer", (OURS, BOKEH_ASGI)).add((row,), measured)
    assert line.endswith("| 0.625 × | ≤ 0.6 × BokehASGI | no")


def test_what_ours_does_not_serve_reaches_no_target() -> None:
    row = Row("5", "visit", "ms", Target({"BokehASGI": 0.6}))
    measured = {OURS.name: [[None]], BOKEH_ASGI.name: [[36.0]]}
    (line,) = Table("ours and a peer", (OURS, BOKEH_ASGI)).add((row,), measured)
    assert line == "5 | visit | ms | not served | 36.0 | – | ≤ 0.6 × BokehASGI | no"


def test_a_system_that_could_not_be_measured_is_said_to_have_failed() -> None:
    row = Row("1", "latency", "ms", Target({"BokehASGI": 0.5}))
    measured = {OURS.name: [[0.5]], BOKEH_ASGI.name: []}
    (line,) = Table("ours and a peer", (OURS, BOKEH_ASGI)).add((row,), measured)
    assert line == "1 | latency | ms | 0.50 | failed | – | ≤ 0.5 × BokehASGI | –"


def test_the_table_says_on_which_machine_and_with_which_versions_it_was_measured() -> None:
    text = about([OURS], FULL, 90, ["something went wrong"])
    assert re.search(r"- Machine: \d+ × .*, load ", text)
    assert re.search(r"- embedsync: Python 3\.\d+\.\d+, embedsync .*, bokeh 3\.", text)
    assert "- It took 1.5 minutes." in text
    assert text.endswith("- something went wrong\n")


@pytest.mark.parametrize("system", [OURS, FLASK, DJANGO_DAPHNE, DJANGO_UVICORN], ids=lambda each: each.name)
def test_the_harness_measures_ours_on_each_of_its_servers(system: System) -> None:
    measurements = Measurements(TINY)
    ((milliseconds,),) = measurements.of([system], FIGURES[0])[system.name]
    assert milliseconds is not None
    assert measurements.notes == []


def test_what_two_tables_show_is_measured_once() -> None:
    (flask,) = (each for each in COMPARISONS if each.ours is FLASK)
    latency = flask.figures[0]
    assert latency.rows[0].number == "15"
    measurements = Measurements(TINY)
    first, again = (measurements.of([OURS], each)[OURS.name] for each in (FIGURES[0], latency))
    assert first is again


def test_all_figures_of_the_issue_can_be_asked_for() -> None:
    numbers = {row.number for each in COMPARISONS for figure in each.figures for row in figure.rows}
    assert sorted(numbers, key=int) == [str(each) for each in range(1, 17)]


def test_a_selection_without_ours_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--figures", "16", "--systems", OURS.name])
    assert ended.value.code == 2
    assert "nothing is left to measure" in capsys.readouterr().err


def _figure(measure: Any) -> Figure:
    return Figure((Row("1", "a row", "ms"),), measure)


def test_one_repetition_that_fails_costs_no_other_and_is_told() -> None:
    values = iter([1.0, None, 3.0])

    async def fail_once(site: Site, effort: Effort) -> Measured:
        value = next(values)
        if value is None:
            raise ConnectionError("the second one")
        return [value]

    measurements = Measurements(replace(TINY, repetitions=3))
    assert measurements.of([OURS], _figure(fail_once)) == {OURS.name: [[1.0], [3.0]]}
    assert measurements.ours_failed
    assert measurements.notes == [
        "figure 1, a row, embedsync: repetition 2 of 3 failed: ConnectionError: the second one"
    ]


def test_systems_take_turns_so_that_what_the_machine_does_befalls_all_of_them() -> None:
    measured = []

    async def note(site: Site, effort: Effort) -> Measured:
        measured.append(site.system.name)
        return [float(len(measured))]

    other = replace(OURS, name="another")
    measurements = Measurements(replace(TINY, repetitions=2))
    values = measurements.of([OURS, other], _figure(note))
    assert measured == [OURS.name, "another"] * 2
    assert values == {OURS.name: [[1.0], [3.0]], "another": [[2.0], [4.0]]}


LATENCY = Row("1", "latency", "ms", Target({"BokehASGI": 0.5}))
EVENTS = Row("2", "events", "events/s", Target({"BokehASGI": 3}), more_is_better=True)
STALL = Row("8", "stall", "ms", Target(value=20))


@pytest.mark.parametrize(
    ("row", "ours", "clear"),
    [
        (LATENCY, [0.3, 0.4], True),
        (LATENCY, [0.3, 0.45], False),
        (LATENCY, [0.7, 0.7], True),
        (LATENCY, [0.3, 0.7], False),
        (EVENTS, [4.0, 3.8], True),
        (EVENTS, [4.0, 3.2], False),
        (EVENTS, [2.0, 2.1], True),
        (STALL, [2.0, 15.0], True),
        (STALL, [2.0, 17.0], False),
        (STALL, [2.0], False),
        (STALL, [], False),
        (replace(STALL, target=Target({"BokehASGI": 50}, value=20)), [45.0, 45.0], False),
        (replace(STALL, target=Target()), [4.0, 40.0], True),
    ],
)
def test_a_figure_is_clear_when_two_repetitions_are_far_from_its_target(
    row: Row, ours: list[float], clear: bool
) -> None:
    values = {OURS.name: ours, BOKEH_ASGI.name: [1.0] * len(ours)}
    assert is_clear(row, OURS.name, values) == clear


def test_what_is_clear_is_measured_no_more() -> None:
    async def take(site: Site, effort: Effort) -> Measured:
        return [3.0]

    measured = Measurements(replace(TINY, repetitions=3)).of([OURS], Figure((STALL,), take))
    assert measured == {OURS.name: [[3.0], [3.0]]}


def test_what_is_no_matter_of_time_is_measured_of_all_systems_at_once() -> None:
    async def meet(site: Site, effort: Effort) -> Measured:
        present.append(site.system.name)
        if len(present) == 2:
            all_are_there.set()
        await all_are_there.wait()
        return [1.0]

    present, all_are_there = list[str](), asyncio.Event()
    systems = [OURS, replace(OURS, name="another")]
    measurements = Measurements(TINY)
    values = measurements.of(systems, replace(_figure(meet), at_once=True))
    assert values == {OURS.name: [[1.0]], "another": [[1.0]]}


def test_no_system_is_measured_while_another_one_starts() -> None:
    ports = list[int]()

    def command(port: int, grace: float) -> list[str]:
        ports.append(port)
        return OURS.command(port, grace)

    async def reach_the_other(site: Site, effort: Effort) -> Measured:
        if site.system is OURS:
            socket.create_connection(("127.0.0.1", ports[0])).close()
        return [1.0]

    systems = [OURS, replace(OURS, name="another", command=command)]
    measurements = Measurements(TINY)
    assert measurements.of(systems, _figure(reach_the_other)) == {OURS.name: [[1.0]], "another": [[1.0]]}


def test_a_repetition_that_never_ends_is_given_up() -> None:
    async def wait_for_ever(site: Site, effort: Effort) -> Measured:
        await asyncio.Event().wait()
        return []

    measurements = Measurements(replace(TINY, patience=0.1))
    assert measurements.of([OURS], _figure(wait_for_ever)) == {OURS.name: []}
    assert "TimeoutError: not done within" in measurements.notes[0]


def test_a_peer_that_does_not_start_is_no_failure_of_ours() -> None:
    peer = replace(
        OURS, name="a peer", ours=False, command=lambda _port, _grace: ["-c", "raise SystemExit(3)"]
    )
    measurements = Measurements(TINY)
    assert measurements.of([peer], FIGURES[0]) == {peer.name: []}
    assert not measurements.ours_failed
    assert "the server has ended before it has begun" in measurements.notes[0]


@pytest.mark.parametrize("keeps_all", [True, False])
def test_a_visitor_counts_all_of_what_comes_and_keeps_the_beginning_of_large_messages_or_all(
    keeps_all: bool,
) -> None:
    sent = [
        bytes([number % 251]) * length for number, length in enumerate((3, 70_000, 5, 900_000, 65_536, 7))
    ]

    async def send_all(socket: ServerConnection) -> None:
        for each in sent:
            await socket.send(each)

    async def receive_all() -> tuple[list[bytes], int]:
        received: list[bytes] = []
        ended = asyncio.Event()
        async with serve(send_all, "127.0.0.1", 0, compression=None) as server:
            socket = WebSocket(lambda message: received.append(bytes(message)), ended.set)
            socket.keeps_all = keeps_all
            await socket.connect(server.sockets[0].getsockname(), "/")
            async with asyncio.timeout(20):
                await ended.wait()
        return received, socket.received

    received, count = asyncio.run(receive_all())
    if keeps_all:
        assert received == sent
    else:
        assert [each[: 64 * 1024] for each in received] == [each[: 64 * 1024] for each in sent]
        assert len(received[3]) < 900_000
    assert count > sum(map(len, sent))


class _StallingVisitor(Visitor):
    """Answers nothing until the last of so many events, and then all of them at once."""

    def __init__(self, events: int) -> None:
        super().__init__(("nowhere", 0))
        self._events = events
        self._ids = {"title": "1", "heading": "heading"}

    def _edit(self, event: dict[str, Any]) -> None:
        if event["new"] == f"Event {self._events - 1}":
            self._notice(f"heading is {event['new']}".encode())

    async def _connect(self, app: str, shared: str) -> None: ...

    def _take(self, message: bytes) -> None: ...


def test_each_event_that_meets_a_stall_counts_from_when_it_was_due() -> None:
    async def measure() -> list[float]:
        return await paced_events(_StallingVisitor(5), seconds=0.05, pace=0.01)

    times = asyncio.run(measure())
    assert len(times) == 5
    assert times == sorted(times, reverse=True)
    assert times[0] >= 0.04


@pytest.mark.browser
@pytest.mark.parametrize("page", ["plot and widgets", "plot only"])
def test_a_page_needs_no_more_bytes_than_promised(page: str) -> None:
    (figure,) = (
        each for each in FIGURES if each.rows[0].title.startswith(f"bytes to the first plot, {page}")
    )
    # On a thread of its own: the other tests in a browser have a loop on this one.
    with ThreadPoolExecutor(1) as thread:
        ((kilobytes, _),) = thread.submit(Measurements(TINY).of, [OURS], figure).result()[OURS.name]
    limit = figure.rows[0].target.value
    assert limit is not None
    assert kilobytes is not None
    assert kilobytes <= limit
