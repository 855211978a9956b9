"""Log lines that are written by a thread of their own."""

from __future__ import annotations

import logging
import os
import threading
import weakref
from collections.abc import Iterator
from contextvars import ContextVar

import pytest

from embedsync.hub import Hub
from embedsync.logbook import Logbook
from embedsync.request import Request
from tests.support.memory import wait_until
from tests.support.no_threads import no_threads

logger = logging.getLogger("embedsync.test_logbook")


class Sink(logging.Handler):
    """A handler that can get stuck, and says by which threads it was called."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.threads: set[str] = set()
        self.takes = threading.Event()
        self.takes.set()
        self.entered = threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        self.entered.set()
        assert self.takes.wait(60)
        self.lines.append(record.getMessage())
        self.threads.add(threading.current_thread().name)


@pytest.fixture
def sink() -> Iterator[Sink]:
    sink = Sink()
    logger.addHandler(sink)
    logging.getLogger("embedsync.log").addHandler(sink)
    yield sink
    sink.takes.set()
    logger.removeHandler(sink)
    logging.getLogger("embedsync.log").removeHandler(sink)


@pytest.fixture
def dropped() -> list[int]:
    return []


@pytest.fixture
def book(dropped: list[int]) -> Iterator[Logbook]:
    book = Logbook(3, patience=0.01, on_dropped=lambda: dropped.append(1))
    book.open()
    yield book
    book.close()


@pytest.fixture
def patient() -> Iterator[Logbook]:
    book = Logbook(3, patience=60)
    book.open()
    yield book
    book.close()


def test_a_line_is_written_before_the_one_who_logs_goes_on_by_another_thread(
    sink: Sink, patient: Logbook
) -> None:
    logger.warning("the %s", "first")
    assert sink.lines == ["the first"]
    assert sink.threads == {"embedsync-log"}


def test_handlers_find_the_context_of_the_one_who_logs(sink: Sink, patient: Logbook) -> None:
    serving: ContextVar[str] = ContextVar("serving", default="nothing")
    found: list[str] = []
    sink.addFilter(lambda record: found.append(serving.get()) is None)
    token = serving.set("a request")
    logger.warning("line")
    serving.reset(token)
    assert found == ["a request"]


def test_lines_reach_the_handlers_of_the_root_at_their_levels(
    caplog: pytest.LogCaptureFixture, patient: Logbook
) -> None:
    logger.info("too low")
    logger.warning("high enough")
    assert caplog.messages == ["high enough"]


def test_while_the_log_is_stuck_nobody_waits_and_so_many_lines_are_kept(
    sink: Sink, book: Logbook, dropped: list[int]
) -> None:
    sink.takes.clear()
    for number in range(10):
        logger.warning("line %d", number)
    assert sink.lines == []
    assert len(dropped) == 7
    sink.takes.set()
    book.close()
    assert sink.lines == [
        "line 0", "line 1", "line 2", "the log was stuck: 7 lines were dropped ('log_lines')",
    ]  # fmt: skip


def test_a_log_that_takes_lines_again_is_waited_for_again(sink: Sink, patient: Logbook) -> None:
    patient._behind = True
    sink.takes.clear()
    logger.warning("nobody waits for this one")
    assert sink.entered.wait(60)
    sink.takes.set()
    while patient._behind:
        logger.warning("until it is no longer behind")
    count = len(sink.lines)
    logger.warning("waited for")
    assert sink.lines[count:] == ["waited for"]


def test_a_handler_that_raises_does_not_end_the_log(
    capsys: pytest.CaptureFixture[str], sink: Sink, patient: Logbook
) -> None:
    def broken(record: logging.LogRecord) -> bool:
        raise ValueError("the handler is broken")

    sink.addFilter(broken)
    logger.warning("lost")
    sink.removeFilter(broken)
    logger.warning("written")
    assert sink.lines == ["written"]
    assert "the handler is broken" in capsys.readouterr().err


def test_after_the_end_lines_are_written_at_once_by_whoever_logs(sink: Sink, book: Logbook) -> None:
    book.close()
    logger.warning("late")
    assert sink.lines == ["late"]
    assert sink.threads == {threading.current_thread().name}


def test_the_end_does_not_wait_for_a_log_that_is_stuck(
    sink: Sink, book: Logbook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("embedsync.logbook._LAST_LINES", 0.01)
    sink.takes.clear()
    logger.warning("stuck")
    book.close()
    assert sink.lines == []
    sink.takes.set()


def test_a_hub_has_a_log_of_its_own_from_its_first_socket_to_its_end(sink: Sink) -> None:
    hub = Hub("key")
    logger.warning("before")
    hub.connect(Request())
    logger.warning("meanwhile")
    hub.stop()
    logger.warning("afterwards")
    assert sink.lines == ["before", "meanwhile", "afterwards"]
    assert sink.threads == {"MainThread", "embedsync-log"}


def test_a_process_that_forks_goes_on_logging(sink: Sink, patient: Logbook) -> None:
    logger.warning("in the parent")
    reading, writing = os.pipe()
    if (child := os.fork()) == 0:
        logger.warning("in the child")
        os.write(writing, repr(sink.lines).encode())
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reading, 1000).decode() == "['in the parent', 'in the child']"
    os.close(reading)
    os.close(writing)


class Thing:
    """Something that a traceback holds."""


def test_what_a_traceback_holds_is_let_go_once_the_line_is_written(
    sink: Sink, patient: Logbook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logger, "propagate", False)  # The root's handlers of the tests keep every record.

    def fail() -> weakref.ref[Thing]:
        thing = Thing()
        try:
            raise ValueError(thing)
        except ValueError:
            logger.exception("it failed")
        return weakref.ref(thing)

    thing = fail()
    assert sink.lines == ["it failed"]
    wait_until(lambda: thing() is None)


def test_where_no_thread_can_be_started_who_logs_writes_until_one_can(sink: Sink, patient: Logbook) -> None:
    with no_threads():
        logger.warning("first")
    logger.warning("second")
    assert sink.lines == ["first", "second"]
    assert sink.threads == {threading.current_thread().name, "embedsync-log"}
