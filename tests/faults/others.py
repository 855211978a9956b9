"""The others: sessions that work all the time, to see whether they feel anything."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from tests.faults.report import Figures
from tests.faults.sites import FaultSite
from tests.support.replica import Replica

__all__ = ["held_up", "note_delays", "working"]

_TICK = 0.01
_LATE = 0.1
"""Seconds by which a thread that has nothing to do but to look at the clock may be late."""


@contextmanager
def held_up() -> Iterator[Callable[[], float]]:
    """Gives what tells for how many seconds so far nothing ran on this machine, which no server can help."""
    lost = 0.0
    over = threading.Event()

    def watch() -> None:
        nonlocal lost
        last = time.monotonic()
        while not over.wait(_TICK):
            now = time.monotonic()
            late = now - last - _TICK
            lost += late if late > _LATE else 0.0
            last = now

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield lambda: lost
    finally:
        over.set()
        thread.join()


@contextmanager
def working(site: FaultSite, sessions: int) -> Iterator[list[float]]:
    """Sessions of others that work all the time; gives how long each answer took while the machine ran."""
    delays: list[float] = []
    over = threading.Event()
    with ExitStack() as stack:
        lost = stack.enter_context(held_up())
        replicas = [stack.enter_context(site.replica("tally")).wait_shown() for _ in range(sessions)]

        def work(replica: Replica) -> None:
            number = 0
            while not over.wait(0.02):
                number += 1
                before, started = lost(), time.monotonic()
                replica.result(replica.say("step", number))
                delay = time.monotonic() - started
                if delay > _LATE:
                    time.sleep(2 * _TICK)  # Who looks at the clock was held up as well.
                    delay -= lost() - before
                delays.append(max(0.0, delay))

        threads = [threading.Thread(target=work, args=(each,)) for each in replicas]
        for each in threads:
            each.start()
        try:
            yield delays
        finally:
            over.set()
            for each in threads:
                each.join()


def note_delays(figures: Figures, delays: list[float]) -> None:
    """Note how long the others waited for their answers."""
    figures("answers of others", len(delays))
    figures("99th percentile of their delay", statistics.quantiles(delays, n=100)[98], "s")
    figures("worst", max(delays), "s")
