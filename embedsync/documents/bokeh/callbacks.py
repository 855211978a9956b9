"""Running callbacks of app code, one by one, synchronous and asynchronous ones."""

from __future__ import annotations

import inspect
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Any, Protocol

import msgspec

from embedsync.document import DocumentHost

__all__ = ["Call", "CallRunner"]


class Call(msgspec.Struct, frozen=True):
    """A callback to run.

    Attributes:
        what: the kind of callback, for the log.
        function: the callback.
        arguments: what it is called with.
    """

    what: str
    function: Callable[..., Any]
    arguments: tuple[Any, ...] = ()

    def __str__(self) -> str:
        name = getattr(self.function, "__qualname__", None) or type(self.function).__name__
        return f"{self.what} {name}"


class Guard(Protocol):
    """Wraps an awaitable so that it runs as part of the turn."""

    def __call__(self, awaitable: Awaitable[Any], what: str) -> Awaitable[Any]: ...


class CallRunner:
    """Runs calls, reports what they raise, and collects what has to be awaited.

    Args:
        host: told of exceptions.
        guard: makes an awaitable part of the turn.
        go_on: called whenever the turn goes on, for that may be on another thread.
    """

    def __init__(self, host: DocumentHost, guard: Guard, go_on: Callable[[], None]) -> None:
        self._host = host
        self._guard = guard
        self._go_on = go_on
        self._started: deque[tuple[Awaitable[Any], str]] = deque()

    def __bool__(self) -> bool:
        return bool(self._started)

    def run(self, calls: Iterable[Call]) -> Iterator[Awaitable[Any]]:
        """Run calls in order; yields, after each, what it and the calls within it left to await."""
        self._go_on()
        for call in calls:
            self.call(call)
            if self._started:
                yield from self.awaitables()
        if self._started:
            yield from self.awaitables()

    def call(self, call: Call) -> None:
        """Run one call now; an asynchronous one is only begun."""
        try:
            result = call.function(*call.arguments)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever app code raises is reported
            self._host.report(error, str(call))
            return
        if result is not None and inspect.isawaitable(result):
            self._started.append((result, str(call)))

    def awaitables(self) -> Iterator[Awaitable[Any]]:
        """Hand out what was begun, each to be awaited before the next is asked for."""
        while self._started:
            awaitable, what = self._started.popleft()
            try:
                yield self._guard(awaitable, what)
            except Exception as error:  # noqa: BLE001 - the next ones still have their turn
                self._host.report(error, what)
            self._go_on()

    def close(self) -> None:
        """Drop what was begun and will not be awaited any more."""
        while self._started:
            awaitable, _ = self._started.popleft()
            if inspect.iscoroutine(awaitable):
                awaitable.close()
