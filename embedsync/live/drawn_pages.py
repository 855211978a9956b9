"""Pages that a document draws itself, before any browser has come."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError

from embedsync.document import PageParts
from embedsync.errors import MailboxFull, SessionEnded
from embedsync.live.built import Built
from embedsync.mailbox import Mailbox

__all__ = ["DrawnPages"]


class DrawnPages:
    """The pages that are asked for, each drawn in a turn.

    Args:
        built: the document.
        mailbox: runs turns.
        begin: sees that the document is built first.
        most: pages that may wait for their turns.
    """

    def __init__(self, built: Built, mailbox: Mailbox, begin: Callable[[], None], most: int) -> None:
        self._built = built
        self._mailbox = mailbox
        self._begin = begin
        self._most = most
        self._lock = threading.Lock()
        self._drawn: list[Future[str | None]] = []
        self._undrawn = 0

    def draw(self, parts: PageParts) -> Future[str | None]:
        """The page that the document draws, or ``None``.

        It raises what the app raised, :class:`~embedsync.errors.SessionEnded` or
        :class:`~embedsync.errors.MailboxFull`.
        """
        drawn: Future[str | None] = Future()

        def draw() -> None:
            with self._lock:
                self._undrawn -= 1
            if (core := self._built.core) is not None:
                _settle(drawn, core.document.page(parts))

        with self._lock:
            self._drawn = [*(each for each in self._drawn if not each.done()), drawn]
        try:
            # Those that nobody waits for any more are counted too: their turns wait.
            if self._undrawn >= self._most:
                raise MailboxFull("undrawn_pages", self._undrawn)
            self._begin()
            self._mailbox.post(draw, lambda error: _settle(drawn, error))
            with self._lock:
                self._undrawn += 1
        except (SessionEnded, MailboxFull) as error:
            _settle(drawn, error)
        return drawn

    def fail(self, error: BaseException) -> None:
        """No page will be drawn any more: tell all who wait for one."""
        for drawn in self._drawn:
            _settle(drawn, error)


def _settle(future: Future[str | None], outcome: str | BaseException | None) -> None:
    """Tell who waits, unless that was done; or nobody waits any more."""
    with contextlib.suppress(InvalidStateError):
        if isinstance(outcome, BaseException):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)
