"""The hub with toy apps and browsers in memory: what joins core, mailboxes, timers and tickets."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import msgspec
import pytest

from embedsync import wire
from embedsync.app import SessionInfo
from embedsync.document import PageParts
from embedsync.endpoint import Attachment
from embedsync.errors import ConfigurationError, UnknownApp
from embedsync.hub import Hub
from embedsync.live import LiveSession
from embedsync.request import Request
from embedsync.settings import Settings
from tests.support.memory import WAIT, MemoryBrowser, ToyRecipe, change, wait_until


@pytest.fixture
def hubs() -> Iterator[list[Hub]]:
    made: list[Hub] = []
    yield made
    for hub in made:
        hub.stop()


def make(hubs: list[Hub], recipe: ToyRecipe | None = None, *, shared: bool = False, **settings: Any) -> Hub:
    hub = Hub("key", Settings(**settings))
    hub.add_app("toy", recipe or ToyRecipe(), shared=shared)
    hubs.append(hub)
    return hub


def test_a_hub_starts_no_thread_before_the_first_session(hubs: list[Hub]) -> None:
    before = set(threading.enumerate())  # Some of them, of other tests, may be about to end.
    make(hubs).ticket("toy")
    assert set(threading.enumerate()) <= before


def test_after_stop_no_thread_is_left() -> None:
    before = set(threading.enumerate())
    recipe = ToyRecipe(lambda session: asyncio.sleep(0))
    hub = make([], recipe)
    browser = MemoryBrowser(hub).open(hub.ticket("toy"))
    browser.wait_for(wire.SnapshotFrame)
    hub.stop()
    assert set(threading.enumerate()) <= before
    assert recipe.closed
    assert browser.endpoint.close_code == wire.Close.DRAIN


def test_an_edit_travels_to_the_document_and_its_callback_back(hubs: list[Hub]) -> None:
    hub = make(hubs)
    browser = MemoryBrowser(hub).open(hub.ticket("toy"))
    browser.edit(1, change("value", 4))
    assert browser.wait_for(wire.Result).own
    assert b'"echo", "new": 8' in bytes(browser.wait_for(wire.Op).events[0])


def test_documents_are_built_when_a_browser_opens_them_and_not_with_the_page(hubs: list[Hub]) -> None:
    recipe = ToyRecipe()
    hub = make(hubs, recipe)
    ticket = hub.ticket("toy")
    assert not hub.sessions
    MemoryBrowser(hub).open(ticket).wait_for(wire.SnapshotFrame)
    assert len(recipe.documents) == 1


def test_visitors_of_a_shared_app_meet_if_their_arguments_are_equal(hubs: list[Hub]) -> None:
    hub = make(hubs, shared=True)
    opened = [
        MemoryBrowser(hub).open(hub.ticket("toy", arguments)).wait_for(wire.Opened)
        for arguments in ({"room": 1}, {"room": 1}, {"room": 2})
    ]
    assert opened[0].session == opened[1].session != opened[2].session


class MeddledLock:
    """A lock at whose first release somebody else comes in between."""

    def __init__(self, meddle: Callable[[], None]) -> None:
        self._lock = threading.Lock()
        self._meddle: Callable[[], None] | None = meddle

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        meddle, self._meddle = self._meddle, None
        self._lock.release()
        if meddle is not None:
            meddle()


def test_who_comes_to_a_shared_session_while_the_first_visitor_begins_it_is_shown_the_document(
    hubs: list[Hub], monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = make(hubs, shared=True)
    second = MemoryBrowser(hub)

    def come() -> None:
        second.open(hub.ticket("toy"))

    def begin(live: LiveSession, attachment: Attachment) -> None:
        monkeypatch.undo()
        monkeypatch.setattr(live, "_lock", MeddledLock(come))
        live.open(attachment)

    monkeypatch.setattr(LiveSession, "open", begin)
    first = MemoryBrowser(hub).open(hub.ticket("toy"))
    for browser in (first, second):
        browser.wait_for(wire.SnapshotFrame)
    assert len(hub.sessions) == 1


def test_visitors_meet_in_a_session_that_the_page_names(hubs: list[Hub]) -> None:
    hub = make(hubs)
    opened = [
        MemoryBrowser(hub).open(hub.ticket("toy", session=name)).wait_for(wire.Opened)
        for name in ("a", "a", "b", "", "")
    ]
    assert opened[0].session == opened[1].session
    assert len({each.session for each in opened}) == 4


def test_what_failed_while_the_page_was_made_is_told_to_its_socket_and_built_again_for_who_tries_again(
    hubs: list[Hub], caplog: pytest.LogCaptureFixture
) -> None:
    builds: list[str] = []

    def begin(session: SessionInfo) -> None:
        builds.append(session.id)
        raise ValueError("a mistake")

    hub = make(hubs, ToyRecipe(begin))
    ticket, live = hub.prepare("toy", {}, Request(), page={})
    assert live is not None
    with pytest.raises(ValueError, match="a mistake"):
        live.page(PageParts(str, str, str, "")).result(WAIT)
    closed = MemoryBrowser(hub).open(ticket).wait_for(wire.Closed)
    assert closed.code == wire.Close.BUILD_FAILED
    assert closed.error in caplog.text
    assert len(builds) == 1
    MemoryBrowser(hub).open(hub.ticket("toy")).wait_for(wire.Closed)
    assert len(builds) == 2


def test_all_who_wait_for_a_build_that_fails_are_told_and_the_next_try_works(
    hubs: list[Hub], caplog: pytest.LogCaptureFixture
) -> None:
    proceed, builds = threading.Event(), iter(range(100))

    def begin(session: SessionInfo) -> None:
        if next(builds) == 0:
            assert proceed.wait(WAIT)
            raise ValueError("the secret of the build")

    hub = make(hubs, ToyRecipe(begin), shared=True)
    browsers = [MemoryBrowser(hub).open(hub.ticket("toy")) for _ in range(50)]
    proceed.set()
    for browser in browsers:
        closed = browser.wait_for(wire.Closed)
        assert closed.code == wire.Close.BUILD_FAILED
        assert closed.detail == ""
        assert closed.error in caplog.text
    wait_until(lambda: not hub.sessions)
    MemoryBrowser(hub).open(hub.ticket("toy")).wait_for(wire.SnapshotFrame)


def test_in_debug_mode_the_traceback_of_a_build_is_told(hubs: list[Hub]) -> None:
    def begin(session: SessionInfo) -> None:
        raise ValueError("what the developer wants to see")

    hub = make(hubs, ToyRecipe(begin), debug=True)
    closed = MemoryBrowser(hub).open(hub.ticket("toy")).wait_for(wire.Closed)
    assert "what the developer wants to see" in closed.detail
    _heading, first, *_rest = closed.detail.splitlines()
    assert "tests" in first
    assert "embedsync/live" not in closed.detail


def test_asynchronous_builds_are_awaited_and_do_not_hold_a_thread(hubs: list[Hub]) -> None:
    release: dict[str, tuple[asyncio.AbstractEventLoop, asyncio.Event]] = {}

    async def wait(session: SessionInfo) -> None:
        release[session.id] = (asyncio.get_running_loop(), asyncio.Event())
        await release[session.id][1].wait()

    def begin(session: SessionInfo) -> Awaitable[None]:
        return wait(session)

    hub = make(hubs, ToyRecipe(begin), workers=1, workers_limit=1)
    browsers = [MemoryBrowser(hub).open(hub.ticket("toy")) for _ in range(5)]
    wait_until(lambda: len(release) == 5)
    for loop, event in release.values():
        loop.call_soon_threadsafe(event.set)
    for browser in browsers:
        browser.wait_for(wire.SnapshotFrame)


def test_a_session_without_browsers_ends_after_its_grace(hubs: list[Hub]) -> None:
    recipe = ToyRecipe()
    hub = make(hubs, recipe, grace=0.05)
    browser = MemoryBrowser(hub).open(hub.ticket("toy"))
    browser.wait_for(wire.SnapshotFrame)
    browser.endpoint.lost()
    wait_until(lambda: not hub.sessions)
    assert recipe.documents[0].nodes == {}, "destroyed"


def test_a_session_is_resumed_within_its_grace_with_a_new_secret(hubs: list[Hub]) -> None:
    hub = make(hubs)
    browser = MemoryBrowser(hub).open(hub.ticket("toy"))
    opened = browser.wait_for(wire.Opened)
    browser.endpoint.lost()
    resumed = MemoryBrowser(hub).resume(opened).wait_for(wire.Opened)
    assert resumed.recovered
    assert resumed.client == opened.client
    assert resumed.secret != opened.secret


def test_the_previous_secret_is_taken_until_the_new_one_was_seen(hubs: list[Hub]) -> None:
    hub = make(hubs)
    opened = MemoryBrowser(hub).open(hub.ticket("toy")).wait_for(wire.Opened)
    MemoryBrowser(hub).resume(opened).wait_for(wire.Opened)
    again = MemoryBrowser(hub).resume(opened)
    again.wait_for(wire.Opened)
    again.send(wire.Ack(seq=0, cseq=0))
    refused = MemoryBrowser(hub).resume(opened).wait_for(wire.Closed)
    assert refused.code == wire.Close.SESSION_GONE


def test_a_replica_that_resumes_replaces_its_ghost(hubs: list[Hub]) -> None:
    hub = make(hubs)
    ghost = MemoryBrowser(hub).open(hub.ticket("toy"))
    opened = ghost.wait_for(wire.Opened)
    browser = MemoryBrowser(hub).resume(opened)
    browser.wait_for(wire.Opened)
    assert ghost.wait_for(wire.Closed).code == wire.Close.SUPERSEDED
    ghost.endpoint.lost()
    browser.edit(1, change("value", 4))
    browser.wait_for(wire.Result)


def test_a_browser_that_was_cut_off_for_results_that_it_had_not_acknowledged_goes_on(hubs: list[Hub]) -> None:
    hub = make(hubs, unacknowledged_results=2)
    browser = MemoryBrowser(hub).open(hub.ticket("toy"))
    for cseq in range(1, 4):
        browser.edit(cseq, {"kind": "click", "id": "root"})
        browser.wait_for(wire.Result, cseq)
    browser.edit(4, change("value", 1))
    assert browser.wait_for(wire.Closed).code == wire.Close.TOO_MANY_EDITS
    again = MemoryBrowser(hub).resume(browser.wait_for(wire.Opened), seq=3, cseq=3)
    again.edit(4, change("value", 1))
    assert again.wait_for(wire.Result).cseq == 4


def test_another_user_cannot_resume_a_session(hubs: list[Hub]) -> None:
    hub = make(hubs)
    ticket = hub.ticket("toy", user_key="ada")
    opened = MemoryBrowser(hub, user_key="ada").open(ticket).wait_for(wire.Opened)
    refused = MemoryBrowser(hub, user_key="eve").resume(opened).wait_for(wire.Closed)
    assert refused.code == wire.Close.FORBIDDEN


def test_a_browser_that_leaves_for_good_ends_its_session_at_once(hubs: list[Hub]) -> None:
    hub = make(hubs, grace=10_000)
    browser = MemoryBrowser(hub).open(hub.ticket("toy"))
    browser.wait_for(wire.SnapshotFrame)
    browser.send(wire.Detach())
    wait_until(lambda: not hub.sessions)


def test_a_browser_that_goes_while_the_document_is_built_does_no_harm(hubs: list[Hub]) -> None:
    proceed = threading.Event()
    hub = make(hubs, ToyRecipe(lambda session: proceed.wait(WAIT) and None), grace=0.05)
    browser = MemoryBrowser(hub).open(hub.ticket("toy"))
    browser.endpoint.lost()
    proceed.set()
    wait_until(lambda: not hub.sessions)


def test_beyond_the_limit_of_sessions_visitors_are_told_to_come_back(
    hubs: list[Hub], caplog: pytest.LogCaptureFixture
) -> None:
    hub = make(hubs, sessions=1)
    MemoryBrowser(hub).open(hub.ticket("toy")).wait_for(wire.SnapshotFrame)
    assert MemoryBrowser(hub).open(hub.ticket("toy")).wait_for(wire.Closed).code == wire.Close.BUSY
    assert "'sessions'" in caplog.text
    assert hub.counters.read() == {"sessions_refused": 1}


def test_who_comes_back_to_a_shared_session_finds_it_though_there_is_no_room_for_another(
    hubs: list[Hub],
) -> None:
    hub = make(hubs, shared=True, sessions=1)
    first = MemoryBrowser(hub).open(hub.ticket("toy"))
    session = first.wait_for(wire.Opened).session
    first.endpoint.lost()
    wait_until(lambda: len(hub.orphans) == 1)
    assert MemoryBrowser(hub).open(hub.ticket("toy")).wait_for(wire.Opened).session == session
    assert hub.counters.read() == {}


def test_browsers_that_come_and_go_under_new_names_are_not_all_waited_for(hubs: list[Hub]) -> None:
    hub = make(hubs, shared=True, absent_browsers=3)
    keeper = MemoryBrowser(hub).open(hub.ticket("toy"))
    keeper.wait_for(wire.Opened)
    opened = []
    for _ in range(6):
        browser = MemoryBrowser(hub).open(hub.ticket("toy"))
        opened.append(browser.wait_for(wire.Opened))
        browser.wait_for(wire.SnapshotFrame)
        browser.endpoint.lost()
    [session] = hub.sessions
    assert len(session._known) == len(session._built.core.replicas) == 1 + 3  # type: ignore[union-attr]
    # The last ones may come back as who they were, the first ones as somebody new.
    assert MemoryBrowser(hub).resume(opened[5]).wait_for(wire.Opened).client == opened[5].client
    assert MemoryBrowser(hub).resume(opened[0]).wait_for(wire.Closed).code == wire.Close.SESSION_GONE
    keeper.edit(1, change("value", 1))
    assert keeper.wait_for(wire.Result).commit


def test_pages_of_a_shared_session_that_nobody_opens_leave_nothing_behind(hubs: list[Hub]) -> None:
    hub = make(hubs, shared=True)
    made = {id(hub.prepare("toy", {}, Request(), page={})[1]) for _ in range(5)}
    assert len(made) == len(hub.sessions) == 1
    assert hub._sessions._prepared == {}


def test_a_turn_that_is_posted_from_another_thread_commits_what_it_changed(hubs: list[Hub]) -> None:
    recipe = ToyRecipe()
    hub = make(hubs, recipe)
    browser = MemoryBrowser(hub).open(hub.ticket("toy"))
    browser.wait_for(wire.SnapshotFrame)
    document = recipe.documents[0]
    recipe.hosts[0].post(lambda: document.set(document.root, "value", 9))
    assert b'"value", "new": 9' in bytes(browser.wait_for(wire.Op).events[0])


def test_a_turn_that_raises_is_reported_and_the_session_lives(
    hubs: list[Hub], caplog: pytest.LogCaptureFixture
) -> None:
    recipe = ToyRecipe()
    hub = make(hubs, recipe)
    browser = MemoryBrowser(hub).open(hub.ticket("toy"))
    browser.wait_for(wire.SnapshotFrame)

    def fail() -> None:
        document = recipe.documents[0]
        document.set(document.root, "value", 9)
        raise ValueError("of the test")

    recipe.hosts[0].post(fail)
    browser.wait_for(wire.Op)
    assert browser.wait_for(wire.Notice).error in caplog.text
    browser.edit(1, change("value", 4))
    assert browser.wait_for(wire.Result).commit


@pytest.mark.parametrize("debug", [False, True])
def test_half_of_a_surrogate_pair_in_an_exception_hinders_nothing(
    hubs: list[Hub], debug: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Reports of tests, which hold the log, cannot carry such a thing either.
    monkeypatch.setattr(logging.getLogger("embedsync.session"), "propagate", False)
    recipe = ToyRecipe()
    hub = make(hubs, recipe, debug=debug)
    browser = MemoryBrowser(hub).open(hub.ticket("toy"))
    browser.wait_for(wire.SnapshotFrame)

    def fail() -> None:
        raise ValueError("no file of the name caf\udce9")  # As os.listdir() gives it.

    recipe.hosts[0].post(fail)
    detail = browser.wait_for(wire.Notice).detail
    assert detail.endswith("ValueError: no file of the name caf\\udce9\n" if debug else "")
    browser.edit(1, change("value", 4))
    assert browser.wait_for(wire.Result).commit
    hub.stop()  # What it has logged is written while nobody else sees it.


def test_edits_that_wait_for_a_busy_session_are_merged(hubs: list[Hub]) -> None:
    recipe = ToyRecipe()
    hub = make(hubs, recipe, unanswered_edits=300)
    browser = MemoryBrowser(hub).open(hub.ticket("toy"))
    browser.wait_for(wire.SnapshotFrame)
    proceed = threading.Event()
    recipe.hosts[0].post(lambda: proceed.wait(WAIT) and None)
    for cseq in range(1, 301):
        browser.edit(cseq, change("value", cseq % 7))
    proceed.set()
    result = browser.wait_for(wire.Result)
    assert result.cseq == 300
    assert result.supersedes == list(range(1, 300))
    wait_until(lambda: recipe.documents[0].callback_runs)  # It is answered before they run.
    assert recipe.documents[0].callback_runs == 1


def test_each_answer_names_the_one_before_it_also_where_edits_were_merged(hubs: list[Hub]) -> None:
    recipe = ToyRecipe()
    hub = make(hubs, recipe)
    browser = MemoryBrowser(hub).open(hub.ticket("toy"))
    browser.wait_for(wire.SnapshotFrame)
    proceed = threading.Event()
    recipe.hosts[0].post(lambda: proceed.wait(WAIT) and None)
    for cseq, name, value in ((1, "value", 1), (2, "items", [2]), (3, "value", 3), (4, "value", -1)):
        browser.edit(cseq, change(name, value))
    proceed.set()
    browser.wait_for(wire.Result, 2)
    browser.edit(5, change("value", 5))
    browser.wait_for(wire.Result, 3)
    results = [each for each in browser.frames if isinstance(each, wire.Result)]
    assert [(each.cseq, each.supersedes, each.previous) for each in results] == [
        (2, [], 0),
        (4, [1, 3], 2),
        (5, [], 4),
    ]


def test_a_skipped_number_cuts_the_replica_off(hubs: list[Hub]) -> None:
    hub = make(hubs)
    browser = MemoryBrowser(hub).open(hub.ticket("toy"))
    browser.edit(2, change("value", 4))
    assert browser.wait_for(wire.Closed).code == wire.Close.BAD_MESSAGE


def test_a_browser_that_resumes_where_nothing_was_is_not_shown_the_document_again_and_again(
    hubs: list[Hub],
) -> None:
    recipe = ToyRecipe()
    hub = make(hubs, recipe, resync_interval=60.0)
    browser = MemoryBrowser(hub).open(hub.ticket("toy"))
    opened = browser.wait_for(wire.Opened)
    browser.wait_for(wire.SnapshotFrame)
    position = wire.Resume(
        session=opened.session, client=opened.client, secret=opened.secret, epoch="other", seq=0, cseq=0
    )
    for number in range(2, 5):
        position = msgspec.structs.replace(position, secret=browser.wait_for(wire.Opened, number - 1).secret)
        payload = wire.encode_payload(wire.Open(protocol=1, resume=position))
        browser.endpoint.receive(wire.frame(number, payload))
        turn_done = threading.Event()
        recipe.hosts[0].post(turn_done.set)
        assert turn_done.wait(WAIT)
    assert sum(isinstance(each, wire.SnapshotFrame) for each in browser.frames) == 2


def test_resync_is_answered_with_the_whole_document(hubs: list[Hub]) -> None:
    hub = make(hubs)
    browser = MemoryBrowser(hub).open(hub.ticket("toy"))
    opened = browser.wait_for(wire.Opened)
    browser.send(wire.Resync(epoch=opened.epoch, seq=0, reason="of the test"))
    browser.wait_for(wire.SnapshotFrame, 2)


def test_answers_that_a_browser_has_not_seen_come_again_with_the_snapshot_that_it_asks_for(
    hubs: list[Hub],
) -> None:
    hub = make(hubs)
    browser = MemoryBrowser(hub).open(hub.ticket("toy"))
    opened = browser.wait_for(wire.Opened)
    for cseq, value in ((1, 1), (2, -1), (3, 3)):
        browser.edit(cseq, change("value", value))
        browser.wait_for(wire.Result, cseq)
    browser.send(wire.Resync(epoch=opened.epoch, seq=0, cseq=1))
    browser.wait_for(wire.SnapshotFrame, 2)
    browser.wait_for(wire.Result, 5)
    assert [each.cseq for each in browser.frames if isinstance(each, wire.Result)] == [1, 2, 3, 2, 3]
    assert isinstance(browser.frames[-3], wire.SnapshotFrame)


def test_a_permission_that_cannot_be_asked_is_refused_at_once_and_not_each_visitor(hubs: list[Hub]) -> None:
    hub = make(hubs)
    with pytest.raises(ConfigurationError, match="app 'members': 'permission' must be a function"):
        hub.add_app("members", ToyRecipe(), permission="login_required")  # type: ignore[arg-type]
    assert "members" not in hub.apps


def test_an_unknown_app_is_named_with_those_that_exist(hubs: list[Hub]) -> None:
    with pytest.raises(UnknownApp, match=r"'nothing'.*'toy'"):
        make(hubs).ticket("nothing")


@pytest.mark.parametrize("name", ["", "a b", "<x>", "a?b"])
def test_a_name_that_cannot_stand_in_a_url_is_refused(hubs: list[Hub], name: str) -> None:
    with pytest.raises(ConfigurationError, match="app name"):
        make(hubs).add_app(name, ToyRecipe())


def test_arguments_that_are_too_long_for_a_browser_to_show_are_refused_where_the_page_is_made(
    hubs: list[Hub],
) -> None:
    hub = make(hubs)
    with pytest.raises(ConfigurationError, match="arguments of app 'toy' are too long"):
        hub.ticket("toy", {"text": os.urandom(20_000).hex()})


def test_two_hubs_know_nothing_of_each_other(hubs: list[Hub]) -> None:
    first, second = make(hubs), make(hubs)
    opened = MemoryBrowser(first).open(first.ticket("toy")).wait_for(wire.Opened)
    assert MemoryBrowser(second).resume(opened).wait_for(wire.Closed).code == wire.Close.SESSION_GONE
    assert not second.sessions


def test_a_session_that_waits_in_a_callback_lets_others_resume_at_once(hubs: list[Hub]) -> None:
    recipe = ToyRecipe()
    hub = make(hubs, recipe)
    opened = MemoryBrowser(hub).open(hub.ticket("toy")).wait_for(wire.Opened)
    proceed = threading.Event()
    recipe.hosts[0].post(lambda: proceed.wait(WAIT) and None)
    assert MemoryBrowser(hub).resume(opened).wait_for(wire.Opened).recovered
    proceed.set()


def test_the_log_tells_beginning_and_end_of_a_session(
    hubs: list[Hub], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "embedsync"):
        hub = make(hubs)
        browser = MemoryBrowser(hub).open(hub.ticket("toy"))
        opened = browser.wait_for(wire.Opened)
        browser.send(wire.Detach())
        wait_until(lambda: not hub.sessions)
    assert f"session {opened.session} begins" in caplog.text
    wait_until(lambda: f"session {opened.session} ended" in caplog.text)
    assert opened.secret not in caplog.text


def test_an_update_runs_in_each_session_of_its_app_and_reaches_the_browsers(hubs: list[Hub]) -> None:
    hub = make(hubs)
    hub.add_app("other", ToyRecipe())
    browsers = [MemoryBrowser(hub).open(hub.ticket("toy")) for _ in range(3)]
    other = MemoryBrowser(hub).open(hub.ticket("other"))
    for browser in [*browsers, other]:
        browser.wait_for(wire.SnapshotFrame)
    assert hub.update_sessions("toy", lambda doc: doc.set(doc.root, "value", 9)) == 3
    for browser in browsers:
        assert b'"value", "new": 9' in bytes(browser.wait_for(wire.Op).events[0])
    assert not any(isinstance(each, wire.Op) for each in other.frames)


def test_an_asynchronous_update_is_awaited(hubs: list[Hub]) -> None:
    async def update(doc: Any) -> None:
        await asyncio.sleep(0)
        doc.set(doc.root, "value", 9)

    hub = make(hubs)
    browser = MemoryBrowser(hub).open(hub.ticket("toy"))
    browser.wait_for(wire.SnapshotFrame)
    assert hub.update_sessions("toy", update) == 1
    assert b'"value", "new": 9' in bytes(browser.wait_for(wire.Op).events[0])


def test_an_update_does_not_wait_for_a_busy_session(hubs: list[Hub]) -> None:
    recipe = ToyRecipe()
    hub = make(hubs, recipe)
    browser = MemoryBrowser(hub).open(hub.ticket("toy"))
    browser.wait_for(wire.SnapshotFrame)
    proceed = threading.Event()
    recipe.hosts[0].post(lambda: proceed.wait(WAIT) and None)
    assert hub.update_sessions("toy", lambda doc: doc.set(doc.root, "value", 9)) == 1
    proceed.set()
    browser.wait_for(wire.Op)


def test_an_update_of_an_unknown_app_names_those_that_exist(hubs: list[Hub]) -> None:
    with pytest.raises(UnknownApp, match="'toy'"):
        make(hubs).update_sessions("nothing", print)


def test_what_a_page_says_about_itself_reaches_the_context_of_turns(hubs: list[Hub]) -> None:
    entered: list[str] = []

    def context(request: Request) -> AbstractContextManager[None]:
        entered.append(request.page["language"])
        return nullcontext()

    hub = make(hubs)
    browser = MemoryBrowser(hub, context=context).open(hub.ticket("toy", page={"language": "de"}))
    browser.wait_for(wire.SnapshotFrame)
    assert set(entered) == {"de"}


def test_each_stretch_of_a_turn_runs_in_the_context_of_its_thread(hubs: list[Hub]) -> None:
    threads: list[tuple[str, int]] = []

    @contextmanager
    def thread_context(request: Request) -> Iterator[None]:
        assert request.page == {"language": "de"}
        threads.append(("in", threading.get_ident()))
        yield
        threads.append(("out", threading.get_ident()))

    async def wrapped(request: Request, awaitable: Awaitable[Any]) -> Any:
        assert request.page == {"language": "de"}
        threads.append(("await", threading.get_ident()))
        return await awaitable

    hub = make(hubs, ToyRecipe(lambda session: asyncio.sleep(0)))
    browser = MemoryBrowser(hub, thread_context=thread_context, awaiting=wrapped)
    browser.open(hub.ticket("toy", page={"language": "de"})).wait_for(wire.SnapshotFrame)
    first, second, third, fourth, fifth = threads[:5]
    assert [each[0] for each in threads[:5]] == ["in", "out", "await", "in", "out"]
    assert first[1] == second[1] != third[1]
    assert fourth[1] == fifth[1]
