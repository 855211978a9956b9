"""The threads that run application code: a few, and more while some are stuck. They read sockets as well."""

from __future__ import annotations

import contextvars
import logging
import threading
from collections import deque
from collections.abc import Callable

from embedsync.attendance import Attendance
from embedsync.contention import Contention
from embedsync.lately import Lately
from embedsync.lookout import Lookout
from embedsync.scheduler import Timer

__all__ = ["Pool"]

logger = logging.getLogger("embedsync.pool")

_BRIEF = 0.002
"""Seconds after which a step is not expected to be done soon any more."""
_SHORT = 0.001
"""Seconds for which a step may go on to the next thing of the same kind."""
_LONGEST_INTERVAL = 0.016
"""Seconds between looks at steps that wait, while all goes well."""
_WEIGHT = 0.1
"""Of the last step among those that have been."""
_QUIET = 8
"""Looks without any step, after which nobody looks again before the next one: to begin wakes a thread."""
_SILENCE = 60.0
"""Seconds for which the log does not say again that steps wait."""


class Pool:
    """A bounded pool of threads in which a long step does not count.

    A step that runs longer than ``long_turn`` seconds no longer takes one of the ``workers``
    places: another thread may start for what waits, up to ``limit`` threads in all. So as many
    hanging callbacks as there are workers do not starve the rest.

    Threads that compute side by side take the interpreter from each other, and what processors have in
    their caches. So one thread takes one step after the other while these are brief, and another one
    joins in when a step is not. More of them go on side by side where they do not wait for each other,
    because steps wait for something else, such as a database, or compute without the interpreter.

    A thread that finds nothing to run looks after the sockets of :attr:`lookout`, if there are any, and
    others do when it has found something that takes long. One more thread than ``limit`` may be there for
    that, and runs nothing.

    Args:
        workers: threads that may run steps side by side.
        limit: threads at the most.
        long_turn: seconds.
        lost_limit: threads that may be lost beyond the limit.
        clock: seconds that never go back.
        call_later: the scheduler, which looks after stuck threads.
        contention: knows whether threads wait for each other.

    Attributes:
        lookout: sockets that the threads look after.
    """

    def __init__(
        self,
        workers: int,
        limit: int,
        long_turn: float,
        *,
        clock: Callable[[], float],
        call_later: Callable[[float, Callable[[], None]], Timer],
        lost_limit: int = 0,
        contention: Contention | None = None,
    ) -> None:
        self._lost_limit = lost_limit
        self._workers = workers
        self._limit = limit
        self._long_turn = long_turn
        self._clock = clock
        self._call_later = call_later
        self._lock = threading.Lock()
        self._ended = threading.Condition(self._lock)
        self._waiting: deque[Callable[[], None]] = deque()
        self._threads = 0
        self._idle: list[threading.Lock] = []
        self._running: dict[int, float] = {}
        self._lost: set[int] = set()
        self._coming = 0  # Threads that were woken or started, and are not there yet.
        self._abreast = 1  # How many threads take steps side by side while these are brief.
        self._relief: Timer | None = None
        self._inspection: Timer | None = None
        self._inspection_interval = _BRIEF
        self._inspection_due = 0.0
        self.lookout = Lookout()
        self._attendance = Attendance(clock)
        self._steps = self._steps_seen = self._quiet = 0
        self._long = Lately(_WEIGHT)
        self._contention = contention if contention is not None else Contention()
        self._worked = clock()
        self._stopped = False
        self._silent_until = self._worked

    def submit(self, step: Callable[[], None], *, at_end: bool = False) -> None:
        """Run ``step`` on one of the threads, after those submitted before.

        Args:
            step: what is to be run.
            at_end: the step that says so is over with this, so that its thread may take what waits.
        """
        with self._lock:
            if self._stopped:
                return
            is_first = not self._waiting
            self._waiting.append(step)
            reads = self._attendance.waits and not self._apart and self._attendance.is_mine
            if reads and is_first:
                self._contention.call_off()
                return  # What a thread has just read leads to a step that it takes itself.
            at_work = self._at_work() + at_end + reads
            if at_work < self._abreast:
                if is_first:
                    self._contention.call_off()  # Some thread had nothing to do.
                self._put_to_work()
            if at_work:
                self._inspect_later()

    def may_go_on(self) -> bool:
        """Whether the step on the calling thread has begun a moment ago, and may do what else is to be done.

        What it has worked with is in the caches of the processor.
        """
        begun = self._running.get(threading.get_ident())
        return begun is not None and self._clock() - begun < _SHORT

    @property
    def can_watch(self) -> bool:
        """Whether the threads can look after sockets."""
        return self.lookout.available and not self._stopped

    def watch(self, file: int, read: Callable[[], None]) -> None:
        """Have a socket read by the threads from now on; see :meth:`~embedsync.lookout.Lookout.watch`.

        Raises:
            OSError: the process has no more files.
        """
        self.lookout.watch(file, read)
        with self._lock:
            if self._is_unattended and not self._stopped:
                if self._at_work() < self._abreast:
                    self._put_to_work()
                self._inspect_later()

    def forget(self, file: int) -> None:
        """See :meth:`~embedsync.lookout.Lookout.forget`."""
        self.lookout.forget(file)

    def leave_errand(self, errand: Callable[[], None]) -> None:
        """Have something done for a socket soon: on the calling thread, if its step is over soon.

        Args:
            errand: must not wait for anything.
        """
        if not self.lookout.leave_errand(errand):
            return
        if self._attendance.is_mine:
            return
        begun = self._running.get(threading.get_ident())
        is_soon = not self._apart and begun is not None and begun > self._clock() - _BRIEF
        if is_soon and self._inspection is not None:
            return
        with self._lock:
            if is_soon:
                self._inspect_later()  # It may be held up.
            else:
                self._have_errands_run()

    def expect_long(self) -> None:
        """The step on the calling thread is about to do what may take long: others may go on."""
        if not self._apart:
            self.lookout.run_errands()
        with self._lock:
            me = threading.get_ident()
            begun = self._running.get(me)
            if begun is None or self._stopped:
                return
            self._running[me] = min(begun, self._clock() - _BRIEF)
            if (self._waiting or self._is_unattended) and self._at_work() < self._abreast:
                self._put_to_work()

    def idles_since(self) -> float:
        """Since when nothing runs and nothing waits, by the clock; the present if something does."""
        with self._lock:
            return self._clock() if self._running or self._waiting else self._worked

    @property
    def threads(self) -> int:
        """How many threads there are."""
        return self._threads

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits and nothing runs, but for what is stuck."""
        with self._lock:
            since = self._clock() - self._long_turn
            return not self._waiting and all(started <= since for started in self._running.values())

    def lose(self, thread: int) -> None:
        """The code that a thread runs will not come back: count the thread no more.

        If it does come back, the thread ends.
        """
        with self._lock:
            if thread not in self._running or thread in self._lost:
                return
            if len(self._lost) >= self._lost_limit:
                logger.critical(
                    "more than %d threads are lost to code that never comes back ('lost_threads'): "
                    "restart this process",
                    self._lost_limit,
                )
                return
            self._lost.add(thread)
            self._running.pop(thread)
            self._threads -= 1
            if self._waiting or self._is_unattended:
                self._start_or_watch()
            self._ended.notify_all()

    @property
    def lost(self) -> int:
        """How many threads are lost."""
        return len(self._lost)

    def stop(self, timeout: float) -> bool:
        """Take no more steps and wait for those that run. Says whether all have ended in time."""
        with self._lock:
            self._stopped = True
            self._waiting.clear()
            while self._woke_one():
                pass
            self.lookout.ring()
            have_ended = self._ended.wait_for(lambda: self._threads == 0, timeout)
        self.lookout.run_errands()  # What was left just before, such as a goodbye, finds no thread any more.
        if have_ended:
            self.lookout.close()
        return have_ended

    def _inspect(self) -> None:
        """See how many threads are to go on side by side, and whether another one is to take what waits."""
        with self._lock:
            self._inspection = None
            if self._stopped:
                return
            now = self._clock()
            self._contention.note_wake(now - self._inspection_due)
            if self._waiting:
                self._contention.note_wait(now, self._abreast)
            is_busy = self._contention.is_high
            if is_busy:
                self._abreast = max(self._abreast - max(self._abreast // 4, 1), 1)
            elif self._waiting and self._contention.allows_more:
                self._abreast = min(self._abreast + 1, self._workers)
            waits = bool(self._waiting) or self._is_unattended
            is_held_up = waits and self._at_work() < self._abreast
            longer = is_busy and not is_held_up
            self._inspection_interval = (
                min(2 * self._inspection_interval, _LONGEST_INTERVAL) if longer else _BRIEF
            )
            self._quiet = self._quiet + 1 if self._steps == self._steps_seen else 0
            self._steps_seen = self._steps
            if is_held_up:
                self._put_to_work()
            if self.lookout.has_errands:
                self._have_errands_run()
            if waits or (self.lookout.is_needed and self._quiet < _QUIET):
                self._inspect_later()

    # Below, the lock is held.

    def _at_work(self) -> int:
        """How many threads are about to take the next step."""
        if not self._running and not self._attendance.reads:
            return self._coming
        since = self._clock() - _BRIEF
        at_work = sum(started > since for started in self._running.values())
        return self._coming + at_work + self._attendance.reads_since(since)

    def _inspect_later(self) -> None:
        if self._inspection is None:
            self._inspection_due = self._clock() + self._inspection_interval
            self._inspection = self._call_later(self._inspection_interval, self._inspect)

    def _put_to_work(self) -> None:
        if not (self._may_run or self._is_unattended):
            self._start_or_watch()
        elif self._attendance.waits and not self._apart and not self._attendance.is_mine:
            self._attendance.call_away()
            self._coming += 1
            self.lookout.ring()
        elif not self._woke_one():
            self._start_or_watch()

    def _woke_one(self) -> bool:
        """Wake the thread that has been idle for the shortest time: its memory is in the caches still."""
        if not self._idle:
            return False
        self._idle.pop().release()
        self._coming += 1
        return True

    def _start_or_watch(self) -> None:
        if self._threads < self._most():
            try:
                threading.Thread(target=self._work, name="embedsync-worker", daemon=True).start()
            except RuntimeError:
                # Whoever submits can do nothing about it, and what waits is not to wait for ever.
                if self._may_warn():
                    logger.exception("no thread can be started for app code; it is tried again")
                self._long = Lately(
                    _WEIGHT
                )  # Who reads sockets runs steps meanwhile, though these may take long.
                self._watch()
                return
            self._threads += 1
            self._coming += 1
        elif len(self._running) < self._limit:
            self._watch()
        elif self._may_warn():
            logger.warning(
                "all %d threads run app code and turns are waiting; raise 'workers_limit', "
                "or look for callbacks that never return",
                self._limit,
            )

    def _may_warn(self) -> bool:
        """Whether the log is to say that steps wait: once for all that do so for a while."""
        now = self._clock()
        if now < self._silent_until:
            return False
        self._silent_until = now + _SILENCE
        return True

    def _watch(self) -> None:
        """Look again after a while: threads that run now may be stuck then."""
        if self._relief is None and len(self._running) < self._limit:
            self._relief = self._call_later(self._long_turn, self._relieve)

    def _allowed(self) -> int:
        """How many threads there may be, those in long steps not counting."""
        since = self._clock() - self._long_turn
        stuck = sum(started <= since for started in self._running.values())
        return min(self._workers + stuck, self._limit)

    def _most(self) -> int:
        """How many threads there may be with the one that only reads sockets, where that is needed."""
        return self._allowed() + self.lookout.is_needed

    def _relieve(self) -> None:
        """Some time has passed with steps waiting: see whether threads got stuck."""
        with self._lock:
            self._relief = None
            if self._stopped:
                return
            # For all that wait at once: one thread after each long turn would starve them as well.
            for _ in range(len(self._waiting)):
                self._start_or_watch()

    def _work(self) -> None:
        me, ended = threading.get_ident(), 0.0
        with self._lock:
            self._coming -= 1
        while True:
            with self._lock:
                if me in self._lost:
                    self._lost.discard(me)
                    return
                begun = self._running.pop(me, None)
                is_long = begun is not None and ended - begun >= _BRIEF
                if begun is not None:
                    self._worked = self._clock()
                    self._long.note(is_long)
                step = self._next(is_long)
                if step is None:
                    self._threads -= 1
                    self._ended.notify_all()
                    return
                self._running[me] = self._clock()
                self._steps += 1
                if self._inspection is None and self._is_unattended:
                    self._inspect_later()
            try:
                # In a context of its own: nothing that is left behind in it comes to the next one.
                contextvars.copy_context().run(step)
            except Exception:
                logger.exception("a step failed outside of app code")
            step = None  # An idle thread must not keep a session that has ended.
            ended = self._clock()
            if self.lookout.has_errands and not (self._apart and self._attendance.thread is not None):
                self.lookout.run_errands()

    def _next(self, goes_on: bool) -> Callable[[], None] | None:
        """Wait for a step; ``None`` if this thread is not needed any more.

        Args:
            goes_on: take one at once, if one waits: others have joined in for steps that are not brief.
        """
        while not self._stopped:
            is_on = (
                bool(self._waiting)
                and (goes_on or self._at_work() < self._abreast)
                and not (self._apart and self._is_unattended)
                and self._may_run
            )
            if self._waiting and not is_on:
                self._inspect_later()  # Who is about to take it may be held up.
            if self._is_unattended and (not is_on or self._attendance.is_due):
                self._look_out(wait=not is_on)
                goes_on = goes_on and is_on
                continue
            if is_on:
                break
            if self._threads > self._most():
                return None
            gate = threading.Lock()
            gate.acquire()
            self._idle.append(gate)
            self._lock.release()
            try:
                gate.acquire()
            finally:
                self._lock.acquire()
                self._coming -= 1
        if self._stopped:
            return None
        if self._threads > self._most() and self._woke_one():
            # Somebody else idles: leave it to them, there were extra threads for stuck ones.
            return None
        return self._waiting.popleft()

    @property
    def _may_run(self) -> bool:
        """Whether there may be another step that runs."""
        return len(self._running) < self._workers or len(self._running) < self._allowed()

    @property
    def _apart(self) -> bool:
        """Whether one thread reads and writes sockets, and others run what comes of it.

        Where most steps take long, one thread after the other would be woken to take the place of the one
        before. Without sockets, who has looked after them runs steps like the others.
        """
        return self._long.mostly and self.lookout.is_needed

    def _have_errands_run(self) -> None:
        if self._attendance.thread is not None:
            self.lookout.ring()
        elif not self._stopped:
            if self._at_work() < self._abreast:
                self._put_to_work()
            self._inspect_later()  # Who is at work, and would see to them then, may be held up.

    @property
    def _is_unattended(self) -> bool:
        """Whether there are sockets that nobody looks after."""
        return self._attendance.thread is None and self.lookout.is_needed

    def _look_out(self, *, wait: bool) -> None:
        """Look after sockets, until something is to be run if ``wait``."""
        self._attendance.begin(wait=wait)
        self._lock.release()
        try:
            self.lookout.look(wait=wait)
        finally:
            self._lock.acquire()
            self._coming -= self._attendance.end()
