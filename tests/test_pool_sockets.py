"""Threads that run app code look after sockets as well; real threads and sockets, no sleeps."""

import queue
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from embedsync.pool import Pool
from embedsync.scheduler import Scheduler

WAIT = 20.0
LONG = 60.0
"""Seconds that no step takes here: none counts as stuck."""


class Wire:
    """A socket that a pool reads, and what it has heard: what, and on which thread."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._ours, self._theirs = socket.socketpair()
        self._heard: queue.Queue[tuple[bytes, int]] = queue.Queue()
        pool.watch(self._ours.fileno(), self._read)

    def _read(self) -> None:
        self._heard.put((self._ours.recv(100), threading.get_ident()))
        self.on_read()

    def on_read(self) -> None:
        """Nothing, unless a test has something to be done."""

    def say(self, what: bytes) -> int:
        """Say something; the thread that has heard it."""
        self._theirs.send(what)
        heard, thread = self._heard.get(timeout=WAIT)
        assert heard == what
        return thread

    def close(self) -> None:
        self._pool.forget(self._ours.fileno())
        self._ours.close()
        self._theirs.close()


class Step:
    """A step that goes on until it is let go."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.begun, self.let_go, self.over = threading.Event(), threading.Event(), threading.Event()
        self.thread = 0
        pool.submit(self._run)

    def _run(self) -> None:
        self.thread = threading.get_ident()
        self.begun.set()
        self.before()
        assert self.let_go.wait(WAIT)
        self.over.set()

    def before(self) -> None:
        """Nothing, unless a test has something to be done."""

    def end(self) -> None:
        self.let_go.set()
        assert self.over.wait(WAIT)


@pytest.fixture
def scheduler() -> Iterator[Scheduler]:
    made = Scheduler(time.monotonic)
    yield made
    made.stop()


def make(scheduler: Scheduler, workers: int = 4, limit: int = 8) -> Pool:
    return Pool(workers, limit, LONG, clock=time.monotonic, call_later=scheduler.call_later)


def test_a_socket_is_read_though_nothing_was_ever_run(scheduler: Scheduler) -> None:
    pool = make(scheduler)
    wire = Wire(pool)
    assert wire.say(b"one") == wire.say(b"two")
    assert pool.threads == 1
    wire.close()
    assert pool.stop(WAIT)


def test_who_has_read_something_runs_what_it_leads_to(scheduler: Scheduler) -> None:
    pool = make(scheduler)
    wire = Wire(pool)
    threads: queue.Queue[int] = queue.Queue()
    wire.on_read = lambda: pool.submit(lambda: threads.put(threading.get_ident()))  # type: ignore[method-assign]
    assert [wire.say(b"%d" % each) for each in range(20)] == [threads.get(timeout=WAIT) for _ in range(20)]
    wire.close()
    assert pool.stop(WAIT)


def test_sockets_are_read_while_a_step_takes_longer_than_expected(scheduler: Scheduler) -> None:
    pool = make(scheduler)
    wire = Wire(pool)
    step = Step(pool)
    assert step.begun.wait(WAIT)
    assert wire.say(b"meanwhile") != step.thread
    step.end()
    assert wire.say(b"afterwards")
    wire.close()
    assert pool.stop(WAIT)


def test_sockets_are_read_while_every_thread_that_there_may_be_runs_a_step(scheduler: Scheduler) -> None:
    pool = make(scheduler, workers=2, limit=2)
    wire = Wire(pool)
    steps = [Step(pool) for _ in range(3)]
    assert all(each.begun.wait(WAIT) for each in steps[:2])
    for each in range(10):
        assert wire.say(b"%d" % each) not in [step.thread for step in steps[:2]]
    assert not steps[2].begun.is_set(), "who only reads runs nothing"
    assert pool.threads == 3
    steps[0].end()
    assert steps[2].begun.wait(WAIT)
    for step in steps:
        step.end()
    wire.close()
    assert pool.stop(WAIT)


