"""Next-tick, timeout and periodic callbacks, as turns of the session."""

from __future__ import annotations

import asyncio
import contextvars
import math
import threading
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from embedsync.document import Cancel, DocumentHost
from embedsync.documents.bokeh.callbacks import Call, CallRunner
from embedsync.errors import MailboxFull

__all__ = ["NextTickCallback", "PeriodicCallback", "TimeoutCallback", "Timers"]

_MOST_BEFORE_START = 1000
"""Callbacks that may be added before the document is built, or before its visitor has come."""
_TOGETHER = 0.01
"""Seconds at the most by which a periodic callback is put off, once, to be due together with others."""
_RETRY = 0.5
"""Seconds until a due callback is tried again that found the mailbox full."""


class SessionCallback:
    """A callback that app code added, to remove it by.

    These stand in for the classes of the same names in ``bokeh.server.callbacks``, a module that
    would import Tornado.
    """

    def __init__(self, callback: Callable[[], Any], *, callback_id: str) -> None:
        self._id = callback_id
        self._callback = callback

    @property
    def id(self) -> str:
        """A unique id of the callback."""
        return self._id

    @property
    def callback(self) -> Callable[[], Any]:
        """The function that runs."""
        return self._callback


class NextTickCallback(SessionCallback):
    """Runs once, as the next turn."""


class TimeoutCallback(SessionCallback):
    """Runs once, later."""

    def __init__(self, callback: Callable[[], Any], timeout: float, *, callback_id: str) -> None:
        super().__init__(callback, callback_id=callback_id)
        self.timeout = timeout
        """Milliseconds to wait."""


class PeriodicCallback(SessionCallback):
    """Runs again and again."""

    def __init__(self, callback: Callable[[], Any], period: float, *, callback_id: str) -> None:
        super().__init__(callback, callback_id=callback_id)
        self.period = period
        """Milliseconds from the moment at which one run is due to that of the next."""


