"""S18 and S19: what one visitor, one socket or one app may have of a process, in memory."""

from __future__ import annotations

import gc
import logging
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest

from embedsync import wire
from embedsync.connection import Connection
from embedsync.errors import ConfigurationError
from embedsync.hub import Hub
from embedsync.request import Request
from embedsync.settings import Settings
from embedsync.stock.connection import StockConnection
from embedsync.visitors import EditsByUser
from tests.support.memory import MemoryBrowser, ToyRecipe, change, wait_until

OPEN = wire.Open(protocol=1, ticket="t")
EDIT = wire.Edit(cseq=1, base=0, epoch="e", events=[])
DRAG = 120
"""Edits a second of somebody who drags, with a quick mouse."""


@pytest.fixture
def make() -> Iterator[Callable[..., Hub]]:
    hubs: list[Hub] = []

    def made(sessions: int | None = None, **settings: Any) -> Hub:
        hubs.append(Hub("key", Settings(**settings)))
        hubs[-1].add_app("toy", ToyRecipe(), sessions=sessions)
        hubs[-1].add_app("other", ToyRecipe())
        return hubs[-1]

    yield made
    for each in hubs:
        each.stop()


def visit(hub: Hub, user_key: str = "", app: str = "toy", address: str = "192.0.2.1") -> MemoryBrowser:
    browser = MemoryBrowser(hub, user_key=user_key, remote_address=address)
    browser.open(hub.ticket(app, user_key=user_key))
    wait_until(lambda: outcome(browser) is not None)
    return browser


def outcome(browser: MemoryBrowser) -> int | None:
    """0 once the visitor is in, or the code with which they were sent away."""
    for each in browser.frames:
        if isinstance(each, wire.SnapshotFrame):
            return 0
        if isinstance(each, wire.Closed):
            return each.code
    return None


# S19


def live_connection(**settings: Any) -> Connection:
    connection = Connection(Settings(**settings), now=0.0)
    connection.receive(_message(OPEN), 0.0)
    connection.grant(1)
    return connection


def _message(frame: wire.ClientFrame, attachment: int = 1) -> bytes:
    return wire.frame(attachment, wire.encode_payload(frame))


def test_s19_a_drag_of_a_minute_passes() -> None:
    connection = live_connection()
    for step in range(60 * DRAG):
        assert connection.receive(_message(EDIT), step / DRAG)
    assert connection.closed is None


