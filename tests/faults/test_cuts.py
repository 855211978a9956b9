"""Links that break: F1, F2, F3."""

from __future__ import annotations

import random
import time
from typing import Any

import numpy as np

from embedsync import wire
from embedsync.document import Buffer
from tests.contract.client import Client, elements_of
from tests.faults.counts import count
from tests.faults.report import Figures
from tests.faults.sites import FaultSite, wait_until
from tests.support.frames import CutInside, Hold, Mixed, header_of
from tests.support.history import check_callbacks
from tests.support.raw import RawSocket
from tests.support.replica import Replica, message
from tests.support.resources import unread


def test_f1_a_message_cut_anywhere_on_its_way_to_the_browser_comes_again_whole(
    patient: FaultSite, figures: Figures
) -> None:
    """An op with two arrays is cut after each of its bytes; the browser resumes."""
    cutter = CutInside(lambda frame: isinstance(header_of(frame), wire.Op) and len(frame.raw) > 300)
    with patient.proxy() as proxy:
        proxy.down = cutter.toxic
        with patient.replica("arrays", proxy).wait_shown() as replica:
            replica.say("draw", 0)
            replica.wait_settled()
            size, number = cutter.size, 0
            for number, at in enumerate(range(0, size + 1, count(29, 1)), start=1):
                cutter.arm(at)
                replica.say("draw", number)
                replica.wait(lambda number=number: _drawn(replica) == [float(n + number) for n in range(8)])
            replica.wait_settled()
            assert cutter.cuts == number
            assert replica.recoveries == [True] * cutter.cuts
            assert check_callbacks([replica.history], patient.runs(replica.session, "draw")) == number + 1
            replica.history.check_no_gap()
            replica.check_equal_to_the_servers()
            figures("cuts", cutter.cuts)
            figures("message", size, "bytes")


def test_f1_a_message_cut_anywhere_on_its_way_to_the_server_counts_once(
    patient: FaultSite, figures: Figures
) -> None:
    """An edit with two arrays is cut after each of its bytes; the browser resumes and sends it again."""
    cutter = CutInside(lambda frame: isinstance(header_of(frame), wire.Edit) and len(frame.raw) > 300)
    with patient.proxy() as proxy:
        proxy.up = cutter.toxic
        with patient.replica("arrays", proxy).wait_shown() as replica:
            _draw(replica, 1)
            replica.wait_settled()
            size, number = cutter.size, 1
            for number, at in enumerate(range(0, size + 1, count(29, 1)), start=2):
                cutter.arm(at)
                _draw(replica, number)
                replica.wait_for_value("report", f"x begins with {float(number)}")
            replica.wait_settled()
            assert replica.recoveries == [True] * cutter.cuts
            assert patient.runs(replica.session, "drawn") == [float(n + 1) for n in range(number)]
            replica.history.check_no_gap()
            replica.check_equal_to_the_servers()
            figures("cuts", cutter.cuts)
            figures("message", size, "bytes")


def _drawn(replica: Replica) -> Any:
    return dict(replica.value("source", "data"))["x"]


def _draw(replica: Replica, number: int) -> None:
    array = {"type": "ndarray", "shape": [8], "dtype": "float32", "order": "little"}
    buffers = [
        Buffer(f"{replica.opened.client}.{number}{name}", np.full(8, number, "float32").tobytes())
        for name in "xy"
    ]
    entries = [
        [name, {**array, "array": {"type": "bytes", "data": {"id": each.id}}}]
        for name, each in zip("xy", buffers, strict=True)
    ]
    event = {
        "kind": "ModelChanged",
        "model": {"id": replica.id_of("source")},
        "attr": "data",
        "new": {"type": "map", "entries": entries},
    }
    replica.edit(event, buffers=buffers)


def test_f2_frames_that_come_twice_or_in_another_order_change_nothing(
    patient: FaultSite, figures: Figures
) -> None:
    """A proxy doubles and reorders what the server sends, doubles what the browser sends, each by a chance
    of 0.2 (but for the one frame that opens), and cuts the connection now and then."""
    dice = random.Random(2)
    down = Mixed(dice, duplicate=0.2, reorder=0.2)
    up = Mixed(dice, duplicate=0.2, only=lambda frame: not isinstance(header_of(frame), wire.Open))
    with patient.proxy() as proxy:
        proxy.down, proxy.up = down.toxic, up.toxic
        with patient.replica("tally", proxy).wait_shown() as replica:
            number = 0
            while down.frames + up.frames < count(3_000, 25_000):
                number += 1
                if number % 3 == 0:
                    replica.set("amount", "value", number, name=number)
                elif number % 31 == 0:
                    replica.say("grow", number)
                else:
                    replica.say("step", number)
                if number % 400 == 0:
                    proxy.cut()
            down.on = up.on = False
            replica.wait_settled()
            assert down.duplicated > 50
            assert down.reordered > 50
            assert up.duplicated > 50
            assert replica.duplicates > 50
            assert replica.sessions == [replica.session], "it is one session throughout"
            ran = patient.runs(replica.session, "step", "grow", "moved")
            check_callbacks([replica.history], ran)
            # The result of an edit may have been lost with what a snapshot replaced: it has run all the same.
            assert len(ran) == number - len(replica.history.named("superseded"))
            ops = replica.history.check_no_gap()
            replica.check_equal_to_the_servers()
            figures("frames", down.frames + up.frames)
            figures("doubled", down.duplicated + up.duplicated)
            figures("reordered", down.reordered)
            figures("edits", number)
            figures("ops applied", ops)
            figures("cuts", len(replica.recoveries))


