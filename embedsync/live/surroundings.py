"""What the turns of a session run in: the contexts of its document, and of the site around it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import Context
from typing import Any

from embedsync.live.built import Built
from embedsync.live.visit import Visit

__all__ = ["Surroundings"]


class Surroundings:
    """Makes what a mailbox puts around turns; see :class:`~embedsync.mailbox.Mailbox`.

    Args:
        visit: whose handshake says what the site wants around app code.
        built: has the document.
    """

    def __init__(self, visit: Visit, built: Built) -> None:
        self._visit = visit
        self._built = built

    def context(self) -> AbstractContextManager[Any]:
        """Around a whole turn."""
        request, document = self._visit.info.request, self._built.document
        if document is None:
            return request.context(request)
        if request.context is nullcontext:
            return document.context()
        return _both(request.context(request), document.context)

    def turn_context(self) -> Context:
        """The context variables of a turn, on the thread on which that begins."""
        request = self._visit.info.request
        return request.turn_context(request)

    def thread_context(self) -> AbstractContextManager[Any] | None:
        """Around each part of a turn that runs on one thread, if there is anything."""
        request = self._visit.info.request
        make = request.thread_context
        return None if make is nullcontext else make(request)

    def awaiting(self, awaitable: Awaitable[Any]) -> Awaitable[Any]:
        """Around what a turn awaits; what it has done so far is sent meanwhile."""
        if (core := self._built.core) is not None:
            core.delivery.wake()
        request = self._visit.info.request
        return request.awaiting(request, awaitable)


@contextmanager
def _both(
    outer: AbstractContextManager[Any], inner: Callable[[], AbstractContextManager[Any]]
) -> Iterator[None]:
    with outer, inner():
        yield
