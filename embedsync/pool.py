"""The threads that run application code: a few, and more while some are stuck."""

from __future__ import annotations

import contextvars
import logging
import threading
from collections import deque
from collections.abc import Callable

from embedsync.scheduler import Timer

__all__ = ["Pool"]

logger = logging.getLogger("embedsync.pool")

_BRIEF = 0.002
"""Seconds that a step may wait for a thread that is at work, before another one is woken for it."""


class Pool:
    """A bounded pool of threads in which a long step does not count.

    A step that runs longer than ``long_turn`` seconds no longer takes one of the ``workers``
    places: another thread may start for what waits, up to ``limit`` threads in all. So as many
    hanging callbacks as there are workers do not starve the rest.

    Args:
        workers: threads that may run steps side by side.
        limit: threads at the most.
        long_turn: seconds.
        lost_limit: threads that may be lost beyond the limit.
        clock: seconds that never go back.
        call_later: the scheduler, which looks after stuck threads.
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
        self._relief: Timer | None = None
        self._help: Timer | None = None
        self._worked = clock()
        self._stopped = False
        self._warned = False

    def submit(self, step: Callable[[], None]) -> None:
        """Run ``step`` on one of the threads, after those submitted before."""
        with self._lock:
            if self._stopped:
                return
            self._waiting.append(step)
            if not self._running:
                self._put_to_work()
            elif self._help is None:
                # A thread that is at work takes it next, if it is not held up. Threads that run side by side
                # would only take the interpreter from each other.
                self._help = self._call_later(_BRIEF, self._send_help)

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
            if self._waiting:
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
            return self._ended.wait_for(lambda: self._threads == 0, timeout)

    def _send_help(self) -> None:
        """Steps have waited for a moment: another thread takes one, and soon others take the next ones."""
        with self._lock:
            self._help = None
            if self._waiting and not self._stopped:
                self._put_to_work()
                if len(self._waiting) > 1:
                    self._help = self._call_later(_BRIEF, self._send_help)

    # Below, the lock is held.

    def _put_to_work(self) -> None:
        if not self._woke_one():
            self._start_or_watch()

    def _woke_one(self) -> bool:
        """Wake the thread that has been idle for the shortest time: its memory is in the caches still."""
        if not self._idle:
            return False
        self._idle.pop().release()
        return True

    def _start_or_watch(self) -> None:
        if self._threads < self._allowed():
            self._threads += 1
            threading.Thread(target=self._work, name="embedsync-worker", daemon=True).start()
        elif self._threads < self._limit:
            self._watch()
        elif not self._warned:
            self._warned = True
            logger.warning(
                "all %d threads run app code and turns are waiting; raise 'workers_limit', "
                "or look for callbacks that never return",
                self._limit,
            )

    def _watch(self) -> None:
        """Look again after a while: threads that run now may be stuck then."""
        if self._relief is None and self._threads < self._limit:
            self._relief = self._call_later(self._long_turn, self._relieve)

    def _allowed(self) -> int:
        """How many threads there may be, those in long steps not counting."""
        since = self._clock() - self._long_turn
        stuck = sum(started <= since for started in self._running.values())
        return min(self._workers + stuck, self._limit)

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
        me = threading.get_ident()
        while True:
            with self._lock:
                if me in self._lost:
                    self._lost.discard(me)
                    return
                if self._running.pop(me, None) is not None:
                    self._worked = self._clock()
                step = self._next()
                if step is None:
                    self._threads -= 1
                    self._ended.notify_all()
                    return
                self._running[me] = self._clock()
            try:
                # In a context of its own: nothing that is left behind in it comes to the next one.
                contextvars.copy_context().run(step)
            except Exception:
                logger.exception("a step failed outside of app code")
            step = None  # An idle thread must not keep a session that has ended.

    def _next(self) -> Callable[[], None] | None:
        """Wait for a step; ``None`` if this thread is not needed any more."""
        while not self._waiting:
            if self._stopped or self._threads > self._allowed():
                return None
            gate = threading.Lock()
            gate.acquire()
            self._idle.append(gate)
            self._lock.release()
            try:
                gate.acquire()
            finally:
                self._lock.acquire()
        if self._stopped:
            return None
        if self._threads > self._allowed() and self._woke_one():
            # Somebody else idles: leave it to them, there were extra threads for stuck ones.
            return None
        self._warned = False
        return self._waiting.popleft()
