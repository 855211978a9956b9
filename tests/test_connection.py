import pytest

from embedsync import wire
from embedsync.connection import Connection, Received, State
from embedsync.settings import Settings

OPEN = wire.Open(protocol=1, ticket="t")
EDIT = wire.Edit(cseq=1, base=0, epoch="e", events=[])


def message(frame: wire.ClientFrame, attachment: int = 1) -> bytes:
    return wire.frame(attachment, wire.encode_payload(frame))


def opened(**settings: float) -> Connection:
    connection = Connection(Settings(**settings), now=0.0)  # type: ignore[arg-type]
    assert len(connection.receive(message(OPEN), 0.0)) == 1
    connection.grant(1)
    return connection


def frames(connection: Connection, now: float = 0.0) -> list[wire.ServerFrame]:
    return [wire.decode_server_frame(each)[1] for each in connection.take(now)]


def test_frames_of_a_live_attachment_come_out_decoded() -> None:
    connection = opened()
    assert connection.receive(message(EDIT), 0.0) == [Received(1, EDIT)]
    assert connection.closed is None


def test_an_edit_before_the_open_was_granted_is_an_error() -> None:
    connection = Connection(Settings(), 0.0)
    connection.receive(message(OPEN), 0.0)
    assert connection.receive(message(EDIT), 0.0) == []
    assert connection.closed == wire.Close.BAD_MESSAGE


def test_frames_for_an_attachment_that_has_ended_are_late_and_not_wrong() -> None:
    connection = opened()
    connection.end(1, wire.Close.ENDED)
    assert connection.receive(message(EDIT), 0.0) == []
    assert connection.closed is None
    assert [type(each) for each in frames(connection)] == [wire.Closed]


def test_a_number_is_not_opened_twice() -> None:
    connection = opened()
    connection.receive(message(OPEN), 0.0)
    assert connection.closed == wire.Close.BAD_MESSAGE


def test_attachments_are_bounded() -> None:
    connection = opened(attachments_per_connection=2)
    connection.receive(message(OPEN, 2), 0.0)
    assert connection.closed is None
    connection.receive(message(OPEN, 3), 0.0)
    assert connection.closed == wire.Close.BAD_MESSAGE


def test_another_version_is_told_to_reload() -> None:
    connection = Connection(Settings(), 0.0)
    connection.receive(message(wire.Open(protocol=2, ticket="t")), 0.0)
    assert connection.closed == wire.Close.RELOAD


def test_before_anything_was_granted_messages_must_be_small() -> None:
    connection = Connection(Settings(opening_message_bytes=10), 0.0)
    connection.receive(b"\0" * 11, 0.0)
    assert connection.closed == wire.Close.TOO_BIG
    assert "opening_message_bytes" in connection.reason


def test_a_silent_start_ends_after_the_handshake_timeout() -> None:
    connection = Connection(Settings(handshake_timeout=10), 0.0)
    assert connection.deadline() == 10.0
    connection.tick(9.9)
    assert connection.closed is None
    connection.tick(10.0)
    assert connection.closed == wire.Close.HANDSHAKE_TIMEOUT


def test_pings_carry_the_positions_of_what_was_sent() -> None:
    connection = opened(heartbeat=25)
    connection.push(1, wire.encode_payload(wire.Notice(kind=wire.NoticeKind.BUSY)), 1.0, seq=7, always=False)
    connection.take(1.0)
    connection.tick(25.0)
    assert frames(connection) == [wire.Ping(positions={"1": 7})]


def test_a_silent_browser_is_dead_after_heartbeat_and_timeout() -> None:
    connection = opened(heartbeat=25, heartbeat_timeout=10)
    connection.receive(message(wire.Pong(), 0), 20.0)
    connection.tick(54.9)
    assert connection.closed is None
    connection.tick(55.0)
    assert connection.closed == wire.Close.HEARTBEAT_LOST
    assert connection.abandoned


def test_while_the_process_stood_still_nobody_was_silent() -> None:
    connection = opened(heartbeat=25, heartbeat_timeout=10)
    connection.receive(message(wire.Pong(), 0), 20.0)
    connection.excuse(100.0)
    connection.tick(154.9)
    assert connection.closed is None
    connection.tick(155.0)
    assert connection.closed == wire.Close.HEARTBEAT_LOST


