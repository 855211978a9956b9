"""Sessions end, and their visitors get an answer, whatever goes wrong; and what waits for them is bounded."""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
import weakref
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from embedsync import wire
from embedsync.hub import Hub
from embedsync.live import LiveSession
from embedsync.settings import Settings
from tests.support.memory import WAIT, MemoryBrowser, ToyRecipe, change, wait_until

Make = Callable[..., Hub]
CLOSED = wire.Closed


@pytest.fixture
def make() -> Iterator[Make]:
    hubs: list[Hub] = []

    def made(recipe: ToyRecipe | None = None, *, shared: bool = False, **settings: Any) -> Hub:
        hub = Hub("key", Settings(**{"grace": 0.1, "stop_timeout": 1.0, **settings}))
        hub.add_app("toy", recipe or ToyRecipe(), shared=shared)
        hubs.append(hub)
        return hub

    yield made
    for hub in hubs:
        hub.stop()


def visit(hub: Hub) -> MemoryBrowser:
    browser = MemoryBrowser(hub).open(hub.ticket("toy"))
    browser.wait_for(wire.SnapshotFrame)
    return browser


@contextmanager
def busy(hub: Hub) -> Iterator[LiveSession]:
    """Keep the only session in a turn."""
    (live,) = hub.sessions
    started, proceed = threading.Event(), threading.Event()

    def wait(document: Any) -> None:
        started.set()
        assert proceed.wait(WAIT)

    live.update(wait)
    assert started.wait(WAIT)
    try:
        yield live
    finally:
        proceed.set()


def ends(hub: Hub) -> None:
    wait_until(lambda: not hub.sessions)


# Whoever is sent away can leave a session that ends.


def test_a_replica_that_breaks_the_protocol_does_not_keep_its_session_alive(make: Make) -> None:
    hub = make()
    browser = visit(hub)
    browser.edit(7, change("value", 1))
    browser.wait_for(CLOSED)
    ends(hub)


def test_a_full_mailbox_sends_away_who_asks_for_the_document_and_the_session_still_ends(make: Make) -> None:
    hub = make(mailbox_limit=2)
    browser = visit(hub)
    opened = browser.wait_for(wire.Opened)
    with busy(hub) as live:
        for _ in range(2):
            live.update(lambda document: None)
        browser.send(wire.Resync(epoch=opened.epoch, seq=0))
        assert browser.wait_for(CLOSED).code == wire.Close.BUSY
    ends(hub)


def test_a_full_mailbox_sends_away_who_enters_and_the_session_still_ends(make: Make) -> None:
    hub = make(shared=True, mailbox_limit=2)
    first = visit(hub)
    with busy(hub) as live:
        for _ in range(2):
            live.update(lambda document: None)
        late = MemoryBrowser(hub).open(hub.ticket("toy"))
        assert late.wait_for(CLOSED).code == wire.Close.BUSY
    for each in (first, late):
        each.endpoint.lost()
    ends(hub)


def test_of_two_sockets_that_resume_at_once_one_stays_and_the_session_still_ends(make: Make) -> None:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        met = 0
        for _ in range(60):
            hub = make(grace=0.3)
            browser = visit(hub)
            opened = browser.wait_for(wire.Opened)
            browser.endpoint.lost()
            both = [MemoryBrowser(hub) for _ in range(2)]
            threads = [threading.Thread(target=each.resume, args=(opened,)) for each in both]
            for each in threads:
                each.start()
            for each in threads:
                each.join()
            closed = [frame.code for each in both for frame in each.frames if isinstance(frame, CLOSED)]
            # On a machine that is slow enough the grace is over before both have come.
            assert closed.count(wire.Close.SUPERSEDED) == 1 or closed.count(wire.Close.SESSION_GONE) == 2
            met += wire.Close.SUPERSEDED in closed
            for each in both:
                each.endpoint.lost()
            ends(hub)
        assert met > 10
    finally:
        sys.setswitchinterval(before)


