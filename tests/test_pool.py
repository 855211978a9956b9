"""Threads that run app code; real threads, events instead of sleeps."""

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from embedsync.contention import Contention
from embedsync.pool import Pool
from embedsync.scheduler import Scheduler, Timer

WAIT = 20.0


@pytest.fixture
def scheduler() -> Iterator[Scheduler]:
    made = Scheduler(time.monotonic)
    yield made
    made.stop()


def make(scheduler: Scheduler, workers: int = 2, limit: int = 8, long_turn: float = 0.05) -> Pool:
    return Pool(workers, limit, long_turn, clock=time.monotonic, call_later=scheduler.call_later)


class Given(Contention):
    """As the test says."""

    is_high = False

    @property
    def allows_more(self) -> bool:
        return not self.is_high


class Watched:
    """A pool whose clock stands, and whose looks at what waits the test makes."""

    def __init__(self, workers: int = 4, *, limit: int = 8, contention: Contention | None = None) -> None:
        self.now = 100.0
        self._looks: list[Callable[[], None]] = []
        self._contention = Given()
        self.pool = Pool(
            workers,
            limit,
            60.0,
            clock=lambda: self.now,
            call_later=self._call_later,
            contention=contention or self._contention,
        )

    def _call_later(self, seconds: float, call: Callable[[], None]) -> Timer:
        self._looks.append(call)
        return Timer(self.now + seconds, call)

    def pass_by(self, seconds: float, *, contended: bool) -> None:
        """Let time pass, and make the looks that were to be made; threads wait for each other, or do not."""
        self._contention.is_high = contended
        self.look(seconds)

    def look(self, seconds: float) -> None:
        """Let time pass, and make the looks that were to be made."""
        self.now += seconds
        looks, self._looks = self._looks, []
        for each in looks:
            each()

    def wait_until_one_idles(self) -> None:
        deadline = time.monotonic() + WAIT
        while not self.pool._idle and time.monotonic() < deadline:
            time.sleep(0.001)
        assert self.pool._idle


class Step:
    """A step that goes on until it is let go."""

    def __init__(self, pool: Pool) -> None:
        self.thread = 0
        self._begun, self._let_go = threading.Event(), threading.Event()
        pool.submit(self._run)

    def _run(self) -> None:
        self.thread = threading.get_ident()
        self._begun.set()
        assert self._let_go.wait(WAIT)

    @property
    def has_begun(self) -> bool:
        return self._begun.is_set()

    def wait(self) -> None:
        assert self._begun.wait(WAIT)

    def end(self) -> None:
        self._let_go.set()


def test_brief_steps_follow_each_other_on_one_thread_where_threads_wait_for_each_other() -> None:
    watched = Watched()
    first = Step(watched.pool)
    first.wait()
    second, third = Step(watched.pool), Step(watched.pool)
    watched.pass_by(0.001, contended=True)
    assert watched.pool.threads == 1
    for step, following in ((first, second), (second, third)):
        step.end()
        following.wait()
    third.end()
    assert watched.pool.stop(WAIT)
    assert first.thread == second.thread == third.thread


def test_a_step_that_is_not_brief_is_joined_by_another_thread() -> None:
    watched = Watched()
    first = Step(watched.pool)
    first.wait()
    second = Step(watched.pool)
    watched.pass_by(0.003, contended=True)
    second.wait()
    watched.now += 0.003
    third = Step(watched.pool)
    third.wait()  # At once, without a look: both that run are held up.
    for each in (first, second, third):
        each.end()
    assert watched.pool.stop(WAIT)
    assert len({first.thread, second.thread, third.thread}) == 3


def test_where_threads_do_not_wait_for_each_other_brief_steps_go_on_side_by_side() -> None:
    watched = Watched(workers=3)
    steps = [Step(watched.pool)]
    steps[0].wait()
    steps += [Step(watched.pool) for _ in range(3)]
    for step in steps[1:3]:
        watched.pass_by(0.0005, contended=False)
        step.wait()
    watched.pass_by(0.0005, contended=False)
    assert not steps[3].has_begun, "as many as there are workers"
    for each in steps:
        each.end()
    assert watched.pool.stop(WAIT)


def second_of_two(watched: Watched) -> Step:
    """A step that has waited for another one, and runs in its place."""
    first = Step(watched.pool)
    first.wait()
    second = Step(watched.pool)
    watched.look(0.0005)
    first.end()
    second.wait()
    return second


def test_a_thread_that_always_has_something_to_do_is_joined_though_for_a_moment_nothing_waits() -> None:
    watched = Watched(contention=Contention(processor_time=lambda: 0.0))
    second = second_of_two(watched)
    third = Step(watched.pool)
    watched.look(0.0005)
    assert watched.pool.threads == 2
    third.wait()
    second.end()
    third.end()
    assert watched.pool.stop(WAIT)