def test_over_its_bound_the_queue_refuses_until_it_was_drained() -> None:
    connection = opened(queue_bytes=100)
    payload = b"\0\0\0\0" + b"x" * 60
    assert connection.push(1, payload, 0.0, seq=1, always=False)
    assert not connection.push(1, payload, 0.0, seq=2, always=False)
    assert connection.drained() == ()
    assert len(connection.take(0.0)) == 1
    assert connection.drained() == (1,)
    assert connection.drained() == (), "each is named once"


def test_one_payload_larger_than_the_bound_passes_an_empty_queue() -> None:
    assert opened(queue_bytes=100).push(1, b"x" * 1000, 0.0, seq=1, always=False)


def test_a_large_payload_follows_what_is_small_and_none_follows_it() -> None:
    connection = opened(queue_bytes=100, queue_bytes_hard=1000)
    assert connection.push(1, b"small" * 10, 0.0, seq=1, always=False)
    assert connection.push(1, b"large" * 1000, 0.0, seq=2, always=False)
    assert not connection.push(1, b"small", 0.0, seq=3, always=False)
    assert connection.take(0.0)[:2] == [b"small" * 10, b"large" * 1000]


def test_a_large_payload_waits_until_half_of_the_bound_has_drained() -> None:
    connection = opened(queue_bytes=100)
    assert connection.push(1, b"x" * 51, 0.0, seq=1, always=False)
    assert not connection.push(1, b"x" * 1000, 0.0, seq=2, always=False)
    connection.take(0.0)
    assert connection.drained() == (1,)


def test_a_browser_that_lets_results_pile_up_is_cut_off() -> None:
    connection = opened(queue_bytes=100, queue_bytes_hard=1000)
    for _ in range(20):
        connection.push(1, b"x" * 100, 0.0, seq=None, always=True)
    assert connection.closed == wire.Close.SLOW
    assert connection.abandoned
    assert connection.take(0.0) == [], "what nobody takes is not kept"


def test_an_answer_may_follow_a_change_that_is_larger_than_all_bounds() -> None:
    connection = opened(queue_bytes=100, queue_bytes_hard=400)
    assert connection.push(1, b"change" * 1000, 0.0, seq=1, always=False)
    for _ in range(4):
        connection.push(1, b"answer", 0.0, seq=None, always=True)
    assert connection.closed is None
    assert connection.take(0.0)[0] == b"change" * 1000


def test_a_large_answer_does_not_cut_off_who_waits_for_the_next_one() -> None:
    connection = opened(queue_bytes=100, queue_bytes_hard=400)
    for _ in range(3):
        connection.push(1, b"answer" * 1000, 0.0, seq=None, always=True)
    assert connection.closed is None
    connection.push(1, b"answer", 0.0, seq=None, always=True)
    assert connection.closed == wire.Close.SLOW


def test_a_browser_that_takes_nothing_is_cut_off() -> None:
    connection = opened(send_timeout=30, heartbeat=1000)
    connection.push(1, b"x", 5.0, seq=1, always=False)
    assert connection.deadline() == 35.0
    connection.tick(35.0)
    assert connection.closed == wire.Close.SLOW


def test_a_flood_of_pings_does_not_fill_the_queue() -> None:
    connection = opened()
    for _ in range(1000):
        connection.receive(message(wire.Ping(), 0), 0.0)
    assert frames(connection) == [wire.Pong()]


def test_pushing_to_an_attachment_that_has_ended_is_no_error() -> None:
    connection = opened()
    connection.receive(message(wire.Detach()), 0.0)
    assert connection.state(1) is State.ENDED
    assert connection.push(1, b"x", 0.0, seq=1, always=False)
    assert connection.take(0.0) == []


def test_ended_attachments_are_forgotten_in_time() -> None:
    connection = opened(attachments_per_connection=2)
    for number in range(2, 100):
        connection.receive(message(OPEN, number), 0.0)
        connection.receive(message(wire.Detach(), number), 0.0)
    assert connection.closed is None
    assert connection.state(2) is None
    assert connection.state(1) is State.LIVE


