"""Sessions end, one after another and many at once: F20."""

from __future__ import annotations

from contextlib import ExitStack

from tests.faults.counts import count
from tests.faults.others import note_delays, working
from tests.faults.report import Figures
from tests.faults.sites import FaultSite, wait_until

MIB = 1024 * 1024
KEPT = 100 * 1024
"""Bytes that a session may leave in a process for good; one that is kept whole costs three times as much."""


def test_f20_sessions_that_come_and_go_leave_threads_files_documents_and_memory_as_they_were(
    patient: FaultSite, figures: Figures
) -> None:
    """Browsers open a page, press something, and leave; then threads, documents and files are counted."""
    cycles = count(60, 1_000)
    _come_and_go(patient, 30)
    patient.wait_empty()
    patient.census()
    before = patient.resources()
    _come_and_go(patient, cycles)
    patient.wait_empty()
    patient.census()
    grown = patient.resources() - before
    figures("sessions", cycles)
    figures("memory", grown.memory / MIB, "MiB")
    figures("threads", grown.threads)
    figures("files", grown.files)
    assert grown.memory < max(8 * MIB, cycles * KEPT)


def test_f20_others_are_answered_while_many_sessions_end_at_once(
    patient: FaultSite, figures: Figures
) -> None:
    """All browsers of these sessions say goodbye in the same moment, while others work."""
    sessions = count(40, 200)
    with working(patient, 2) as delays, ExitStack() as leaving:
        for _ in range(sessions):
            leaving.enter_context(patient.replica("tally")).wait_shown()
        figures("sessions", sessions)
        delays.clear()
        leaving.close()
        wait_until(lambda: patient.health()["sessions"] == 2)
        answered = len(delays)
        wait_until(lambda: len(delays) > answered + 20)
        note_delays(figures, delays[1:])


def _come_and_go(site: FaultSite, cycles: int) -> None:
    for number in range(cycles):
        with site.replica("tally").wait_shown() as replica:
            replica.result(replica.say("step", number))