def test_s19_a_drag_that_a_bad_link_has_held_up_passes_at_once() -> None:
    connection = live_connection()
    for step in range(60 * DRAG):
        held_up = (step // (5 * DRAG) + 1) * 5.0  # Everything of five seconds comes at their end.
        assert connection.receive(_message(EDIT), held_up)
    assert connection.closed is None


def test_s19_ten_thousand_edits_a_second_are_cut_off_within_one() -> None:
    connection = live_connection()
    taken = sum(len(connection.receive(_message(EDIT), step / 10_000)) for step in range(10_000))
    assert connection.closed == wire.Close.TOO_MANY_EDITS
    assert "'edits_per_second'" in connection.reason
    assert taken <= 5 * 200 + 200


@pytest.mark.parametrize(
    ("frame", "attachment"),
    [
        (wire.Ack(seq=0, cseq=0), 1),
        (wire.Ping(), 0),
        (wire.Pong(), 0),
        (wire.Resync(epoch="e", seq=0, cseq=0), 1),
    ],
)
def test_s19_frames_of_any_other_kind_are_not_without_bound_either(
    frame: wire.ClientFrame, attachment: int
) -> None:
    connection = live_connection()
    for _ in range(6_000):
        connection.receive(_message(frame, attachment), 0.0)
    assert connection.closed == wire.Close.TOO_MANY_EDITS
    assert "'frames_per_second'" in connection.reason


def test_s19_answers_to_our_own_pings_are_not_counted() -> None:
    connection = live_connection(frames_per_second=1, queue_bytes=64, queue_bytes_hard=64)
    pings = 0
    for _ in range(100):
        connection.push(
            1, wire.encode_payload(wire.Closed(code=1, detail="x" * 60)), 0.0, seq=None, always=True
        )
        for each in connection.take(0.0):
            if isinstance(wire.decode_server_frame(each)[1], wire.Ping):
                pings += 1
                connection.receive(_message(wire.Pong(), 0), 0.0)
    assert pings > 50
    assert connection.closed is None


def test_s19_browsers_are_told_how_much_is_taken(make: Callable[..., Hub]) -> None:
    opened = visit(make(edits_per_second=30)).wait_for(wire.Opened)
    assert opened.limits.edits_per_second == 30


def test_s19_a_code_that_comes_of_too_much_makes_browsers_come_back_after_growing_pauses() -> None:
    assert wire.action_of(wire.Close.TOO_MANY_EDITS) is wire.Action.RETRY


def stock_connection() -> StockConnection:
    connection = StockConnection(Settings(), 0.0, version="3.9")
    connection.grant(1)
    document = wire.SnapshotFrame(epoch="e", seq=0, cseq=0, document=msgspec.Raw(b'{"roots":[]}'))
    connection.push(1, wire.encode_payload(document), 0.0, seq=0, always=True)
    return connection


def send_stock(connection: StockConnection, messages: int, per_second: int) -> None:
    for number in range(messages):
        for part in ('{"msgid":"m","msgtype":"SERVER-INFO-REQ"}', "{}", "{}"):
            connection.receive(part, number / per_second)
        connection.take(number / per_second)


def test_s19_a_stock_client_that_drags_two_ranges_at_once_passes() -> None:
    connection = stock_connection()
    send_stock(connection, 20 * 4 * DRAG, 4 * DRAG)  # Each start and each end is a message of its own.
    assert connection.closed is None


def test_s19_a_stock_client_that_floods_is_cut_off() -> None:
    connection = stock_connection()
    send_stock(connection, 10_000, 10_000)
    assert connection.closed == wire.Close.TOO_MANY_EDITS
    assert "'stock_edits_per_second'" in connection.reason


def test_s19_one_user_is_bounded_on_all_sockets_together_and_others_are_not(make: Callable[..., Hub]) -> None:
    hub = make(user_edits_per_second=1)
    sockets = [visit(hub, "ada") for _ in range(3)]
    other, stranger = visit(hub, "bob"), visit(hub)
    for cseq in (1, 2):
        for each in (*sockets, other, stranger):
            each.edit(cseq, change("value", cseq))
    assert [each.endpoint.close_code for each in sockets] == [None, None, wire.Close.TOO_MANY_EDITS]
    assert other.endpoint.close_code is stranger.endpoint.close_code is None
    assert "'user_edits_per_second'" in sockets[2].endpoint.close_reason


def test_s19_the_edit_that_was_too_much_counts_once_it_comes_again(make: Callable[..., Hub]) -> None:
    now = 1000.0
    hub = Hub("key", Settings(user_edits_per_second=1), clock=lambda: now)
    hub.add_app("toy", ToyRecipe())
    browser = visit(hub, "ada")
    for cseq in range(1, 7):
        browser.edit(cseq, change("value", cseq))
    assert browser.endpoint.close_code == wire.Close.TOO_MANY_EDITS
    browser.endpoint.lost()
    now += 1
    back = MemoryBrowser(hub, user_key="ada").resume(browser.wait_for(wire.Opened), cseq=5)
    back.edit(6, change("value", 6))
    wait_until(lambda: any(isinstance(each, wire.Result) and each.cseq == 6 for each in back.frames))
    hub.stop()


def test_s19_users_who_do_nothing_any_more_are_not_remembered() -> None:
    now = 0.0
    edits = EditsByUser(1.0, lambda: now)
    for number in range(5_000):
        assert edits.allow(f"user {number}")
        now += 1
    assert len(edits) <= 200


# S17


def refused(code: wire.Close) -> Connection:
    """A socket whose only ticket opened nothing."""
    connection = Connection(Settings(handshake_timeout=10), now=0.0)
    connection.receive(_message(OPEN), 1.0)
    connection.end(1, code)
    connection.take(1.0)
    return connection


@pytest.mark.parametrize("code", [wire.Close.FORBIDDEN, wire.Close.TICKET_EXPIRED, wire.Close.SESSION_GONE])
def test_s17_a_ticket_that_opens_nothing_keeps_no_place_beyond_the_handshake_timeout(
    code: wire.Close,
) -> None:
    connection = refused(code)
    connection.tick(9.9)
    assert (connection.closed, connection.deadline()) == (None, 10.0)
    connection.tick(10.0)
    assert connection.closed == wire.Close.HANDSHAKE_TIMEOUT


def test_s17_a_browser_that_asks_for_a_fresh_ticket_in_time_stays() -> None:
    connection = refused(wire.Close.TICKET_EXPIRED)
    connection.receive(_message(OPEN, 2), 5.0)
    connection.tick(10.0)
    assert connection.closed is None
    connection.grant(2)
    connection.tick(20.0)
    assert connection.closed is None


def test_s17_who_waits_for_a_free_place_may_wait_on_the_same_socket() -> None:
    connection = refused(wire.Close.BUSY)
    connection.tick(20.0)
    assert connection.closed is None


# S18


def test_s18_turning_somebody_away_again_and_again_is_no_flood_of_the_log(
    make: Callable[..., Hub], caplog: pytest.LogCaptureFixture
) -> None:
    hub = make(sessions=1)
    visit(hub)
    ticket = hub.ticket("toy")
    hasty = MemoryBrowser(hub)
    with caplog.at_level(logging.INFO, "embedsync"):
        for number in range(1, 501):
            hasty.endpoint.receive(_message(wire.Open(protocol=1, ticket=ticket), number))
    assert hub.counters.read()["sessions_refused"] == 500
    warnings = [each for each in caplog.records if each.levelno >= logging.WARNING]
    audited = [each for each in caplog.records if each.name == "embedsync.audit"]
    assert 0 < len(warnings) <= 25
    assert 0 < len(audited) <= 25


def test_s18_a_user_has_so_many_sessions_and_is_told_to_wait(
    make: Callable[..., Hub], caplog: pytest.LogCaptureFixture
) -> None:
    hub = make(sessions_per_user=2)
    first, *_ = visit(hub, "ada"), visit(hub, "ada")
    with caplog.at_level(logging.INFO, "embedsync"):
        assert outcome(visit(hub, "ada")) == wire.Close.BUSY
    assert any('"reason": "sessions_per_user"' in each.getMessage() for each in caplog.records)
    assert outcome(visit(hub, "bob")) == 0
    assert [outcome(visit(hub)) for _ in range(4)] == [0, 0, 0, 0]
    first.send(wire.Detach())
    wait_until(lambda: outcome(visit(hub, "ada")) == 0)


def test_s18_of_the_sessions_of_a_user_one_that_nobody_looks_at_makes_room(
    make: Callable[..., Hub], caplog: pytest.LogCaptureFixture
) -> None:
    hub = make(sessions_per_user=2)
    strangers, left, _ = visit(hub), visit(hub, "ada"), visit(hub, "ada")
    strangers.endpoint.lost()
    left.endpoint.lost()
    with caplog.at_level(logging.INFO, "embedsync.audit"):
        assert outcome(visit(hub, "ada")) == 0
    (line,) = [each for each in caplog.records if '"limit"' in each.getMessage()]
    said: dict[str, str] = vars(line)["audit"]
    assert said["reason"] == "sessions_per_user"
    assert said["session"] == hub.audit.hashed(left.wait_for(wire.Opened).session)
    theirs = [live for live in hub.sessions if not live.is_ending]
    assert sorted(live.info.request.user_key for live in theirs) == ["", "ada", "ada"]


def test_s18_strangers_have_so_many_by_address_if_the_site_says_so(make: Callable[..., Hub]) -> None:
    hub = make(sessions_per_address=1)
    assert outcome(visit(hub, address="192.0.2.1")) == 0
    assert outcome(visit(hub, address="192.0.2.1")) == wire.Close.BUSY
    assert outcome(visit(hub, address="192.0.2.2")) == 0
    assert outcome(visit(hub, "ada", address="192.0.2.1")) == 0
    assert [outcome(visit(hub, address="")) for _ in range(2)] == [0, 0]


def test_s18_an_app_has_so_many_sessions_and_leaves_room_for_others(make: Callable[..., Hub]) -> None:
    hub = make(sessions=1)
    assert outcome(visit(hub)) == 0
    assert outcome(visit(hub)) == wire.Close.BUSY
    assert outcome(visit(hub, app="other")) == 0


@pytest.mark.parametrize("most", [0, -1])
def test_s18_a_bound_of_none_at_all_is_a_mistake(make: Callable[..., Hub], most: int) -> None:
    with pytest.raises(ConfigurationError, match="'sessions' must be at least 1"):
        make(sessions=most)


def test_s18_ten_thousand_pages_begin_no_session(make: Callable[..., Hub]) -> None:
    hub = make()
    for _ in range(10_000):
        hub.ticket("toy")
    assert not hub.sessions


def test_s18_ten_thousand_pages_that_are_drawn_leave_no_more_documents_than_may_wait_for_their_browsers() -> (
    None
):
    recipe, alive = ToyRecipe(), weakref.WeakSet[Any]()
    hub = Hub("key", Settings(orphans=20, unclaimed=3600.0))
    hub.add_app("toy", recipe)
    no_parts: Any = None
    for number in range(10_000):
        _, live = hub.prepare("toy", {}, Request(), page={})
        assert live is not None
        assert live.page(no_parts).result(20) is None
        alive.update(recipe.documents)
        recipe.documents.clear()
        recipe.hosts.clear()
        if number % 1_000 == 999:
            wait_until(lambda: len(hub.sessions) <= 20)
            gc.collect()
            assert len(alive) <= 20 + 5
    hub.stop()