def test_no_more_is_handed_out_than_the_browser_confirms() -> None:
    connection = opened(queue_bytes=100, queue_bytes_hard=400)
    for _ in range(3):
        connection.push(1, b"x" * 200, 0.0, seq=None, always=True)
    first = connection.take(0.0)
    pings = [each for each in first if each == message(wire.Ping(), 0)]
    assert len(first) - len(pings) == 2, "the third would be more than the window"
    assert len(pings) == 2
    assert not connection.ready
    assert connection.take(0.0) == []
    connection.receive(message(wire.Pong(), 0), 1.0)
    assert connection.ready
    assert len(connection.take(1.0)) == 2


def test_pongs_that_nobody_asked_for_confirm_nothing() -> None:
    connection = opened(queue_bytes=100, queue_bytes_hard=400)
    for _ in range(100):
        connection.receive(message(wire.Pong(), 0), 0.0)
    for _ in range(3):
        connection.push(1, b"x" * 200, 0.0, seq=None, always=True)
    assert len([each for each in connection.take(0.0) if len(each) >= 200]) == 2


def test_a_server_that_takes_everything_does_not_hide_a_browser_that_takes_nothing() -> None:
    connection = opened(
        queue_bytes=100, queue_bytes_hard=400, send_timeout=30, heartbeat=1000, slowest_link=10
    )
    for _ in range(3):
        connection.push(1, b"x" * 200, 0.0, seq=None, always=True)
    connection.take(0.0)
    assert connection.deadline() == 30.0 + 400 / 10, "a slow link is given time for what is under way"
    connection.tick(69.9)
    assert connection.closed is None
    connection.tick(70.0)
    assert connection.closed == wire.Close.SLOW


def test_a_browser_that_receives_something_large_is_not_taken_for_dead() -> None:
    connection = opened(heartbeat=25, heartbeat_timeout=10, slowest_link=1000)
    connection.push(1, b"x" * 100_000, 0.0, seq=1, always=True, snapshot=True)
    connection.take(0.0)
    connection.tick(134.9)
    assert connection.closed is None
    connection.tick(135.0)
    assert connection.closed == wire.Close.HEARTBEAT_LOST


def test_large_snapshots_of_several_documents_do_not_count_as_slow_but_a_second_one_does() -> None:
    connection = opened(queue_bytes=100, queue_bytes_hard=400)
    connection.push(1, b"x" * 300, 0.0, seq=None, always=True)
    connection.push(1, b"x" * 5000, 0.0, seq=None, always=True, snapshot=True)
    connection.push(1, b"x" * 50, 0.0, seq=None, always=True)
    assert connection.closed is None
    for _ in range(2):
        connection.push(1, b"x" * 5000, 0.0, seq=None, always=True, snapshot=True)
    assert connection.closed == wire.Close.SLOW


@pytest.mark.parametrize("leave", ["superseded", "detach"])
def test_a_browser_that_comes_again_and_again_does_not_fill_the_queue_with_documents(leave: str) -> None:
    connection = opened()
    for number in range(1, 100):
        if number > 1:
            connection.receive(message(OPEN, number), 0.0)
            connection.grant(number)
        assert connection.push(number, b"d" * 1_000_000, 0.0, seq=1, always=True, snapshot=True)
        if leave == "detach":
            connection.receive(message(wire.Detach(), number), 0.0)
        else:
            connection.end(number, wire.Close.SUPERSEDED)
    assert connection.closed is None
    assert sum(map(len, connection.take(0.0))) < 100_000


def test_what_was_refused_for_a_document_that_nobody_wants_any_more_is_asked_for() -> None:
    connection = opened()
    connection.receive(message(OPEN, 2), 0.0)
    connection.grant(2)
    connection.push(2, b"d" * 1_000_000, 0.0, seq=1, always=True, snapshot=True)
    assert not connection.push(1, b"op", 0.0, seq=2, always=False)
    connection.receive(message(wire.Detach(), 2), 0.0)
    assert connection.ready
    assert connection.take(0.0) == []
    assert connection.drained() == (1,)
    assert not connection.ready