def test_errands_of_a_brief_step_are_run_on_its_thread(scheduler: Scheduler) -> None:
    pool = make(scheduler)
    wire = Wire(pool)
    errands: queue.Queue[tuple[int, int]] = queue.Queue()

    def step() -> None:
        me = threading.get_ident()
        pool.leave_errand(lambda: errands.put((me, threading.get_ident())))

    wire.on_read = lambda: pool.submit(step)  # type: ignore[method-assign]
    same = 0
    for each in range(50):
        wire.say(b"%d" % each)
        left_by, run_by = errands.get(timeout=WAIT)
        same += left_by == run_by
    assert same > 25, "a machine may be busy, but not each time"
    wire.close()
    assert pool.stop(WAIT)


@pytest.mark.parametrize("expected", [True, False])
def test_errands_of_a_step_that_is_held_up_are_run_by_others(scheduler: Scheduler, expected: bool) -> None:
    pool = make(scheduler)
    wire = Wire(pool)
    done = threading.Event()

    class HeldUp(Step):
        def before(self) -> None:
            self.pool.leave_errand(done.set)
            if expected:
                self.pool.expect_long()

    step = HeldUp(pool)
    assert done.wait(WAIT)
    assert not step.over.is_set()
    step.end()
    wire.close()
    assert pool.stop(WAIT)


def test_errands_from_elsewhere_are_run_at_once(scheduler: Scheduler) -> None:
    pool = make(scheduler)
    wire = Wire(pool)
    for _ in range(20):
        done = threading.Event()
        pool.leave_errand(done.set)
        assert done.wait(WAIT)
    step = Step(pool)
    assert step.begun.wait(WAIT)
    done = threading.Event()
    pool.leave_errand(done.set)
    assert done.wait(WAIT)
    step.end()
    wire.close()
    assert pool.stop(WAIT)


def test_where_most_steps_take_long_one_thread_reads_and_others_run(scheduler: Scheduler) -> None:
    pool = make(scheduler)
    wire = Wire(pool)
    threads: queue.Queue[int] = queue.Queue()
    blocked = threading.Event()

    def step() -> None:
        threads.put(threading.get_ident())
        blocked.wait(0.005)  # This is no wait for a state: the step is to take long.

    wire.on_read = lambda: pool.submit(step)  # type: ignore[method-assign]
    pairs = []
    for each in range(60):
        read_by = wire.say(b"%d" % each)
        pairs.append((read_by, threads.get(timeout=WAIT)))
    readers, runners = {read for read, _ in pairs[-20:]}, {run for _, run in pairs[-20:]}
    assert len(readers) == 1
    assert not readers & runners
    wire.close()
    assert pool.stop(WAIT)


def test_a_pool_stops_though_a_thread_waits_for_sockets(scheduler: Scheduler) -> None:
    pool = make(scheduler)
    wire = Wire(pool)
    wire.say(b"hello")
    assert pool.can_watch
    assert pool.stop(WAIT)
    assert not pool.can_watch
    wire.close()


def test_a_thread_that_is_lost_takes_no_socket_along(scheduler: Scheduler) -> None:
    pool = Pool(1, 1, LONG, clock=time.monotonic, call_later=scheduler.call_later, lost_limit=1)
    wire = Wire(pool)
    step = Step(pool)
    assert step.begun.wait(WAIT)
    pool.lose(step.thread)
    wire.say(b"meanwhile")
    following = Step(pool)
    assert following.begun.wait(WAIT)
    wire.say(b"still")
    for each in (step, following):
        each.end()
    wire.close()
    assert pool.stop(WAIT)


