"""What a browser has after it came back: F37, F38."""

from __future__ import annotations

from typing import Any

from embedsync import wire
from tests.faults.counts import count
from tests.faults.report import Figures
from tests.faults.sites import FaultSite, wait_until
from tests.support.frames import Hold, header_of
from tests.support.replica import Replica


def test_f37_arrays_are_whole_after_a_resume_after_a_snapshot_and_in_a_new_session(
    patient: FaultSite, figures: Figures
) -> None:
    """Two arrays are drawn; their op is lost with its connection; a snapshot is asked for; the grace ends."""
    held = Hold(lambda frame: isinstance(header_of(frame), wire.Op))
    held.release()
    with patient.proxy() as proxy:
        proxy.down = held.toxic
        with patient.replica("brief-arrays", proxy).wait_shown() as replica:
            assert _columns(replica) == ([0.0] * 8, [0.0] * 8)
            held.again()
            replica.say("draw", 1)
            assert held.caught.wait(20)
            proxy.cut()
            held.release()
            replica.wait(lambda: _columns(replica) == _drawn(1))
            assert replica.recoveries == [True]
            assert replica.snapshots == 1, "they came with the ops that were missed"

            assert replica.truth() == replica.state()
            assert replica.snapshots == 2
            assert _columns(replica) == _drawn(1)

            session, epoch = replica.session, replica.epoch
            proxy.cut(refuse=True)
            wait_until(lambda: patient.health()["sessions"] == 0)
            proxy.heal()
            replica.wait(lambda: len(replica.sessions) == 2 and replica.mirror is not None)
            assert (replica.session, replica.epoch) != (session, epoch)
            assert _columns(replica) == ([0.0] * 8, [0.0] * 8)
            replica.say("draw", 2)
            replica.wait(lambda: _columns(replica) == _drawn(2))
            replica.wait_settled().check_equal_to_the_servers()
    figures("ways back", 3)


def _drawn(number: int) -> tuple[list[float], list[float]]:
    """What the app draws."""
    x = [each + float(number) for each in range(8)]
    return x, [each**0.5 for each in x]


def _columns(replica: Replica) -> Any:
    data = dict(replica.value("source", "data"))
    return list(data["x"]), list(data["y"])


def test_f38_each_return_goes_on_where_it_was_and_is_counted_apart_from_those_that_begin_anew(
    patient: FaultSite, figures: Figures
) -> None:
    """The connection is lost again and again; then more is missed than is kept."""
    before = patient.census().counters
    times = count(10, 200)
    with patient.replica("tally").wait_shown() as replica:
        for number in range(1, times + 1):
            replica.say("step", number)
            replica.lose_connection()
            replica.wait(lambda number=number: len(replica.recoveries) == number)
        replica.wait_settled().check_equal_to_the_servers()
        assert replica.recoveries == [True] * times
        assert len(replica.sessions) == 1
    after = patient.census().counters
    assert _grown(before, after, "resumes") == times
    assert _grown(before, after, "resumes_by_snapshot") == 0
    figures("returns", times)
    figures("by what was missed", _grown(before, after, "resumes"))

    with (
        patient.proxy() as proxy,
        patient.replica("poured").wait_shown() as other,
        patient.replica("poured", proxy).wait_shown() as away,
    ):
        proxy.cut(refuse=True)
        wait_until(lambda: patient.health()["sockets"] == 1)
        other.say("pour", 6)
        other.wait_for_value("done", "6")
        proxy.heal()
        away.wait(lambda: away.recoveries)
        away.wait_settled()
        assert away.recoveries == [False], "it was told so"
        assert away.session == other.session
        assert away.value("done") == "6"
    assert _grown(after, patient.census().counters, "resumes_by_snapshot") == 1


def _grown(before: dict[str, int], after: dict[str, int], name: str) -> int:
    return after.get(name, 0) - before.get(name, 0)