def test_a_session_that_nobody_can_come_back_to_is_not_kept(make: Make) -> None:
    proceed = threading.Event()
    hub = make(ToyRecipe(lambda session: proceed.wait(WAIT) and None), grace=10_000)
    MemoryBrowser(hub).open(hub.ticket("toy")).endpoint.lost()
    proceed.set()
    ends(hub)


def test_a_browser_that_leaves_and_then_loses_its_socket_has_left(make: Make) -> None:
    hub = make(grace=10_000)
    browser = visit(hub)
    browser.send(wire.Detach())
    browser.endpoint.lost()
    ends(hub)


def test_a_session_named_by_a_page_waits_for_its_only_visitor_to_load_the_page_again(make: Make) -> None:
    hub = make(grace=10_000)
    browser = MemoryBrowser(hub).open(hub.ticket("toy", session="room"))
    opened = browser.wait_for(wire.Opened)
    browser.send(wire.Detach())
    again = MemoryBrowser(hub).open(hub.ticket("toy", session="room"))
    assert again.wait_for(wire.Opened).session == opened.session


def test_attachments_that_were_closed_are_forgotten(make: Make) -> None:
    hub = make()
    browser = MemoryBrowser(hub)
    for number in range(1, 50):
        opening = wire.encode_payload(wire.Open(protocol=1, ticket=hub.ticket("toy")))
        browser.endpoint.receive(wire.frame(number, opening))
        browser.wait_for(wire.SnapshotFrame, number)
        browser.endpoint.receive(wire.frame(number, wire.encode_payload(wire.Detach())))
    assert not browser.endpoint.attachments


def test_visitors_of_a_shared_session_who_do_not_come_back_are_forgotten(make: Make) -> None:
    hub = make(shared=True)
    visit(hub)
    (live,) = hub.sessions
    for _ in range(30):
        visit(hub).endpoint.lost()
    wait_until(lambda: len(live._known) == 1)
    assert live._built.core is not None
    assert len(live._built.core.replicas) == 1


# A shared app stays reachable.


def test_while_a_shared_session_hangs_at_its_end_new_visitors_get_another(make: Make) -> None:
    hub = make(shared=True)
    first = visit(hub)
    opened = first.wait_for(wire.Opened)
    with busy(hub) as live:
        live.end()
        assert visit(hub).wait_for(wire.Opened).session != opened.session


# Everybody is told.


def test_what_a_site_puts_around_turns_may_fail_and_the_visitor_is_told(make: Make) -> None:
    def context(request: Any) -> Any:
        raise OSError("the site's context fails")

    hub = make()
    browser = MemoryBrowser(hub, context=context).open(hub.ticket("toy"))
    assert browser.wait_for(CLOSED).code == wire.Close.BUILD_FAILED
    ends(hub)


def test_a_build_that_is_cancelled_by_its_own_code_is_told(make: Make) -> None:
    async def cancelled() -> None:
        raise asyncio.CancelledError

    hub = make(ToyRecipe(lambda session: cancelled()))
    browser = MemoryBrowser(hub).open(hub.ticket("toy"))
    assert browser.wait_for(CLOSED).code == wire.Close.BUILD_FAILED
    ends(hub)


