"""The application loop: one asyncio loop, on a thread of its own, for asynchronous app code."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Awaitable, Callable, Generator
from concurrent.futures import Future
from typing import Any

__all__ = ["AppLoop", "Done"]

Done = Callable[[Any, BaseException | None], None]
"""Takes the result of an awaitable, or its exception."""


class AppLoop:
    """Awaits what app code returns; it never serves sockets. Starts with the first awaitable."""

    def __init__(self, name: str = "embedsync-apploop") -> None:
        self._name = name
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._tasks: set[asyncio.Task[Any]] = set()

    def run(self, awaitable: Awaitable[Any], context: contextvars.Context, done: Done) -> Callable[[], None]:
        """Await ``awaitable`` in ``context`` and hand its outcome to ``done``, on the loop's thread.

        Returns:
            What cancels it; then ``done`` gets the :class:`asyncio.CancelledError`.
        """
        loop = self._started()
        task: asyncio.Task[Any] | None = None
        cancelled = False

        def begin() -> None:
            nonlocal task
            task = loop.create_task(_await(awaitable), context=context)
            self._tasks.add(task)
            task.add_done_callback(finish)
            if cancelled:
                task.cancel()

        def finish(ended: asyncio.Task[Any]) -> None:
            self._tasks.discard(ended)
            if ended.cancelled():
                done(None, asyncio.CancelledError())
            else:
                error = ended.exception()
                done(None if error else ended.result(), error)

        def cancel_on_loop() -> None:
            nonlocal cancelled
            cancelled = True
            if task is not None:
                task.cancel()

        def cancel() -> None:
            loop.call_soon_threadsafe(cancel_on_loop)

        loop.call_soon_threadsafe(begin)
        return cancel

    def drive(self, steps: Generator[Awaitable[Any], Any, None]) -> None:
        """Run steps on the calling thread, and await on the loop what they yield."""
        send: Callable[[Any], Awaitable[Any]] = steps.send
        value: Any = None
        while True:
            try:
                awaitable = send(value)
            except StopIteration:
                return
            try:
                send, value = steps.send, self._wait(awaitable)
            except BaseException as error:  # noqa: BLE001 - the steps are the ones to deal with it
                send, value = steps.throw, error

    def _wait(self, awaitable: Awaitable[Any]) -> Any:
        outcome: Future[Any] = Future()

        def done(result: Any, error: BaseException | None) -> None:
            if error is None:
                outcome.set_result(result)
            else:
                outcome.set_exception(error)

        self.run(awaitable, contextvars.copy_context(), done)
        return outcome.result()

    @property
    def is_here(self) -> bool:
        """Whether the calling thread is the loop's."""
        return self._thread is threading.current_thread()

    def stop(self, timeout: float) -> bool:
        """Cancel what is being awaited and end the loop's thread; says whether it ended in time.

        Args:
            timeout: seconds to wait for code that blocks the loop or will not be cancelled.
        """
        with self._lock:
            loop, thread = self._loop, self._thread
            self._loop = self._thread = None
        if loop is None or thread is None:
            return True
        try:
            asyncio.run_coroutine_threadsafe(self._cancel_all(), loop).result(timeout)
        except TimeoutError:
            return False
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
        return True

    async def _cancel_all(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _started(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                loop = asyncio.new_event_loop()
                thread = threading.Thread(target=loop.run_forever, name=self._name, daemon=True)
                try:
                    thread.start()
                except RuntimeError:  # There may be no more threads now, and later there may.
                    loop.close()
                    raise
                self._loop, self._thread = loop, thread
            return self._loop


async def _await(awaitable: Awaitable[Any]) -> Any:
    return await awaitable
