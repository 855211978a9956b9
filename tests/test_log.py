import gc

import pytest

from embedsync.document import Buffer, Event, EventKind, Patch
from embedsync.log import Log, Op, merge

WRITE, DELTA, SIGNAL = EventKind.WRITE, EventKind.DELTA, EventKind.SIGNAL


def op(seq: int, *events: Event, origin: str | None = None, size: int = 1) -> Op:
    return Op(seq, origin, Patch(events), size)


def event(
    content: str,
    kind: EventKind = WRITE,
    key: str | None = "k",
    defines: tuple[str, ...] = (),
    parts: str | None = None,
) -> Event:
    return Event(content.encode(), kind, key, defines, parts=frozenset(parts) if parts is not None else None)


def part(content: str, parts: str) -> Event:
    return event(content, DELTA, parts=parts)


def contents(patch: Patch) -> list[str]:
    return [each.content.decode() for each in patch.events]


def filled(count: int, **bounds: int) -> Log:
    log = Log(**{"max_ops": 100, "max_bytes": 1000, **bounds})
    for seq in range(1, count + 1):
        log.append(op(seq))
    return log


def test_since_gives_everything_after_a_position() -> None:
    log = filled(5)
    assert [each.seq for each in log.since(3) or ()] == [4, 5]
    assert log.since(5) == []


def test_the_garbage_collector_does_not_walk_through_logs() -> None:
    buffers = tuple(Buffer(f"s{number}", b"bytes") for number in range(2))
    changed = Event(b"{}", WRITE, ("p1", "data"), ("p2",), buffers, frozenset("xy"))
    kept = Op(1, "replica", Patch((changed,), ("p3",), ("bokeh",)), 1)
    gc.collect(0)  # Tuples are forgotten when it has seen them.
    parts = [
        kept,
        kept.patch,
        kept.patch.events,
        changed,
        changed.buffers,
        *buffers,
        changed.key,
        changed.defines,
    ]
    assert not any(map(gc.is_tracked, parts))


def test_a_trimmed_position_is_lost_and_never_answered_in_part() -> None:
    log = filled(5, max_ops=2)
    assert log.since(2) is None
    assert [each.seq for each in log.since(3) or ()] == [4, 5]


def test_a_position_that_was_never_reached_is_lost() -> None:
    assert filled(2).since(3) is None


def test_bytes_are_bounded_too() -> None:
    log = Log(max_ops=100, max_bytes=25)
    for seq in range(1, 6):
        log.append(op(seq, size=10))
    assert log.bytes == 20
    assert log.since(2) is None


def test_an_op_larger_than_the_bound_is_not_kept() -> None:
    log = Log(max_ops=100, max_bytes=5)
    log.append(op(1, size=10))
    assert log.since(0) is None
    assert log.since(1) == []


def test_ops_are_numbered_without_gaps() -> None:
    with pytest.raises(ValueError, match="cannot follow"):
        filled(2).append(op(4))


def test_written_since_leaves_out_the_replicas_own_ops() -> None:
    log = Log(max_ops=10, max_bytes=1000)
    log.append(op(1, event("a", key="a"), origin="me"))
    log.append(op(2, event("b", key="b"), event("c", DELTA, key="b")))
    assert log.written_since(0, except_by="me") == {"b": DELTA}
    assert log.written_since(2, except_by="me") == {}


def test_merging_keeps_the_last_write_of_a_key() -> None:
    merged = merge([Patch((event("old"), event("other", key="o"))), Patch((event("new"),))])
    assert contents(merged) == ["other", "new"]


def test_merging_drops_deltas_before_a_whole_write_and_keeps_those_after() -> None:
    merged = merge([Patch((event("d1", DELTA), event("whole"), event("d2", DELTA)))])
    assert contents(merged) == ["whole", "d2"]


def test_merging_never_drops_definitions_or_signals() -> None:
    first = Patch((event("defines", defines=("m",)), event("click", SIGNAL, None)))
    assert contents(merge([first, Patch((event("new"),))])) == ["defines", "click", "new"]


def test_a_delta_kept_for_its_definitions_keeps_the_value_it_was_made_upon() -> None:
    events = (event("whole"), event("delta", DELTA, defines=("m",)), event("last"))
    assert contents(merge([Patch(events)])) == ["whole", "delta", "last"]


def test_what_left_and_came_back_is_not_gone() -> None:
    left = Patch((), gone=("m", "n"))
    back = Patch((event("m again", defines=("m",)),))
    assert merge([left, back]).gone == ("n",)
    assert merge([back, left]).gone == ("m", "n")


def test_a_part_that_a_later_one_replaces_is_left_out() -> None:
    patches = [
        Patch((part(f"{names}{number}", names),)) for number, names in enumerate(["y", "y", "xy", "y"])
    ]
    assert contents(merge(patches)) == ["xy2", "y3"]


def test_a_part_stays_where_another_delta_was_made_upon_it() -> None:
    patches = [Patch((part("y0", "y"),)), Patch((event("stream", DELTA),)), Patch((part("y2", "y"),))]
    assert contents(merge(patches)) == ["y0", "stream", "y2"]


def test_a_part_needs_the_value_before_it_and_none_that_a_write_replaces() -> None:
    patches = [Patch((part("y0", "y"),)), Patch((event("write"),)), Patch((part("y2", "y"),))]
    assert contents(merge(patches)) == ["write", "y2"]


def test_parts_of_another_value_are_kept() -> None:
    other = Event(b"other", DELTA, "other", parts=frozenset("y"))
    assert contents(merge([Patch((other,)), Patch((part("y1", "y"),))])) == ["other", "y1"]
