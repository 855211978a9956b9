"""A session's mailbox: one turn at a time, on the shared pool, and nobody else touches the document."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import threading
from collections.abc import Awaitable, Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from embedsync import wire
from embedsync.apploop import AppLoop
from embedsync.document import Written
from embedsync.errors import MailboxFull, SessionEnded
from embedsync.inbox import Inbox, WaitingEdit
from embedsync.pool import Pool
from embedsync.replica import Replica

__all__ = ["Mailbox", "Turn"]

logger = logging.getLogger("embedsync.mailbox")

Turn = Callable[[], Iterator[Awaitable[Any]] | None]
"""Work on a document. Returns ``None``, or an iterator whose awaitables are awaited one by one on
the application loop; meanwhile the turn goes on, no thread is held, and no other turn begins."""


class Mailbox:
    """Runs the turns of one session, in order, each in its own copied context.

    Args:
        pool: threads that run turns.
        loop: awaits what turns yield.
        limit: turns that may wait.
        edit_turn: makes the turn of a waiting edit.
        context: makes what each turn runs in.
        report: told of exceptions that leave a turn.
        thread_context: makes what is around each part of a turn that runs on one thread.
        awaiting: put around what turns yield.
    """

    def __init__(
        self,
        pool: Pool,
        loop: AppLoop,
        limit: int,
        *,
        edit_turn: Callable[[WaitingEdit], Iterator[Awaitable[Any]]],
        context: Callable[[], AbstractContextManager[Any]],
        report: Callable[[BaseException, str], None],
        thread_context: Callable[[], AbstractContextManager[Any]] = nullcontext,
        awaiting: Callable[[Awaitable[Any]], Awaitable[Any]] = lambda awaitable: awaitable,
    ) -> None:
        self._pool = pool
        self._loop = loop
        self._limit = limit
        self._edit_turn = edit_turn
        self._enter = context
        self._report = report
        self._thread_context = thread_context
        self._awaiting = awaiting
        self._lock = threading.Lock()
        self._inbox: Inbox[Turn] = Inbox()
        self._busy = False
        self._closed = False
        self._owner: int | None = None
        self._steps: Generator[Awaitable[Any], Any, None] = _no_steps()
        self._context = contextvars.Context()
        self._cancel: Callable[[], None] | None = None

    def post(self, turn: Turn) -> None:
        """Run ``turn`` after those that wait.

        Raises:
            MailboxFull: ``mailbox_limit`` turns are waiting.
            SessionEnded: the mailbox was closed.
        """
        with self._lock:
            self._check()
            self._inbox.put(turn)
            self._begin()

    def post_edit(
        self,
        replica: Replica,
        edit: wire.Edit,
        buffers: dict[str, bytes],
        outline: Sequence[Written | None],
    ) -> None:
        """Run an edit's turn, merged with waiting ones where nothing is lost by it.

        Raises:
            MailboxFull: ``mailbox_limit`` turns are waiting.
            SessionEnded: the mailbox was closed.
        """
        with self._lock:
            self._check()
            self._inbox.put_edit(replica, edit, buffers, outline)
            self._begin()

    def close(self, last: Turn) -> None:
        """Forget what waits, cancel what is awaited, run ``last`` as the last turn. Once."""
        with self._lock:
            if self._closed:
                return
            self._inbox.clear()
            self._inbox.put(last)
            self._closed = True
            self._begin()
            cancel = self._cancel
        if cancel is not None:
            cancel()

    @property
    def is_turn(self) -> bool:
        """Whether the calling thread is running a turn of this mailbox right now."""
        return self._owner == threading.get_ident()

    # Below, until `_run`, the lock is held.

    def _check(self) -> None:
        if self._closed:
            raise SessionEnded("the session has ended")
        if len(self._inbox) >= self._limit:
            raise MailboxFull("mailbox_limit", self._limit)

    def _begin(self) -> None:
        if not self._busy:
            self._busy = True
            self._pool.submit(self._run)

    # On the pool. `_busy` makes sure that only one thread is here at any time.

    def _run(self) -> None:
        with self._lock:
            waiting = self._inbox.take()
        if waiting is not None:
            turn = self._edit_of(waiting) if isinstance(waiting, WaitingEdit) else waiting
            self._context = contextvars.copy_context()
            self._steps = self._in_context(turn)
            self._go_on(None, None)
        else:
            self._ended()

    def _edit_of(self, waiting: WaitingEdit) -> Turn:
        return lambda: self._edit_turn(waiting)

    def _in_context(self, turn: Turn) -> Generator[Awaitable[Any], Any, None]:
        with self._enter():
            steps = turn()
            if isinstance(steps, Generator):
                yield from steps
            elif steps is not None:
                for awaitable in steps:  # noqa: UP028  (a plain iterator takes no sent value)
                    yield awaitable

    def _go_on(self, value: Any, error: BaseException | None) -> None:
        """Advance the turn to its next awaitable, or its end."""
        self._owner = threading.get_ident()
        try:
            with self._thread_context():
                awaitable = self._advance(value, error)
        except BaseException as raised:  # noqa: BLE001  (whatever app code raises is reported)
            self._owner = None
            if not (self._closed and isinstance(raised, asyncio.CancelledError)):
                self._report(raised, "turn")
            self._ended()
        else:
            self._owner = None
            if awaitable is None:
                self._ended()
            else:
                self._await(awaitable)

    def _advance(self, value: Any, error: BaseException | None) -> Awaitable[Any] | None:
        try:
            if error is not None:
                return self._context.run(self._steps.throw, error)
            return self._context.run(self._steps.send, value)
        except StopIteration:
            return None

    def _await(self, awaitable: Awaitable[Any]) -> None:
        def done(value: Any, error: BaseException | None) -> None:
            with self._lock:
                self._cancel = None
            self._pool.submit(lambda: self._go_on(value, error))

        cancel = self._loop.run(self._awaiting(awaitable), self._context, done)
        with self._lock:
            if not self._closed:
                self._cancel = cancel
                return
        cancel()

    def _ended(self) -> None:
        self._steps = _no_steps()
        self._context = contextvars.Context()
        with self._lock:
            if len(self._inbox):
                self._pool.submit(self._run)
            else:
                self._busy = False


def _no_steps() -> Generator[Awaitable[Any], Any, None]:
    yield from ()
