"""Sockets that threads look after: real ones, and nobody sleeps."""

import contextlib
import logging
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterator

import pytest

from embedsync.lookout import Lookout

WAIT = 20.0


@pytest.fixture
def lookout() -> Iterator[Lookout]:
    made = Lookout()
    yield made
    made.close()


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    one, other = socket.socketpair()
    with one, other:
        yield one, other


def test_what_comes_is_read_until_the_socket_is_forgotten(
    lookout: Lookout, ends: tuple[socket.socket, socket.socket]
) -> None:
    ours, theirs = ends
    heard: list[bytes] = []
    assert not lookout.is_needed
    lookout.watch(ours.fileno(), lambda: heard.append(ours.recv(100)))
    assert lookout.is_needed
    lookout.look(wait=False)
    assert heard == []
    theirs.send(b"one")
    lookout.look(wait=True)
    assert heard == [b"one"]
    lookout.forget(ours.fileno())
    lookout.forget(ours.fileno())
    theirs.send(b"two")
    lookout.look(wait=False)
    assert heard == [b"one"]
    assert not lookout.is_needed


def test_who_waits_there_comes_back_when_the_bell_rings(
    lookout: Lookout, ends: tuple[socket.socket, socket.socket]
) -> None:
    lookout.watch(ends[0].fileno(), lambda: None)
    back = threading.Event()

    def look() -> None:
        lookout.look(wait=True)
        back.set()

    for _ in range(3):  # Each time anew.
        back.clear()
        threading.Thread(target=look, daemon=True).start()
        lookout.ring()
        lookout.ring()
        assert back.wait(WAIT)


def test_errands_are_run_before_and_after_sockets_are_read(
    lookout: Lookout, ends: tuple[socket.socket, socket.socket]
) -> None:
    ours, theirs = ends
    done: list[str] = []

    def read() -> None:
        done.append(ours.recv(100).decode())
        assert lookout.leave_errand(lambda: done.append("after"))
        assert not lookout.leave_errand(lambda: done.append("and that"))

    lookout.watch(ours.fileno(), read)
    lookout.leave_errand(lambda: done.append("before"))
    theirs.send(b"read")
    lookout.look(wait=True)
    assert done == ["before", "read", "after", "and that"]
    assert not lookout.has_errands


def test_a_socket_that_cannot_be_read_or_served_keeps_nothing_from_the_others(
    lookout: Lookout, caplog: pytest.LogCaptureFixture
) -> None:
    done: list[str] = []

    def fail() -> None:
        raise RuntimeError("it fails")

    pairs = [socket.socketpair() for _ in range(2)]
    for number, (ours, theirs) in enumerate(pairs):
        theirs.send(b"x")
        lookout.watch(ours.fileno(), fail if number == 0 else lambda: done.append("read"))
    lookout.leave_errand(fail)
    lookout.leave_errand(lambda: done.append("run"))
    with caplog.at_level(logging.ERROR):
        lookout.look(wait=True)
    assert done == ["run", "read"]
    assert [each.getMessage() for each in caplog.records] == [
        "a socket could not be served",
        "a socket could not be read",
    ]
    for ours, theirs in pairs:
        lookout.forget(ours.fileno())
        ours.close()
        theirs.close()


def test_it_can_be_used_again_after_it_was_closed(
    lookout: Lookout, ends: tuple[socket.socket, socket.socket]
) -> None:
    ours, theirs = ends
    lookout.watch(ours.fileno(), lambda: None)
    lookout.close()
    assert not lookout.is_needed
    lookout.look(wait=True)  # There is nothing to wait for.
    heard: list[bytes] = []
    lookout.watch(ours.fileno(), lambda: heard.append(ours.recv(100)))
    theirs.send(b"again")
    lookout.look(wait=True)
    assert heard == [b"again"]


def test_of_errands_that_are_left_at_once_one_is_the_first(lookout: Lookout) -> None:
    both = threading.Barrier(2)

    class Meeting(deque[Callable[[], None]]):
        def append(self, errand: Callable[[], None]) -> None:
            super().append(errand)
            with contextlib.suppress(threading.BrokenBarrierError):
                both.wait(0.2)  # For the other one to be left before it is looked who was first.

    lookout._errands = Meeting()
    first: list[bool] = []
    threads = [
        threading.Thread(target=lambda: first.append(lookout.leave_errand(lambda: None))) for _ in range(2)
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(first) == [False, True]
