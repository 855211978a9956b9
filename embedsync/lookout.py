"""Where threads of the pool look after sockets, while there is nothing to run.

If one thread reads what a browser says, another one answers it, and the first one sends the answer, each
event changes threads twice, and mostly the processor. So whoever has nothing to run reads, runs what came of
it, and sends what came of that.
"""

from __future__ import annotations

import contextlib
import logging
import os
import select
import sys
import threading
from collections import deque
from collections.abc import Callable

__all__ = ["Lookout"]

logger = logging.getLogger("embedsync.lookout")

_AT_ONCE = 64
"""Sockets that are read before what they have brought is run."""


class Lookout:
    """Sockets that one thread at a time reads, and what is to be done for them soon.

    Nothing of the operating system is taken before there is a socket.
    """

    available = sys.platform == "linux"
    """Whether the operating system has what is needed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._readers: dict[int, Callable[[], None]] = {}
        self._errands: deque[Callable[[], None]] = deque()
        self._poll: select.epoll | None = None
        self._bell = -1
        self._is_rung = False

    # From any thread.

    @property
    def is_needed(self) -> bool:
        """Whether there are sockets to look after, or there is something to be done for one that was."""
        return bool(self._readers) or bool(self._errands)

    def watch(self, file: int, read: Callable[[], None]) -> None:
        """Have ``read`` called whenever there is something to be read. It must not wait for anything.

        Args:
            file: number of the socket.
            read: what is called, on any thread of the pool.

        Raises:
            OSError: the process has no more files.
        """
        with self._lock:
            poll = self._opened()
            poll.register(file, select.EPOLLIN)
            self._readers[file] = read

    def forget(self, file: int) -> None:
        """Look after a socket no more; to be called before it is closed. ``read`` may be under way still."""
        with self._lock:
            if self._readers.pop(file, None) is not None and self._poll is not None:
                self._poll.unregister(file)

    def leave_errand(self, errand: Callable[[], None]) -> bool:
        """Have a function called by the next thread that has a moment. It must not wait for anything.

        Returns whether there was none: whoever sees to one sees to those behind it, too.
        """
        with self._lock:  # Else two may come at once, and each leave it to the other.
            self._errands.append(errand)
            return len(self._errands) == 1

    def ring(self) -> None:
        """Have whoever waits here come back."""
        with self._lock:
            if not self._is_rung and self._poll is not None:
                self._is_rung = True
                os.eventfd_write(self._bell, 1)

    @property
    def has_errands(self) -> bool:
        """Whether there is something to be done."""
        return bool(self._errands)

    def run_errands(self) -> None:
        """Do what is to be done."""
        while self._errands:
            try:
                errand = self._errands.popleft()
            except IndexError:
                return  # Another thread has taken the last one.
            try:
                errand()
            except Exception:
                logger.exception("a socket could not be served")

    def close(self) -> None:
        """Give back what was taken of the operating system. Nobody looks any more."""
        with self._lock:
            self._readers.clear()
            poll, self._poll = self._poll, None
            if poll is not None:
                poll.close()
                os.close(self._bell)

    # One thread at a time.

    def look(self, *, wait: bool) -> None:
        """Read what there is to be read.

        Args:
            wait: for something to be read, or until the bell rings.
        """
        self.run_errands()
        poll = self._poll
        if poll is None:
            return
        for file, _ in poll.poll(None if wait else 0, _AT_ONCE):
            if file == self._bell:
                self._hush()
            elif (read := self._readers.get(file)) is not None:
                try:
                    read()
                except Exception:
                    logger.exception("a socket could not be read")
        self.run_errands()

    def _hush(self) -> None:
        with self._lock, contextlib.suppress(BlockingIOError):
            self._is_rung = False
            os.eventfd_read(self._bell)

    def _opened(self) -> select.epoll:
        if self._poll is None:
            poll = select.epoll()
            try:
                self._bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
            except BaseException:
                poll.close()
                raise
            poll.register(self._bell, select.EPOLLIN)
            self._is_rung = False
            self._poll = poll
        return self._poll
