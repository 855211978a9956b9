"""Links and browsers that take nothing: F4, F12."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from embedsync import wire
from tests.contract.client import elements_of
from tests.faults.counts import FULL, count
from tests.faults.others import held_up, working
from tests.faults.report import Figures
from tests.faults.sites import HASTY, FaultSite, wait_until
from tests.support.proxy import Proxy
from tests.support.raw import RawSocket
from tests.support.replica import Replica
from tests.support.resources import family
from tests.support.toxics import blackhole, stall

MIB = 1024 * 1024
BROWSERS = 5


def test_f4_browsers_behind_a_dead_link_are_given_up_in_time_and_go_on_where_they_were(
    hasty: FaultSite, figures: Figures
) -> None:
    """A proxy swallows everything in both directions and closes nothing."""
    with _dead_links(hasty, "tally") as (proxy, _):
        proxy.down = blackhole
        seconds = _given_up(hasty, proxy)
        figures("given up after", seconds, "s")
        figures("heartbeat + timeout", HASTY["heartbeat"] + HASTY["heartbeat_timeout"], "s")
        # uvicorn keeps the descriptor for 10 s, for the browser's part of the goodbye.
        if FULL or not hasty.name.endswith("uvicorn"):
            figures("descriptors free after", seconds + _descriptors_free(hasty), "s")


def test_f4_browsers_behind_a_link_that_takes_nothing_are_given_up_though_sending_to_them_is_stuck(
    hasty: FaultSite, figures: Figures
) -> None:
    """A proxy stops reading, so that the server gets stuck while it sends 8 MiB to each browser."""
    with _dead_links(hasty, "outsized") as (proxy, replicas):
        proxy.down = stall
        for each in replicas:
            each.say("swell", 1)
            wait_until(lambda each=each: hasty.runs(each.session, "swell"))
        seconds = _given_up(hasty, proxy)
        figures("given up after", seconds, "s")
        figures("send timeout", HASTY["send_timeout"], "s")
        if hasty.name.endswith("uvicorn"):
            figures("descriptors free after", "the browser's end, or TCP_USER_TIMEOUT")
        else:
            figures("descriptors free after", seconds + _descriptors_free(hasty), "s")


@contextmanager
def _dead_links(site: FaultSite, app: str) -> Iterator[tuple[Proxy, list[Replica]]]:
    """Some browsers behind a proxy that the block makes unusable; afterwards they go on where they were."""
    with site.proxy() as proxy, ExitStack() as stack:
        replicas = [stack.enter_context(site.replica(app, proxy)) for _ in range(BROWSERS)]
        for each in replicas:
            each.wait_shown().wait_settled()
        yield proxy, replicas
        assert site.health()["sessions"] == BROWSERS, "they may come back"
        proxy.heal()
        proxy.cut()
        for each in replicas:
            each.wait(lambda each=each: each.recoveries)
            each.wait_settled()
            assert len(set(each.sessions)) == 1
            each.check_equal_to_the_servers()


def _given_up(site: FaultSite, proxy: Proxy) -> float:
    """How long the server needs to notice that nobody is there, and to let go of all sockets."""
    proxy.refusing = True
    proxy.up = blackhole
    with held_up() as lost:
        started = time.monotonic()
        wait_until(lambda: site.health()["sockets"] == 0)
        seconds = time.monotonic() - started - lost()
    assert seconds < 2 * (HASTY["send_timeout"] + HASTY["heartbeat_timeout"])
    return seconds


def _descriptors_free(site: FaultSite) -> float:
    """How much longer until their file descriptors are free."""
    before, started = site.empty_files, time.monotonic()
    wait_until(lambda: site.resources().files <= before)
    return time.monotonic() - started


def test_f5_a_server_that_was_stopped_for_a_while_does_not_blame_its_browsers(
    hasty: FaultSite, figures: Figures
) -> None:
    """The server's processes are stopped for longer than a browser may be silent, and go on."""
    seconds = HASTY["heartbeat"] + HASTY["heartbeat_timeout"] + 0.6
    with ExitStack() as stack:
        replicas = [stack.enter_context(hasty.replica("tally")) for _ in range(BROWSERS)]
        for each in replicas:
            each.wait_shown().wait_settled()
        with _stopped(hasty):
            time.sleep(seconds)
        for each in replicas:
            each.result(each.say("step", 1))
            each.wait_settled()
            assert each.connects == 1
    figures("stopped for", seconds, "s")


@contextmanager
def _stopped(site: FaultSite) -> Iterator[None]:
    processes = family(site.process.pid)
    for each in processes:
        os.kill(each, signal.SIGSTOP)
    try:
        yield
    finally:
        for each in processes:
            os.kill(each, signal.SIGCONT)


def test_f12_a_viewer_that_reads_nothing_delays_nobody_and_costs_bounded_memory(
    patient: FaultSite, figures: Figures
) -> None:
    """Of the viewers of one session one reads nothing, while ops of 1 MiB each are made; others in other
    sessions go on working."""
    ops = count(40, 100)
    room = {"room": f"stalled {time.monotonic()}"}
    with ExitStack() as stack:
        viewers = [stack.enter_context(patient.replica("pouring", **room)) for _ in range(2)]
        for each in viewers:
            each.wait_shown()
        # Memory that a first pour takes and that is kept for the next one is no concern here.
        _poured(viewers, patient, 5)
        alone = _poured(viewers, patient, ops)
        stalled = stack.enter_context(_stalled_viewer(patient, **room))
        delays = stack.enter_context(working(patient, 3))
        with_stalled = _poured(viewers, patient, ops)
        extra = with_stalled - alone
        wait_until(lambda: len(delays) > 20)
        figures("poured", ops, "MiB")
        figures("memory more than without the stalled one", extra / MIB, "MiB")
        figures("worst delay of another session", max(delays), "s")
        assert extra < 16 * MIB
        assert max(delays) < 5.0
        for each in viewers:
            each.wait_settled()
            each.check_equal_to_the_servers()
        stalled.reset()


def test_f12_a_viewer_that_reads_nothing_is_cut_and_the_others_go_on(
    hasty: FaultSite, figures: Figures
) -> None:
    """The same where the server gives up soon: the stalled one's socket is closed."""
    room = {"room": f"cut {time.monotonic()}"}
    with hasty.replica("pouring", **room).wait_shown() as viewer, _stalled_viewer(hasty, **room):
        started = time.monotonic()
        _poured([viewer], hasty, 5)
        wait_until(lambda: hasty.health()["sockets"] == 1)
        figures("cut after", time.monotonic() - started, "s")
        assert viewer.connects == 1


@contextmanager
def _stalled_viewer(site: FaultSite, **room: str) -> Iterator[RawSocket]:
    [element] = elements_of(site.page("pouring", **room))
    with RawSocket(element.endpoint, receive_buffer=4096) as stalled:
        stalled.send_frame(wire.Open(protocol=1, ticket=element.ticket))
        stalled.wait_for(wire.Opened)
        yield stalled


def _poured(viewers: list[Replica], site: FaultSite, ops: int) -> int:
    """Pour, and say how much memory the server then has taken more than before, at the worst."""
    before = worst = site.resources().memory
    done = int(viewers[0].value("done")) + ops
    viewers[0].say("pour", ops, name=f"pour up to {done}")
    while not all(int(each.value("done")) == done for each in viewers):
        worst = max(worst, site.resources().memory)
        time.sleep(0.02)
    return worst - before
