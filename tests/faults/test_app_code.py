"""App code that fails, hangs, or takes its time: F15 to F18."""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path

from embedsync import wire
from tests.faults.counts import count
from tests.faults.others import held_up, note_delays, working
from tests.faults.report import Figures
from tests.faults.sites import HASTY, PATIENT, FaultSite, wait_until
from tests.support.history import check_callbacks
from tests.support.replica import Replica


def test_f15_a_callback_that_raises_commits_the_edit_and_tells_the_browser_no_more_than_a_number(
    patient: FaultSite, figures: Figures
) -> None:
    """A callback changes something and raises; the session goes on, the log has the traceback."""
    with patient.replica("failing-callback").wait_shown() as replica:
        for value in range(2, 12):
            result = replica.result(replica.set("amount", "value", value))
            assert result.commit
            replica.wait_for_value("report", f"amount is {value}")
        failed = replica.wait(lambda: _of_errors(replica, 10))
        told = repr(replica.notices)
        log = patient.log.read_text()
        for notice in failed:
            assert len(notice.error) == 8
            assert f"(error {notice.error})" in log
        for secret in ("secret", "LookupError", ".py", "/"):
            assert secret not in told
        assert "the secret of the callback" in log
        replica.wait_settled().check_equal_to_the_servers()
        figures("raised", 10)


def _of_errors(replica: Replica, count: int) -> list[wire.Notice]:
    """The notices of so many callbacks that have raised; none before there are so many."""
    found = [each for each in replica.notices if each.kind is wire.NoticeKind.ERROR]
    return found if len(found) == count else []


def test_f16_callbacks_that_never_return_end_their_own_sessions_and_delay_no_other(
    hasty: FaultSite, figures: Figures
) -> None:
    """Three times as many callbacks hang as there are workers, while other sessions go on working."""
    hanging = 3 * HASTY["workers"]
    lost = hasty.census().lost
    with ExitStack() as stack:
        stuck = [stack.enter_context(hasty.replica("hanging")) for _ in range(hanging)]
        for each in stuck:
            each.wait_shown()
        delays = stack.enter_context(working(hasty, 3))
        started = time.monotonic()
        for each in stuck:
            each.say("hang", 1)
        for each in stuck:
            each.wait(lambda each=each: each.ended_with)
            assert each.ended_with == wire.Close.TOO_SLOW
            assert any(notice.busy for notice in each.notices), "it was told that its session is at work"
        ended = time.monotonic() - started
        wait_until(lambda: len(delays) > 50)
    assert hasty.census().lost == lost + hanging
    figures("hanging at once", hanging)
    figures("workers", HASTY["workers"])
    figures("given up after", ended, "s")
    figures("limit", HASTY["turn_limit"], "s")
    note_delays(figures, delays)
    assert max(delays) < HASTY["turn_limit"]


def test_f17_a_callback_that_blocks_keeps_its_socket_alive_and_its_own_edits_waiting_and_nobody_else(
    patient: FaultSite, figures: Figures
) -> None:
    """While a callback sleeps, its browser moves a slider as often as it may; others go on working."""
    seconds, moves = count(4.0, 10.0), 60
    with ExitStack() as stack:
        busy = stack.enter_context(patient.replica("work")).wait_shown()
        lost = stack.enter_context(held_up())
        delays = stack.enter_context(working(patient, 3))
        pings = busy.pings
        first = busy.say("sleep", seconds)
        busy.wait_for_value("report", "working")
        for value in range(100, 100 + moves):
            busy.set("amount", "value", value, name=value)
        busy.wait(lambda: any(each.busy for each in busy.notices))
        busy.wait_for_value("report", "done")
        heartbeats = busy.pings - pings
        ran = seconds - lost()
        busy.wait_for_value("seen", f"amount is {99 + moves}")
        busy.wait_settled()
        assert busy.results[first].commit
        assert busy.connects == 1
        assert heartbeats >= int(ran / PATIENT["heartbeat"]) - 1
        runs = patient.runs(busy.session, "moved")
        assert runs[-1] == 99 + moves
        assert len(runs) <= 3, "the moves were merged while they waited"
        check_callbacks([busy.history], patient.runs(busy.session, "sleep", "moved"))
        busy.check_equal_to_the_servers()
    figures("blocked for", seconds, "s")
    figures("heartbeats meanwhile", heartbeats)
    figures("moves", moves)
    figures("callbacks of them", len(runs))
    note_delays(figures, delays)
    assert max(delays) < 2.0, "not even half as long as the callback blocks"


def test_f18_when_the_app_raises_while_it_is_built_all_who_wait_are_told_and_the_next_try_works(
    patient: FaultSite, figures: Figures, tmp_path: Path
) -> None:
    """Many visitors open the same session, whose first build takes a while and raises."""
    waiting, gate = 50, tmp_path / "gate"
    where = {"room": f"fragile {time.monotonic()}", "gate": gate}
    with ExitStack() as stack:
        stack.callback(gate.touch)
        replicas = [stack.enter_context(patient.replica("fragile", **where)) for _ in range(waiting)]
        wait_until(lambda: patient.health()["sockets"] == waiting)
        gate.touch()
        for each in replicas:
            each.wait(lambda each=each: each.mirror is not None or each.ended_with)
        told = [each.closed for each in replicas if each.closed is not None]
        log = patient.log.read_text()
        for closed in told:
            assert closed.code == wire.Close.BUILD_FAILED
            assert closed.detail == "", "no traceback outside of debug mode"
            assert f"(error {closed.error})" in log
        assert len({each.error for each in told}) == 1
        assert "the secret of the build" in log
        again = stack.enter_context(patient.replica("fragile", **where)).wait_shown()
        assert again.value("report") == "built"
        figures("waiting", len(told))
        figures("came later and were served", waiting - len(told))
        assert len(told) > waiting // 2
