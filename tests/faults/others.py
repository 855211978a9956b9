"""The others: sessions that work all the time, to see whether they feel anything."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from tests.faults.report import Figures
from tests.faults.sites import FaultSite
from tests.support.replica import Replica

__all__ = ["note_delays", "working"]


@contextmanager
def working(site: FaultSite, sessions: int) -> Iterator[list[float]]:
    """Sessions of others that work all the time; gives how long each answer took."""
    delays: list[float] = []
    over = threading.Event()
    with ExitStack() as stack:
        replicas = [stack.enter_context(site.replica("tally")).wait_shown() for _ in range(sessions)]

        def work(replica: Replica) -> None:
            number = 0
            while not over.wait(0.02):
                number += 1
                started = time.monotonic()
                replica.result(replica.say("step", number))
                delays.append(time.monotonic() - started)

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