def test_a_document_that_cannot_be_encoded_is_told(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = ToyRecipe()
    hub = make(recipe, shared=True)
    first = visit(hub)

    def fail() -> None:
        raise ValueError("cannot be encoded")

    monkeypatch.setattr(recipe.documents[0], "snapshot", fail)
    late = MemoryBrowser(hub).open(hub.ticket("toy"))
    assert late.wait_for(CLOSED).code == wire.Close.BUILD_FAILED
    first.edit(1, change("value", 4))
    assert first.wait_for(wire.Result).commit, "those who have it go on"
    first.send(wire.Resync(epoch=first.wait_for(wire.Opened).epoch, seq=0))
    assert first.wait_for(CLOSED).code == wire.Close.BUILD_FAILED
    ends(hub)


def test_what_a_site_puts_around_awaitables_may_fail_and_the_session_goes_on(make: Make) -> None:
    def awaiting(request: Any, awaitable: Awaitable[Any]) -> Awaitable[Any]:
        awaitable.close()  # type: ignore[attr-defined]
        raise OSError("the site's wrapper fails")

    hub = make()
    browser = MemoryBrowser(hub, awaiting=awaiting).open(hub.ticket("toy"))
    browser.wait_for(wire.SnapshotFrame)

    async def update(doc: Any) -> None:
        await asyncio.sleep(0)

    hub.update_sessions("toy", update)
    browser.wait_for(wire.Notice)
    browser.edit(1, change("value", 4))
    assert browser.wait_for(wire.Result).commit
    browser.endpoint.lost()
    ends(hub)


# The end itself.


def test_asynchronous_hooks_run_at_the_end(make: Make) -> None:
    recipe, ran = ToyRecipe(), threading.Event()
    hub = make(recipe)
    browser = visit(hub)

    async def hook() -> None:
        await asyncio.sleep(0)
        ran.set()

    recipe.documents[0].end = lambda: iter([hook()])  # type: ignore[method-assign]
    browser.endpoint.lost()
    ends(hub)
    assert ran.is_set()


def test_a_hook_that_never_ends_is_given_up(make: Make) -> None:
    recipe, release = ToyRecipe(), threading.Event()
    hub = make(recipe, turn_limit=1.0)
    browser = visit(hub)

    def hook() -> Iterator[Awaitable[Any]]:
        assert release.wait(WAIT)
        yield from ()

    recipe.documents[0].end = hook  # type: ignore[method-assign]
    browser.endpoint.lost()
    try:
        ends(hub)
    finally:
        release.set()


def test_threads_that_idle_keep_nothing_of_sessions_that_have_ended(make: Make) -> None:
    recipe = ToyRecipe()
    hub = make(recipe)
    browsers = [visit(hub) for _ in range(16)]
    sessions = [weakref.ref(each) for each in hub.sessions]
    for each in browsers:
        each.endpoint.lost()
    ends(hub)
    recipe.documents.clear()
    recipe.hosts.clear()
    browsers.clear()
    del each
    wait_until(lambda: gc.collect() >= 0 and not any(one() for one in sessions))


def test_a_session_that_has_ended_is_not_kept_because_a_connection_was_lost_before(make: Make) -> None:
    recipe = ToyRecipe()
    hub = make(recipe, grace=10_000)
    browser = visit(hub)
    opened = browser.wait_for(wire.Opened)
    session = weakref.ref(hub.sessions[0])
    browser.endpoint.lost()
    again = MemoryBrowser(hub).resume(opened)
    again.wait_for(wire.Opened)
    again.send(wire.Detach())
    ends(hub)
    recipe.hosts.clear()
    wait_until(lambda: gc.collect() >= 0 and session() is None)


# What is under way is bounded, and nothing of it is lost.


def test_an_edit_that_a_full_mailbox_refused_is_taken_when_it_is_sent_again(make: Make) -> None:
    recipe = ToyRecipe()
    hub = make(recipe, mailbox_limit=2, grace=10_000)
    browser = visit(hub)
    opened = browser.wait_for(wire.Opened)
    with busy(hub):
        for cseq in range(1, 4):
            browser.edit(cseq, {"kind": "append", "id": "root", "items": [cseq]})
        assert browser.endpoint.close_code == wire.Close.TOO_MANY_EDITS
        browser.endpoint.lost()
    wait_until(lambda: recipe.documents[0].root.get("items") == [1, 2])
    again = MemoryBrowser(hub).resume(opened)
    for cseq in range(1, 4):
        again.edit(cseq, {"kind": "append", "id": "root", "items": [cseq]})
    wait_until(lambda: recipe.documents[0].root.get("items") == [1, 2, 3])


def test_more_unanswered_edits_than_were_agreed_cut_a_replica_off(make: Make) -> None:
    hub = make(unanswered_edits=4)
    browser = visit(hub)
    with busy(hub):
        for cseq in range(1, 6):
            browser.edit(cseq, change("value", 1))
        assert browser.wait_for(CLOSED).code == wire.Close.TOO_MANY_EDITS


def test_bytes_of_edits_that_wait_are_bounded(make: Make) -> None:
    hub = make(mailbox_bytes=100_000)
    browser = visit(hub)
    with busy(hub):
        for cseq in range(1, 4):
            browser.edit(cseq, {"kind": "append", "id": "root", "items": [1] * 20_000})
        assert browser.endpoint.close_code == wire.Close.TOO_MANY_EDITS
        assert "mailbox_bytes" in browser.endpoint.close_reason


def test_bytes_of_results_that_are_not_acknowledged_are_bounded(make: Make) -> None:
    recipe = ToyRecipe()
    hub = make(recipe, unacknowledged_bytes=50_000)
    browser = visit(hub)
    browser.edit(1, {"kind": "append", "id": "root", "items": [1] * 20_000})
    browser.wait_for(wire.Result)
    browser.edit(2, {"kind": "set", "id": "root", "attr": "items", "new": [-1]})
    browser.wait_for(wire.Result, 2)
    browser.edit(3, {"kind": "set", "id": "root", "attr": "items", "new": [-1]})
    assert browser.wait_for(CLOSED).code == wire.Close.TOO_MANY_EDITS


def test_asking_for_the_document_again_and_again_encodes_it_once_in_a_while(make: Make) -> None:
    hub = make(resync_interval=10_000)
    browser = visit(hub)
    opened = browser.wait_for(wire.Opened)
    for _ in range(300):
        browser.send(wire.Resync(epoch=opened.epoch, seq=0))
    browser.wait_for(wire.SnapshotFrame, 2)
    browser.edit(1, change("value", 4))
    browser.wait_for(wire.Result)
    assert len([each for each in browser.frames if isinstance(each, wire.SnapshotFrame)]) == 2
    assert hub.counters.read()["snapshots_resent"] == 1


def test_sockets_that_show_no_ticket_are_bounded(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    hub = make(unopened_sockets=3)
    waiting = [MemoryBrowser(hub) for _ in range(3)]
    assert MemoryBrowser(hub).endpoint.close_code == wire.Close.BUSY
    assert "'unopened_sockets'" in caplog.text
    waiting[0].open(hub.ticket("toy")).wait_for(wire.SnapshotFrame)
    assert MemoryBrowser(hub).endpoint.close_code is None


@pytest.mark.parametrize("setting", ["unopened_sockets", "sockets"])
def test_a_socket_that_only_holds_its_place_makes_room_for_one_that_has_just_come(setting: str) -> None:
    now = 1000.0
    hub = Hub("key", Settings(**{setting: 3}), clock=lambda: now)  # type: ignore[arg-type]
    hub.add_app("toy", ToyRecipe())
    waiting = [MemoryBrowser(hub).endpoint for _ in range(3)]
    now += 2
    newcomers = [MemoryBrowser(hub).endpoint for _ in range(4)]
    assert [each.close_code for each in waiting] == [wire.Close.BUSY] * 3
    assert [each.close_code for each in newcomers] == [None, None, None, wire.Close.BUSY]
    hub.stop()


# Who is away.


def away(hub: Hub) -> MemoryBrowser:
    """A visitor who has gone, and may come back."""
    browser = visit(hub)
    browser.endpoint.lost()
    return browser


def test_beyond_the_bound_the_sessions_that_were_left_first_end(
    make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    hub = make(orphans=2, grace=10_000)
    here = visit(hub)
    gone = [away(hub) for _ in range(4)]
    wait_until(lambda: len(hub.sessions) == 3)
    codes = [MemoryBrowser(hub).resume(each.wait_for(wire.Opened)) for each in gone]
    assert codes[0].wait_for(CLOSED).code == wire.Close.SESSION_GONE
    assert codes[3].wait_for(wire.Opened).recovered
    here.edit(1, change("value", 4))
    assert here.wait_for(wire.Result).commit
    assert hub.counters.read()["orphans_evicted"] == 2
    assert "'orphans'" in caplog.text


def test_sessions_that_wait_for_their_browsers_are_bounded_in_bytes(make: Make) -> None:
    hub = make(orphan_bytes=100_000, grace=10_000)
    for _ in range(3):
        browser = visit(hub)
        browser.edit(1, {"kind": "append", "id": "root", "items": [1] * 15_000})
        browser.wait_for(wire.Result)
        browser.endpoint.lost()
    wait_until(lambda: len(hub.sessions) == 2)


def test_a_visitor_who_is_here_gets_the_place_of_one_who_is_away(make: Make) -> None:
    hub = make(sessions=2, grace=10_000)
    first = away(hub)
    visit(hub)
    visit(hub)
    gone = MemoryBrowser(hub).resume(first.wait_for(wire.Opened))
    assert gone.wait_for(CLOSED).code == wire.Close.SESSION_GONE


def visit_and_grow(hub: Hub) -> MemoryBrowser:
    """A visitor whose session has some 30,000 bytes."""
    browser = visit(hub)
    browser.edit(1, {"kind": "append", "id": "root", "items": [1] * 15_000})
    browser.wait_for(wire.Result)
    return browser


def test_beyond_the_bytes_of_all_sessions_those_that_nobody_looks_at_end_and_then_visitors_wait(
    make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    hub = make(session_bytes=50_000, grace=10_000)
    left = visit_and_grow(hub)
    left.endpoint.lost()
    here = [visit_and_grow(hub), visit_and_grow(hub)]
    gone = MemoryBrowser(hub).resume(left.wait_for(wire.Opened))
    assert gone.wait_for(CLOSED).code == wire.Close.SESSION_GONE
    turned_away = MemoryBrowser(hub).open(hub.ticket("toy"))
    assert turned_away.wait_for(CLOSED).code == wire.Close.BUSY
    assert "'session_bytes'" in caplog.text
    here[0].endpoint.lost()
    visit(hub)


def test_who_comes_back_is_no_orphan_any_more(make: Make) -> None:
    hub = make(orphans=1, grace=10_000)
    back = MemoryBrowser(hub).resume(away(hub).wait_for(wire.Opened))
    back.wait_for(wire.Opened)
    for _ in range(3):
        away(hub)
    back.edit(1, change("value", 4))
    assert back.wait_for(wire.Result).commit


# The process stops.


def test_what_runs_when_a_process_stops_is_finished_and_sent_before_browsers_go(make: Make) -> None:
    hub = make(stop_timeout=WAIT)
    browser = visit(hub)
    with busy(hub):
        browser.edit(1, change("value", 4))
        stopping = threading.Thread(target=hub.stop)
        stopping.start()
        notice = browser.wait_for(wire.Notice)
        assert notice.kind is wire.NoticeKind.DRAIN
        assert 0 <= notice.retry <= 6
    stopping.join()
    kinds = [type(each) for each in browser.frames if not isinstance(each, wire.Notice | wire.Ping)]
    assert kinds[2:] == [wire.Result, wire.Op, CLOSED], "the answer and what came of it, then the end"
    assert browser.endpoint.close_code == wire.Close.DRAIN


def test_code_that_hangs_does_not_keep_a_process_longer_than_agreed(make: Make) -> None:
    hub = make(stop_timeout=0.2)
    browser = visit(hub)
    with busy(hub):
        hub.stop()
        assert browser.endpoint.close_code == wire.Close.DRAIN


def test_who_comes_while_a_process_stops_is_told_to_come_again(make: Make) -> None:
    hub = make(stop_timeout=WAIT)
    browser = visit(hub)
    ticket = hub.ticket("toy")
    with busy(hub):
        stopping = threading.Thread(target=hub.stop)
        stopping.start()
        browser.wait_for(wire.Notice)
        late = wire.frame(2, wire.encode_payload(wire.Open(protocol=1, ticket=ticket)))
        browser.endpoint.receive(late)
        assert browser.wait_for(CLOSED).code == wire.Close.DRAIN
    stopping.join()