class _Timer:
    def __init__(self, callback: Any, one_shot: bool) -> None:
        self.callback = callback
        self.one_shot = one_shot
        self.due = 0.0
        self.cancel: Cancel | None = None
        self.removed = False

    def begins(self, now: float) -> None:
        """A run begins, for the last moment at which one was due: those that it has missed are left out."""
        if period := self.seconds:
            self.due += max(0.0, (now - self.due) // period) * period
        else:
            self.due = now

    @property
    def seconds(self) -> float | None:
        """Time to the next run; ``None`` for the next turn."""
        # By what the object has rather than by its class: Bokeh's own classes may come along too.
        milliseconds = getattr(self.callback, "period", getattr(self.callback, "timeout", None))
        return None if milliseconds is None else max(0.0, milliseconds / 1000)

    @property
    def call(self) -> Call:
        kind = {"NextTickCallback": "next-tick", "TimeoutCallback": "timeout"}
        name = kind.get(type(self.callback).__name__, "periodic")
        return Call(f"{name} callback", self.callback.callback)


class Timers:
    """The timed callbacks of one document.

    Nothing runs before :meth:`start`, when the document is built, nor after :meth:`stop`. A periodic
    callback is due after each of its periods, counted from about when it was added, however late a run
    begins: so there are as many runs in a second as the app has asked for. Runs never pile up: one that is
    due while the last one goes on begins when that has ended, and stands for all that were missed.
    """

    def __init__(self, host: DocumentHost, runner: CallRunner, done: Callable[[Any], bool]) -> None:
        self._host = host
        self._runner = runner
        self._done = done
        self._lock = threading.Lock()
        self._timers: dict[Any, _Timer] = {}
        self._started = False
        self._stopped = False
        self._unlocked: set[asyncio.Task[Any]] = set()
        self.without_lock: Callable[[Callable[[], Any]], Callable[[], Awaitable[Any]]] | None = None

    def add(self, callback: Any, one_shot: bool) -> None:
        """Begin with a callback; before the document is built, wait for that.

        Raises:
            MailboxFull: it was to run as the next turn, and never will.
            RuntimeError: too many wait already for the document to be built, or for its visitor.
        """
        timer = _Timer(callback, one_shot)
        with self._lock:
            if self._stopped:
                return
            if not self._started and len(self._timers) >= _MOST_BEFORE_START:
                raise RuntimeError(f"{_MOST_BEFORE_START} callbacks wait already for a document to be shown")
            self._timers[callback] = timer
            started = self._started
        if started:
            try:
                self._begin(timer)
            except MailboxFull:
                self.remove(callback)
                raise

    def remove(self, callback: Any) -> None:
        """Stop a callback. A run that has begun goes on to its end."""
        with self._lock:
            timer = self._timers.pop(callback, None)
        if timer is not None:
            self._drop(timer)

    def start(self) -> None:
        """The document is built: begin with what was added meanwhile."""
        with self._lock:
            self._started = True
            timers = list(self._timers.values())
        for each in timers:
            if each.seconds is None:
                self._due(each)
            else:
                self._begin(each)

    def stop(self) -> None:
        """Stop everything, for good."""
        with self._lock:
            self._stopped = True
            timers = list(self._timers.values())
            self._timers.clear()
        for each in timers:
            self._drop(each)
        for task in list(self._unlocked):
            task.get_loop().call_soon_threadsafe(task.cancel)

    def _drop(self, timer: _Timer) -> None:
        timer.removed = True
        cancel = timer.cancel
        if cancel is not None:
            cancel()

    def _begin(self, timer: _Timer) -> None:
        seconds = timer.seconds
        if seconds is None:
            self._host.post(lambda: self._run(timer))
        else:
            timer.due = self._host.clock() + seconds
            if not timer.one_shot and seconds and math.isfinite(timer.due):
                timer.due = _together(timer.due, seconds)
            self._wait(timer, timer.due)

    def _wait(self, timer: _Timer, until: float) -> None:
        timer.cancel = self._host.call_later(max(0.0, until - self._host.clock()), lambda: self._due(timer))
        if timer.removed:  # between the two, by another thread
            timer.cancel()

    def _due(self, timer: _Timer) -> None:
        if timer.removed:
            return
        try:
            self._host.post(lambda: self._run(timer))
        except MailboxFull:
            self._wait(timer, self._host.clock() + _RETRY)

    def _run(self, timer: _Timer) -> Iterator[Awaitable[Any]]:
        if timer.removed:
            return
        if timer.one_shot:
            with self._lock:
                self._timers.pop(timer.callback, None)
            self._done(timer.callback)
        else:
            timer.begins(self._host.clock())
        call = timer.call
        beside = self.without_lock if getattr(call.function, "nolock", False) else None
        if beside is not None:
            call = Call(call.what, self._detached(timer, beside(call.function)))
        try:
            yield from self._runner.run([call])
        finally:
            if beside is None:
                self._again(timer)

    def _again(self, timer: _Timer) -> None:
        """A run has ended: the next one waits for its moment, which may be past."""
        if not timer.one_shot and not timer.removed:
            timer.due += timer.seconds or 0.0
            self._wait(timer, timer.due)

    def _detached(
        self, timer: _Timer, function: Callable[[], Awaitable[Any]]
    ) -> Callable[[], Awaitable[Any]]:
        """Begin with something on the application loop without keeping the turn for it."""
        # That of the turn itself: what is put around the turn's awaitables ends before this does.
        context = contextvars.copy_context()

        def ended(task: asyncio.Task[Any]) -> None:
            self._unlocked.discard(task)
            self._again(timer)

        async def begin() -> None:
            task = asyncio.get_running_loop().create_task(_awaited(function()), context=context)
            self._unlocked.add(task)
            task.add_done_callback(ended)

        return begin


def _together(due: float, period: float) -> float:
    """The next moment at which callbacks of this period are due in all sessions, a tenth of it later at most.

    A hundred sessions at moments of their own would wake three threads for each run of each; together they
    do so ten times in a period.
    """
    interval = min(period / 10, _TOGETHER)
    return math.ceil(due / interval) * interval


async def _awaited(awaitable: Awaitable[Any]) -> Any:
    return await awaitable
