"""Awaiting with a deadline, which costs nothing where nothing has to be waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine, Generator
from functools import partial
from types import CoroutineType
from typing import Any

__all__ = ["await_within"]


async def await_within(seconds: float, awaitable: Awaitable[Any]) -> None:
    """Await something.

    A server that takes a message at once does not suspend its sender. Only one that does so is given a
    deadline: to set one costs as much as to send a short message.

    Raises:
        TimeoutError: it takes longer than so many seconds.
    """
    if type(awaitable) is CoroutineType:
        try:
            awaited = awaitable.send(None)
        except StopIteration:
            return
        awaitable = _Begun(awaitable, awaited)
    async with asyncio.timeout(seconds):
        await awaitable


class _Begun:
    """A coroutine that has begun, and waits for something."""

    def __init__(self, coroutine: Coroutine[Any, Any, Any], awaited: Any) -> None:
        self._coroutine = coroutine
        self._awaited = awaited

    def __await__(self) -> Generator[Any, Any, Any]:
        coroutine, awaited = self._coroutine, self._awaited
        while True:
            try:
                value = yield awaited
            except GeneratorExit:
                coroutine.close()
                raise
            except BaseException as error:  # noqa: BLE001  (a cancellation is the coroutine's to see)
                go_on = partial(coroutine.throw, error)
            else:
                go_on = partial(coroutine.send, value)
            try:
                awaited = go_on()
            except StopIteration as end:
                return end.value