def test_a_time_in_which_threads_had_nothing_to_do_says_nothing_about_them() -> None:
    watched = Watched(contention=Contention(processor_time=lambda: 0.0))
    second = second_of_two(watched)
    second.end()
    watched.wait_until_one_idles()
    third = Step(watched.pool)
    third.wait()
    fourth = Step(watched.pool)
    watched.look(0.0005)
    assert watched.pool.threads == 1
    watched.look(0.0005)
    fourth.wait()
    third.end()
    fourth.end()
    assert watched.pool.stop(WAIT)


def test_threads_that_compute_side_by_side_become_one() -> None:
    watched = Watched()
    first = Step(watched.pool)
    first.wait()
    second, third, fourth = (Step(watched.pool) for _ in range(3))
    watched.pass_by(0.0005, contended=False)
    second.wait()
    watched.pass_by(0.0005, contended=True)
    first.end()
    watched.wait_until_one_idles()
    assert not third.has_begun, "it is left to the second thread"
    second.end()
    third.wait()
    third.end()
    fourth.wait()
    fourth.end()
    assert watched.pool.stop(WAIT)
    assert second.thread == third.thread == fourth.thread


def test_who_is_left_to_take_a_step_and_is_held_up_is_joined_again() -> None:
    watched = Watched()
    first = Step(watched.pool)
    first.wait()
    second, third = Step(watched.pool), Step(watched.pool)
    watched.pass_by(0.0005, contended=False)
    second.wait()
    watched.pass_by(0.0005, contended=True)
    first.end()
    watched.wait_until_one_idles()
    watched.pass_by(0.003, contended=True)
    third.wait()
    second.end()
    third.end()
    assert watched.pool.stop(WAIT)


def test_whoever_comes_late_most_of_the_time_waits_for_others() -> None:
    contention = Contention()
    assert not contention.is_high
    for _ in range(10):
        contention.note_wake(0.002)
    assert contention.is_high
    contention.note_wake(0.0001)
    assert contention.is_high, "once is not most of the time"
    for _ in range(10):
        contention.note_wake(-0.0001)
    assert not contention.is_high


class Threads:
    """Threads that come in time, and take a given part of a processor while something waits."""

    def __init__(self) -> None:
        self._now = self._taken = 0.0
        self.contention = Contention(lambda: self._taken)

    def work(self, part: float, abreast: int, looks: int = 1) -> None:
        for _ in range(looks):
            self._now += 0.002
            self._taken += part * 0.002
            self.contention.note_wake(0.0)
            self.contention.note_wait(self._now, abreast)


def test_threads_that_take_one_processor_together_wait_for_each_other_though_they_come_in_time() -> None:
    threads = Threads()
    threads.work(1.0, abreast=2, looks=2)
    assert not threads.contention.is_high, "one that was just added has not begun at once"
    threads.work(1.0, abreast=2)
    assert threads.contention.is_high
    assert not threads.contention.allows_more


@pytest.mark.parametrize(
    ("part", "abreast"),
    [
        pytest.param(0.1, 1, id="one-waits-for-something-else"),
        pytest.param(0.5, 4, id="several-wait-for-something-else"),
        pytest.param(1.9, 2, id="they-do-without-the-interpreter"),
    ],
)
def test_another_thread_may_join_those_that_do_not_wait_for_each_other(part: float, abreast: int) -> None:
    threads = Threads()
    threads.work(part, abreast, looks=5)
    assert not threads.contention.is_high
    assert threads.contention.allows_more


def test_that_one_thread_is_enough_is_believed_for_a_while_and_then_tried_again() -> None:
    threads = Threads()
    threads.work(1.0, abreast=2, looks=3)
    threads.work(1.0, abreast=1)
    assert not threads.contention.is_high, "there is only one"
    assert not threads.contention.allows_more
    threads.work(1.0, abreast=1, looks=20)
    assert threads.contention.allows_more


def test_a_thread_that_begins_to_wait_for_something_else_is_joined_at_once() -> None:
    threads = Threads()
    threads.work(1.0, abreast=2, looks=3)
    threads.work(0.1, abreast=1)
    assert threads.contention.allows_more


def test_what_threads_took_while_nothing_waited_says_nothing() -> None:
    threads = Threads()
    threads.work(1.0, abreast=2, looks=2)
    threads.contention.call_off()
    threads.work(1.0, abreast=2)
    assert not threads.contention.is_high
    assert not threads.contention.allows_more
    threads.work(0.1, abreast=2)
    assert threads.contention.allows_more


