from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest
from bokeh.document import without_document_lock
from bokeh.io import curdoc
from bokeh.models import Div

from embedsync.errors import MailboxFull
from tests.documents.bokeh.harness import Host, Live, Turn


def empty() -> Live:
    return Live(lambda doc: doc.add_root(Div(text="")))


def test_a_next_tick_callback_runs_once_as_a_turn_of_its_own() -> None:
    live = empty()

    def tick() -> None:
        curdoc().roots[0].text += "tick"  # type: ignore[attr-defined]

    live.do(lambda: live.doc.add_next_tick_callback(tick))
    assert not live.patches
    live.settle()
    live.settle()
    assert live.value_of(live.doc.roots[0], "text") == "tick"


def test_a_timeout_callback_runs_once_when_it_is_due() -> None:
    live, ran = empty(), []
    live.doc.add_timeout_callback(lambda: ran.append(live.host.now), 300)
    live.advance(0.2)
    assert ran == []
    live.advance(2)
    assert ran == [0.3]


def test_a_periodic_callback_runs_again_and_again() -> None:
    live, ran = empty(), []
    live.doc.add_periodic_callback(lambda: ran.append(1), 100)
    live.advance(1.05)
    assert 9 <= len(ran) <= 10


def test_a_periodic_callback_never_piles_up() -> None:
    live, ran = empty(), []

    async def slow() -> None:
        ran.append(len(live.host.turns) + sum(not each.cancelled for each in live.host.due))
        await asyncio.sleep(0)

    live.doc.add_periodic_callback(slow, 10)
    live.advance(1)
    assert len(ran) > 3
    assert set(ran) == {0}


def test_a_periodic_callback_runs_as_often_as_it_was_asked_for_though_it_always_begins_late() -> None:
    class Late(Host):
        def call_later(self, seconds: float, call: Callable[[], None]) -> Callable[[], None]:
            return super().call_later(seconds + 0.03, call)

    ran: list[float] = []
    live = Live(lambda doc: doc.add_root(Div(text="")), host=Late())
    live.doc.add_periodic_callback(lambda: ran.append(live.host.now), 100)
    live.advance(100.05)
    assert ran == pytest.approx([each / 10 + 0.03 for each in range(1, 1001)])


def test_periodic_callbacks_that_begin_at_different_moments_are_due_together() -> None:
    live = empty()
    first: list[float] = []
    second: list[float] = []
    live.advance(0.0013)
    live.doc.add_periodic_callback(lambda: first.append(live.host.now), 50)
    live.advance(0.0011)
    live.doc.add_periodic_callback(lambda: second.append(live.host.now), 50)
    live.advance(1)
    assert first == pytest.approx(second)
    assert first[0] - 0.0013 == pytest.approx(0.05, abs=0.0051), "a tenth of the period later at the most"
    assert len(first) in (19, 20)


def test_a_periodic_callback_that_takes_longer_than_its_period_begins_again_when_it_has_ended() -> None:
    live, ran = empty(), []

    def slow() -> None:
        ran.append(live.host.now)
        live.host.now += 0.25

    live.doc.add_periodic_callback(slow, 100)
    live.advance(1)
    assert ran == pytest.approx([0.1, 0.35, 0.6, 0.85])


def test_a_periodic_callback_that_took_long_once_goes_back_to_its_moments_without_a_burst() -> None:
    live, ran = empty(), []

    def slow_once() -> None:
        ran.append(live.host.now)
        if len(ran) == 1:
            live.host.now += 0.57

    live.doc.add_periodic_callback(slow_once, 100)
    live.advance(0.95)
    assert ran == pytest.approx([0.1, 0.67, 0.7, 0.8, 0.9])


def test_a_periodic_callback_that_waits_for_its_turn_stands_for_all_that_were_due_meanwhile() -> None:
    live, ran = empty(), []

    def hold_up() -> None:
        live.host.now += 0.57

    live.doc.add_periodic_callback(lambda: ran.append(live.host.now), 100)
    live.host.due[0].call()
    live.host.due.clear()
    live.host.turns.appendleft(hold_up)
    live.settle()
    live.advance(0.28)
    assert ran == pytest.approx([0.57, 0.6, 0.7, 0.8])


def test_a_periodic_callback_without_a_period_runs_again_and_again() -> None:
    live, ran = empty(), []

    def tick() -> None:
        ran.append(live.host.now)
        live.host.now += 0.1

    live.doc.add_periodic_callback(tick, 0)
    live.advance(0.35)
    assert ran == pytest.approx([0, 0.1, 0.2, 0.3])


def test_callbacks_can_be_removed_until_they_have_run() -> None:
    live, ran = empty(), []
    tick = live.doc.add_next_tick_callback(lambda: ran.append("tick"))
    later = live.doc.add_timeout_callback(lambda: ran.append("later"), 10)
    again = live.doc.add_periodic_callback(lambda: ran.append("again"), 10)
    live.doc.remove_next_tick_callback(tick)
    live.doc.remove_timeout_callback(later)
    live.doc.remove_periodic_callback(again)
    live.advance(1)
    assert ran == []
    with pytest.raises(ValueError, match="already"):
        live.doc.remove_periodic_callback(again)
    assert live.doc.session_callbacks == []


def test_a_periodic_callback_may_remove_itself() -> None:
    live, ran = empty(), []

    def once() -> None:
        ran.append(1)
        live.doc.remove_periodic_callback(callback)

    callback = live.doc.add_periodic_callback(once, 10)
    live.advance(1)
    assert ran == [1]
    assert live.host.due == []