def test_f2_an_edit_that_overtakes_another_is_refused_and_counts_once_it_comes_in_order(
    patient: FaultSite,
) -> None:
    """An edit is sent before the one that precedes it; after a reconnect both come in order."""
    client, attached = Client.visit(patient.page("tally"))
    with client:
        assert attached.opened is not None
        attached.cseq = 1
        client.edit(attached, message("step", 2))
        client.wait(lambda: client.closed_with(attached))
        assert client.closed_with(attached) == wire.Close.BAD_MESSAGE
        session = attached.opened.session
    with Client(client.endpoint) as again:
        attached.cseq = 0
        resumed = again.resume(attached)
        assert patient.runs(session, "step") == []
        for number in (1, 2):
            again.edit(resumed, message("step", number))
        again.wait_for_value(resumed, "count", "value", "2")
        assert patient.runs(session, "step") == [1, 2]
        again.send(resumed, wire.Detach())


def test_f2_an_op_that_is_lost_while_connected_is_noticed_by_the_next_heartbeat(
    patient: FaultSite, figures: Figures
) -> None:
    """A proxy takes the last op out of a connection that lives on; nothing is sent after it."""
    losing = Mixed(random.Random(2), drop=1.0, only=lambda frame: isinstance(header_of(frame), wire.Op))
    losing.on = False
    with patient.proxy() as proxy:
        proxy.down = losing.toxic
        with patient.replica("tally", proxy).wait_shown() as replica:
            replica.wait_settled()
            losing.on = True
            started = time.monotonic()
            replica.say("step", 1)
            wait_until(lambda: losing.dropped == 1)
            replica.wait_for_value("count", "1")
            figures("noticed and mended after", time.monotonic() - started, "s")
            figures("heartbeat", replica.opened.heartbeat, "s")
            assert replica.resyncs == 1
            assert replica.connects == 1
            losing.on = False
            replica.check_equal_to_the_servers()


def test_f3_an_edit_whose_answer_was_lost_counts_once(patient: FaultSite, figures: Figures) -> None:
    """The connection is cut with the answer on its way, or with the edit on its way, in turns."""
    answer = Hold(lambda frame: isinstance(header_of(frame), wire.Result))
    question = Hold(lambda frame: isinstance(header_of(frame), wire.Edit))
    times = count(40, 250)
    with patient.proxy() as proxy:
        for hold in (answer, question):
            hold.release()
        proxy.down, proxy.up = answer.toxic, question.toxic
        with patient.replica("tally", proxy).wait_shown() as replica:
            for number in range(1, times + 1):
                hold = answer if number % 2 else question
                hold.again()
                replica.say("step", number)
                assert hold.caught.wait(20)
                proxy.cut()
                hold.release()
                replica.wait(lambda number=number: number in replica.results)
            replica.wait_settled()
            assert check_callbacks([replica.history], patient.runs(replica.session, "step")) == times
            assert patient.runs(replica.session, "step") == list(range(1, times + 1))
            assert replica.recoveries == [True] * times
            replica.history.check_no_gap()
            replica.check_equal_to_the_servers()
            figures("cuts", times)
            figures("callbacks", len(patient.runs(replica.session, "step")))


def test_f3_edits_sent_right_before_the_browser_is_gone_all_count(
    patient: FaultSite, figures: Figures
) -> None:
    """A browser that is still being sent 8 MiB sends edits and crashes."""
    edits, times = 10, count(3, 50)
    for _ in range(times):
        [element] = elements_of(patient.page("bulky"))
        with RawSocket(element.endpoint, receive_buffer=4096) as browser:
            browser.send_frame(wire.Open(protocol=1, ticket=element.ticket))
            opened = browser.wait_for(wire.Opened)
            browser.wait_for_more()
            for number in range(edits):
                browser.send_frame(
                    wire.Edit(cseq=number + 1, base=0, epoch=opened.epoch, events=[message("step", number)])
                )
            wait_until(lambda browser=browser: unread(patient.port, browser.port) == 0)
            browser.reset()
        wait_until(lambda session=opened.session: len(patient.runs(session, "step")) == edits)
    figures("crashes", times)
    figures("edits at once", edits)