def test_that_threads_wait_for_each_other_is_not_said_any_more_once_one_has_nothing_to_do() -> None:
    threads = Threads()
    threads.work(1.0, abreast=2, looks=3)
    assert threads.contention.is_high
    threads.contention.call_off()
    assert not threads.contention.is_high


def test_a_thread_whose_step_was_not_brief_takes_the_next_one_though_another_is_at_work() -> None:
    watched = Watched()
    long = Step(watched.pool)
    long.wait()
    watched.now += 1.0
    other = Step(watched.pool)  # For which another thread starts: it has begun a moment ago.
    other.wait()
    waiting = Step(watched.pool)
    assert not waiting.has_begun
    long.end()
    waiting.wait()
    assert waiting.thread == long.thread
    for each in (other, waiting):
        each.end()
    assert watched.pool.stop(WAIT)


def test_nothing_starts_before_the_first_step(scheduler: Scheduler) -> None:
    assert make(scheduler).threads == 0


def test_as_many_hanging_steps_as_workers_do_not_starve_the_rest(scheduler: Scheduler) -> None:
    pool, release, done = make(scheduler), threading.Event(), threading.Event()
    for _ in range(4):
        pool.submit(lambda: release.wait(WAIT) and None)
    pool.submit(done.set)
    assert done.wait(WAIT)
    release.set()
    assert pool.stop(WAIT)


def test_steps_submitted_together_run_side_by_side(scheduler: Scheduler) -> None:
    pool, both = make(scheduler, long_turn=WAIT), threading.Barrier(2)
    done = [threading.Event(), threading.Event()]

    def meet(own: threading.Event) -> None:
        both.wait(WAIT)
        own.set()

    first = threading.Event()
    pool.submit(first.set)
    assert first.wait(WAIT)
    for each in done:
        pool.submit(lambda own=each: meet(own))  # type: ignore[misc]
    assert all(each.wait(WAIT) for each in done)
    assert pool.stop(WAIT)


def test_threads_are_bounded(scheduler: Scheduler) -> None:
    pool, release = make(scheduler, workers=1, limit=3, long_turn=0.01), threading.Event()
    started = threading.Semaphore(0)

    def hang() -> None:
        started.release()
        release.wait(WAIT)

    for _ in range(6):
        pool.submit(hang)
    for _ in range(3):
        assert started.acquire(timeout=WAIT)
    assert pool.threads == 3
    assert not started.acquire(timeout=0.2), "no fourth"
    release.set()
    for _ in range(3):
        assert started.acquire(timeout=WAIT)
    assert pool.stop(WAIT)


def test_that_all_threads_are_taken_is_said_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    watched = Watched(workers=1, limit=1)
    running = Step(watched.pool)
    for minute in (1, 2):
        for _ in range(3):
            running.wait()
            watched.now += 0.003
            waiting = Step(watched.pool)
            running.end()
            running = waiting
        assert [record.levelname for record in caplog.records] == ["WARNING"] * minute
        assert "all 1 threads run app code and turns are waiting; raise 'workers_limit'" in caplog.text
        watched.now += 60.0
    running.end()
    assert watched.pool.stop(WAIT)


def test_threads_beyond_the_workers_end_when_they_are_not_needed(scheduler: Scheduler) -> None:
    pool, release = make(scheduler, workers=1, limit=5, long_turn=0.01), threading.Event()
    done = [threading.Event() for _ in range(4)]

    def hang(own: threading.Event) -> None:
        release.wait(WAIT)
        own.set()

    for each in done:
        pool.submit(lambda own=each: hang(own))  # type: ignore[misc]
    deadline = time.monotonic() + WAIT
    while pool.threads < 4 and time.monotonic() < deadline:
        time.sleep(0.01)
    release.set()
    assert all(each.wait(WAIT) for each in done)
    while pool.threads > 1 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert pool.threads == 1
    assert pool.stop(WAIT)


def test_a_step_that_fails_does_not_take_its_thread_along(
    scheduler: Scheduler, caplog: pytest.LogCaptureFixture
) -> None:
    pool, done = make(scheduler), threading.Event()

    def fail() -> None:
        raise ValueError("of the test")

    pool.submit(fail)
    pool.submit(done.set)
    assert done.wait(WAIT)
    assert pool.stop(WAIT)
    assert "a step failed" in caplog.text


def test_a_step_for_which_no_thread_can_be_started_does_not_wait_for_ever(
    scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    pool, done = make(scheduler), threading.Event()
    start, failed = threading.Thread.start, threading.Event()

    def fail_once(thread: threading.Thread) -> None:
        if thread.name == "embedsync-worker" and not failed.is_set():
            failed.set()
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", fail_once)
    pool.submit(done.set)
    assert done.wait(WAIT)
    assert failed.is_set()
    assert "no thread can be started" in caplog.text
    assert pool.stop(WAIT)