def test_who_has_looked_after_sockets_runs_steps_when_there_are_none_any_more(scheduler: Scheduler) -> None:
    pool = make(scheduler, workers=1, limit=1)
    wire = Wire(pool)
    wire.say(b"hello")
    over = threading.Semaphore(0)
    blocked = threading.Event()

    def step() -> None:
        blocked.wait(0.005)  # This is no wait for a state: the step is to take long.
        over.release()

    for _ in range(10):  # Most steps take long: one thread only reads.
        pool.submit(step)
        assert over.acquire(timeout=WAIT)
    wire.close()
    for _ in range(3):
        pool.submit(step)
        assert over.acquire(timeout=WAIT)
    assert pool.stop(WAIT)


def test_errands_of_the_last_socket_are_run_though_there_is_none_any_more(scheduler: Scheduler) -> None:
    pool = make(scheduler)
    wire = Wire(pool)
    wire.on_read = wire.close  # type: ignore[method-assign]
    wire.say(b"goodbye")
    for _ in range(3):
        done = threading.Event()
        pool.leave_errand(done.set)
        assert done.wait(WAIT)
    assert pool.stop(WAIT)


def test_errands_that_are_left_just_before_a_pool_stops_are_run(scheduler: Scheduler) -> None:
    for _ in range(50):
        pool = make(scheduler)
        wire = Wire(pool)
        done = threading.Event()
        pool.leave_errand(done.set)
        assert pool.stop(WAIT)
        assert done.is_set()
        wire.close()


def test_who_looks_after_sockets_runs_steps_where_no_other_thread_can_be_started(
    scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = make(scheduler)
    wire = Wire(pool)
    wire.say(b"hello")
    start = threading.Thread.start

    def start_no_worker(thread: threading.Thread) -> None:
        if thread.name == "embedsync-worker":
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_no_worker)
    over = threading.Semaphore(0)
    blocked = threading.Event()

    def step() -> None:
        blocked.wait(0.005)  # This is no wait for a state: the step is to take long.
        over.release()

    for _ in range(20):  # Most steps take long: otherwise another thread would read.
        pool.submit(step)
        assert over.acquire(timeout=WAIT)
    wire.say(b"still")
    assert pool.threads == 1
    wire.close()
    assert pool.stop(WAIT)


def test_nobody_is_warned_while_not_all_threads_that_there_may_be_run_app_code(
    scheduler: Scheduler, caplog: pytest.LogCaptureFixture
) -> None:
    pool = make(scheduler, workers=2, limit=3)
    wire = Wire(pool)
    steps = [Step(pool) for _ in range(3)]
    assert all(each.begun.wait(WAIT) for each in steps[:2])
    for each in range(10):
        wire.say(b"%d" % each)
    looks_again = threading.Event()
    pool.submit(lambda: None)
    scheduler.call_later(0.05, looks_again.set)
    assert looks_again.wait(WAIT)
    assert caplog.messages == []
    for step in steps:
        step.end()
    wire.close()
    assert pool.stop(WAIT)


def test_steps_have_as_much_time_as_reading_where_there_is_always_something_to_read(
    scheduler: Scheduler,
) -> None:
    now = 0.0
    pool = Pool(1, 1, LONG, clock=lambda: now, call_later=scheduler.call_later)
    ours, theirs = socket.socketpair()
    theirs.send(b"never taken")
    reads: list[int] = []
    done: list[int] = []
    over = threading.Event()

    def read() -> None:
        nonlocal now
        now += 0.1
        reads.append(len(done))

    def step() -> None:
        nonlocal now
        now += 0.0015
        done.append(len(reads))
        if len(done) == 201:
            over.set()

    first = Step(pool)
    assert first.begun.wait(WAIT)
    pool.submit(lambda: pool.watch(ours.fileno(), read))
    for _ in range(201):
        pool.submit(step)
    first.end()
    assert over.wait(WAIT)
    assert 0 < done[-1] < 10, "sockets are read, though steps wait, but not after each"
    pool.forget(ours.fileno())
    assert pool.stop(WAIT)
    for each in (ours, theirs):
        each.close()
