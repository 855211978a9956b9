"""Turns of app code: what they change is committed, and what they await is passed on."""

from __future__ import annotations

from collections.abc import Awaitable, Generator, Iterator
from typing import Any

from embedsync.live.built import Built
from embedsync.live.failures import Failures
from embedsync.mailbox import Turn

__all__ = ["Turns"]


class Turns:
    """Makes turns of what app code is called by.

    Args:
        built: what they change.
        failures: told of what they raise.
    """

    def __init__(self, built: Built, failures: Failures) -> None:
        self._built = built
        self._failures = failures

    def committing(self, turn: Turn) -> Generator[Awaitable[Any], Any, None]:
        """Run a turn, and commit what it has changed, whatever it raises."""
        try:
            yield from self.each(turn())
        finally:
            self._built.commit()

    def each(self, steps: Iterator[Awaitable[Any]] | None) -> Generator[Awaitable[Any], Any, None]:
        """Pass on awaitables one by one; one that fails is reported, and the next is asked for."""
        for awaitable in steps or ():
            try:
                yield awaitable
            except Exception as error:  # noqa: BLE001  (whatever app code raises is reported)
                self._failures.report(error, "asynchronous callback")
