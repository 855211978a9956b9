"""A session's mailbox: one turn at a time, on the shared pool, and nobody else touches the document."""

from __future__ import annotations

import asyncio
import contextvars
import sys
import threading
import traceback
from collections.abc import Awaitable, Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager
from functools import partial
from types import GeneratorType
from typing import Any, Protocol

from embedsync import wire
from embedsync.apploop import AppLoop
from embedsync.document import Written
from embedsync.errors import MailboxFull, SessionEnded
from embedsync.inbox import Inbox, WaitingEdit
from embedsync.pool import Pool
from embedsync.replica import Replica

__all__ = ["Failed", "Mailbox", "Turn", "Watch"]

Turn = Callable[[], Iterator[Awaitable[Any]] | None]
"""Work on a document. Returns ``None``, or an iterator whose awaitables are awaited one by one on
the application loop; meanwhile the turn goes on, no thread is held, and no other turn begins."""


Failed = Callable[[BaseException], None]
"""Told what a turn has raised."""


class Watch(Protocol):
    """Who wants to know how long turns take."""

    def turn_begins(self) -> None:
        """A turn begins."""

    def turn_ends(self) -> None:
        """It has ended, or was given up."""


class _Running:
    """The turn that is running.

    Attributes:
        waiting: the edit that it is, if it is one.
        failed: told if it raises, in place of whoever is told otherwise.
        last: nothing comes after it.
        context: what it runs in.
        steps: its code, advanced from one awaitable to the next.
        thread: the thread that advances it just now.
        awaited: what it waits for.
        cancel: stops that.
    """

    def __init__(
        self,
        waiting: WaitingEdit | None,
        steps: Generator[Awaitable[Any], Any, None],
        failed: Failed | None,
        last: bool,
        context: contextvars.Context,
    ) -> None:
        self.waiting = waiting
        self.failed = failed
        self.last = last
        self.context = context
        self.steps = steps
        self.thread: int | None = None
        self.awaited: Awaitable[Any] | None = None
        self.cancel: Callable[[], None] | None = None