def test_callbacks_may_be_added_from_any_thread() -> None:
    live, ran = empty(), []

    def add() -> None:
        live.doc.add_next_tick_callback(lambda: ran.append(curdoc() is live.doc))

    thread = threading.Thread(target=add)
    thread.start()
    thread.join()
    live.settle()
    assert ran == [True]


def test_callbacks_added_while_the_app_is_built_start_when_it_is() -> None:
    ran: list[Any] = []
    posted: list[int] = []

    def app(doc: Any) -> None:
        doc.add_next_tick_callback(lambda: ran.append(len(doc.roots)))
        doc.add_root(Div(text=""))
        posted.append(0)

    live = Live(app)
    assert ran == []
    live.settle()
    assert ran == [1]


def test_a_timed_callback_that_raises_is_reported_and_the_period_goes_on() -> None:
    live, ran = empty(), []

    def fails() -> None:
        ran.append(1)
        raise RuntimeError("again")

    live.doc.add_periodic_callback(fails, 100)
    live.advance(0.35)
    assert len(ran) == 3
    assert [str(error) for error, _ in live.host.reports] == ["again"] * 3
    assert "periodic callback" in live.host.reports[0][1]


def test_nothing_runs_and_nothing_is_raised_after_the_end() -> None:
    live, ran = empty(), []
    doc = live.doc
    tick: Callable[[], None] = lambda: ran.append(1)  # noqa: E731
    early = doc.add_timeout_callback(tick, 10)
    doc.add_next_tick_callback(tick)
    live.document.destroy()
    late = doc.add_periodic_callback(tick, 10)
    doc.remove_timeout_callback(early)
    doc.remove_periodic_callback(late)
    while live.host.turns:
        turn = live.host.turns.popleft()
        list(turn() or ())
    for each in live.host.due:
        if not each.cancelled:
            each.call()
    assert ran == []


def test_a_full_mailbox_is_told_to_who_adds_a_callback_and_tried_again_for_who_waits() -> None:
    class Full(Host):
        full = False

        def post(self, turn: Turn) -> None:
            if self.full:
                raise MailboxFull("mailbox_limit", 1)
            super().post(turn)

    live, ran = empty(), []
    full = Full()
    live.document._timers._host = live.host = full
    live.doc.add_timeout_callback(lambda: ran.append(1), 100)
    full.full = True
    with pytest.raises(MailboxFull):
        live.doc.add_next_tick_callback(lambda: ran.append(2))
    assert len(live.doc.session_callbacks) == 1
    assert len(live.document._timers._timers) == 1
    live.advance(0.2)
    full.full = False
    live.advance(1)
    assert ran == [1]


def test_next_tick_callbacks_of_an_app_that_find_the_mailbox_full_run_later() -> None:
    ran: list[int] = []

    class Small(Host):
        def post(self, turn: Turn) -> None:
            if len(self.turns) == 2:
                raise MailboxFull("mailbox_limit", 2)
            super().post(turn)

    def app(doc: Any) -> None:
        for number in range(5):
            doc.add_next_tick_callback(lambda number=number: ran.append(number))

    live = Live(app, host=Small())
    live.settle()
    live.advance(5)
    assert sorted(ran) == [0, 1, 2, 3, 4]


def test_a_callback_without_the_document_lock_runs_beside_the_turn_and_is_kept_from_the_document() -> None:
    live, posted = empty(), asyncio.Event()
    seen: list[Any] = []

    @without_document_lock
    async def unlocked() -> None:
        await asyncio.sleep(0)
        try:
            _ = curdoc().roots
        except AttributeError as error:
            seen.append(str(error))
        curdoc().add_next_tick_callback(lambda: seen.append("locked again"))
        posted.set()

    live.doc.add_next_tick_callback(unlocked)

    async def loop() -> None:
        # The turn is over before the callback has run: it only begins it.
        turn = live.host.turns.popleft()
        with live.document.context():
            for each in turn() or ():
                await each
        assert seen == []
        await asyncio.wait_for(posted.wait(), 5)

    asyncio.run(loop())
    assert len(seen) == 1
    assert "add_next_tick_callback" in seen[0]
    live.settle()
    assert seen[1:] == ["locked again"]


def test_a_periodic_callback_without_the_document_lock_is_not_begun_again_before_it_has_ended() -> None:
    live, began, go_on = empty(), [], asyncio.Event()

    @without_document_lock
    async def unlocked() -> None:
        began.append(live.host.now)
        await go_on.wait()

    live.doc.add_periodic_callback(unlocked, 100)

    async def loop() -> None:
        for _ in range(2):
            due = live.host.due.pop()
            live.host.now = due.at
            due.call()
            for each in live.host.turns.popleft()() or ():
                await each
            assert live.host.due == []
            assert len(live.document._timers._unlocked) == 1
            go_on.set()
            await asyncio.wait(live.document._timers._unlocked)

    asyncio.run(loop())
    assert began == pytest.approx([0.1, 0.2])


def test_a_periodic_callback_that_is_never_due_is_no_mistake() -> None:
    live, ran = empty(), []
    live.doc.add_periodic_callback(lambda: ran.append("never"), float("inf"))  # type: ignore[arg-type]
    live.doc.add_periodic_callback(lambda: ran.append("at times"), 100)
    live.advance(0.25)
    assert set(ran) == {"at times"}