class Mailbox:
    """Runs the turns of one session, in order, each in its own copied context.

    Args:
        pool: threads that run turns.
        loop: awaits what turns yield.
        limit: turns that may wait.
        byte_limit: bytes of edits that may wait.
        edit_turn: makes the turn of a waiting edit.
        context: makes what each turn runs in.
        report: told of exceptions that leave a turn.
        turn_context: makes the context variables of each turn, on the thread on which it begins.
        thread_context: makes what is around each part of a turn that runs on one thread, inside ``context``;
            ``None`` for nothing.
        awaiting: put around what turns yield.
        watch: told when a turn begins and ends.
        submit_first: submits the first turn, in place of the pool.
    """

    def __init__(
        self,
        pool: Pool,
        loop: AppLoop,
        limit: int,
        byte_limit: int,
        *,
        edit_turn: Callable[[WaitingEdit], Iterator[Awaitable[Any]]],
        context: Callable[[], AbstractContextManager[Any]],
        report: Callable[[BaseException, str], None],
        turn_context: Callable[[], contextvars.Context] = contextvars.copy_context,
        thread_context: Callable[[], AbstractContextManager[Any] | None] = lambda: None,
        awaiting: Callable[[Awaitable[Any]], Awaitable[Any]] = lambda awaitable: awaitable,
        watch: Watch | None = None,
        submit_first: Callable[[Callable[[], None]], None] | None = None,
    ) -> None:
        self._pool = pool
        self._loop = loop
        self._limit = limit
        self._byte_limit = byte_limit
        self._edit_turn = edit_turn
        self._enter = context
        self._report = report
        self._turn_context = turn_context
        self._thread_context = thread_context
        self._awaiting = awaiting
        self._watch = watch
        self._submit_next: Callable[[Callable[[], None]], None] = submit_first or pool.submit
        self._lock = threading.Lock()
        self._inbox: Inbox[tuple[Turn, Failed | None]] = Inbox()
        self._busy = False
        self._closed = False
        self._running: _Running | None = None

    def post(self, turn: Turn, failed: Failed | None = None) -> None:
        """Run ``turn`` after those that wait.

        Args:
            turn: the work.
            failed: told if it raises, or what it runs in cannot be entered; ``report`` is, without it.

        Raises:
            MailboxFull: ``mailbox_limit`` turns are waiting.
            SessionEnded: the mailbox was closed.
        """
        with self._lock:
            self._check()
            self._inbox.put((turn, failed))
            self._begin()

    def post_edit(
        self,
        replica: Replica,
        edit: wire.Edit,
        buffers: dict[str, bytes],
        outline: Sequence[Written | None],
        size: int = 0,
    ) -> None:
        """Run an edit's turn, merged with waiting ones where nothing is lost by it.

        Args:
            replica: whose edit it is.
            edit: the edit.
            buffers: its buffers by id.
            outline: what it writes.
            size: bytes of its message.

        Raises:
            MailboxFull: ``mailbox_limit`` turns, or ``mailbox_bytes``, are waiting.
            SessionEnded: the mailbox was closed.
        """
        with self._lock:
            self._check()
            if self._inbox.bytes and self._inbox.bytes + size > self._byte_limit:
                raise MailboxFull("mailbox_bytes", self._byte_limit)
            self._inbox.put_edit(replica, edit, buffers, outline, size)
            self._begin()

    def close(self, last: Turn, failed: Failed) -> None:
        """Forget what waits, cancel what is awaited, run ``last`` as the last turn. Once.

        ``failed`` is told if that raises.
        """
        with self._lock:
            if self._closed:
                return
            cancel = self._close(last, failed)
            self._begin()
        if cancel is not None:
            cancel()

    def give_up(self, last: Turn, failed: Failed) -> int | None:
        """Like :meth:`close`, but do not wait for the turn that is running: it will not end.

        Whatever it still does goes nowhere.

        Returns:
            The thread that it holds, if it holds one.
        """
        with self._lock:
            if self._closed:
                return None
            cancel = self._close(last, failed)
            running, self._running = self._running, None
            thread = running.thread if running is not None else None
            if not self._busy or running is not None:
                self._busy = True
                self._pool.submit(self._run)
        if running is not None and self._watch is not None:
            self._watch.turn_ends()
        if cancel is not None:
            cancel()
        return thread

    def abandon(self) -> int | None:
        """Not even the last turn ends: let go of it. Returns the thread that it holds, if it holds one."""
        with self._lock:
            running, self._running = self._running, None
            self._inbox.clear()
            self._busy = False
        if running is None:
            return None
        if self._watch is not None:
            self._watch.turn_ends()
        if running.cancel is not None:
            running.cancel()
        return running.thread

    @property
    def is_turn(self) -> bool:
        """Whether the calling thread is one on which the running turn of this mailbox goes on right now."""
        running = self._running
        if running is None:
            return False
        return running.thread == threading.get_ident() or (running.awaited is not None and self._loop.is_here)

    @property
    def is_idle(self) -> bool:
        """Whether nothing runs and nothing waits."""
        return not self._busy

    @property
    def is_superseded(self) -> bool:
        """Whether the running turn is an edit, and a waiting one of the same replica writes its keys anew."""
        with self._lock:
            running = self._running
            waiting = running.waiting if running is not None else None
            return waiting is not None and self._inbox.supersedes(waiting)

    def stack(self) -> str:
        """Where the running turn is in its code, for the log."""
        running = self._running
        if running is None:
            return ""
        if running.thread is not None:
            frame = sys._current_frames().get(running.thread)
            return "".join(traceback.format_stack(frame)) if frame is not None else ""
        return "".join(traceback.format_list(_awaited_frames(running.awaited)))

    # Below, until `_run`, the lock is held.

    def _check(self) -> None:
        if self._closed:
            raise SessionEnded("the session has ended")
        if len(self._inbox) >= self._limit:
            raise MailboxFull("mailbox_limit", self._limit)

    def _close(self, last: Turn, failed: Failed) -> Callable[[], None] | None:
        self._inbox.clear()
        self._inbox.put((last, failed))
        self._closed = True
        return self._running.cancel if self._running is not None else None

    def _begin(self) -> None:
        if not self._busy:
            self._busy = True
            submit, self._submit_next = self._submit_next, self._pool.submit
            submit(self._run)

    # On the pool. `_busy` makes sure that only one thread is here at any time, but for those that hold a
    # turn which was given up: theirs is not the running one any more.

    def _run(self) -> None:
        while self._run_one():
            if not self._pool.may_go_on():
                self._pool.submit(self._run, at_end=True)
                return

    def _run_one(self) -> bool:
        """Begin the next turn. Says whether another one is to begin."""
        context = self._turn_context()
        with self._lock:
            waiting = self._inbox.take()
            if waiting is None:
                self._busy = False
                return False
            if isinstance(waiting, WaitingEdit):
                turn: Turn = partial(self._edit_turn, waiting)
                running = _Running(waiting, self._in_context(turn), None, False, context)
            else:
                turn, failed = waiting
                running = _Running(None, self._in_context(turn), failed, self._closed, context)
            self._running = running
        if self._watch is not None:
            self._watch.turn_begins()
        return self._go_on(running, None, None)

    def _resume(self, running: _Running, value: Any, error: BaseException | None) -> None:
        """What a turn has awaited is done."""
        if self._go_on(running, value, error):
            self._pool.submit(self._run, at_end=True)

    def _in_context(self, turn: Turn) -> Generator[Awaitable[Any], Any, None]:
        with self._enter():
            steps = turn()
            if type(steps) is GeneratorType or isinstance(steps, Generator):
                yield from steps
            elif steps is not None:
                for awaitable in steps:  # noqa: UP028  (a plain iterator takes no sent value)
                    yield awaitable

    def _go_on(self, running: _Running, value: Any, error: BaseException | None) -> bool:
        """Advance the turn to its next awaitable, or its end. Says whether another one is to begin."""
        if running is not self._running:
            return False
        running.thread = threading.get_ident()
        try:
            awaitable = running.context.run(self._advance, running, value, error)
        except BaseException as raised:  # noqa: BLE001  (whatever app code raises is reported)
            running.thread = None
            self._failed(running, raised)
            return self._ended(running)
        running.thread = None
        if awaitable is None:
            return self._ended(running)
        self._await(running, awaitable)
        return False

    def _advance(self, running: _Running, value: Any, error: BaseException | None) -> Awaitable[Any] | None:
        around = self._thread_context()
        if around is None:
            return _next(running.steps, value, error)
        with around:
            return _next(running.steps, value, error)

    def _failed(self, running: _Running, raised: BaseException) -> None:
        if isinstance(raised, asyncio.CancelledError) and self._closed and not running.last:
            return  # It was cancelled, because the session has ended.
        if running.failed is not None:
            running.failed(raised)
        else:
            self._report(raised, "turn")

    def _await(self, running: _Running, awaitable: Awaitable[Any]) -> None:
        def done(value: Any, error: BaseException | None) -> None:
            with self._lock:
                running.awaited = running.cancel = None
            self._pool.submit(lambda: self._resume(running, value, error))

        running.awaited = awaitable
        try:
            cancel = self._loop.run(self._awaiting(awaitable), running.context, done)
        except Exception as error:  # noqa: BLE001  (what a site puts around app code may fail as well)
            raised = error
            self._pool.submit(lambda: self._resume(running, None, raised))
            return
        with self._lock:
            if running.awaited is not awaitable:
                return  # It is done already.
            if not self._closed or running.last:
                running.cancel = cancel
                return
        cancel()

    def _ended(self, running: _Running) -> bool:
        """A turn has ended. Says whether another one waits, and is to begin on this thread."""
        with self._lock:
            if running is not self._running:
                return False
            self._running = None
        # Without the lock: the watchdog may tell browsers something, and who tells browsers posts here.
        if self._watch is not None:
            self._watch.turn_ends()
        with self._lock:
            self._busy = len(self._inbox) > 0
            return self._busy


def _next(
    steps: Generator[Awaitable[Any], Any, None], value: Any, error: BaseException | None
) -> Awaitable[Any] | None:
    """What comes next in a turn; ``None`` if that was all."""
    try:
        if error is not None:
            return steps.throw(error)
        # A turn that has nothing to await, as most, ends without an exception here.
        return next(steps, None) if value is None else steps.send(value)
    except StopIteration:
        return None


def _awaited_frames(awaited: Any) -> list[traceback.FrameSummary]:
    """The frames of a suspended coroutine, and of those that it awaits, the innermost last."""
    frames: list[traceback.FrameSummary] = []
    while (frame := getattr(awaited, "cr_frame", None)) is not None:
        frames += traceback.extract_stack(frame, 1)
        awaited = getattr(awaited, "cr_await", None)
    return frames
