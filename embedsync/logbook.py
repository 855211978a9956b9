"""Log lines of the engine are written by a thread of their own, so that a log that is stuck delays nobody.

A full disk, a pipe that nobody reads, a collector that is away: a handler of Python's ``logging``
then holds up whoever has something to say, and all others who wait for the handler's lock. Threads
that serve sockets, and those that run turns, cannot afford that.
"""

from __future__ import annotations

import contextlib
import contextvars
import logging
import os
import threading
import traceback
from collections import deque
from collections.abc import Callable
from functools import partial

__all__ = ["Logbook"]

logger = logging.getLogger("embedsync.log")

_PATIENCE = 0.5
"""Seconds. Handlers that are well take less for a line, which so comes before what happens next."""
_LAST_LINES = 1.0
"""Seconds that handlers have, when a process ends, for what waits."""
_LOGGERS = frozenset({"embedsync", "bokeh"})
"""By the first part of their names. Bokeh has something to say in turns, such as that a layout is empty."""

_open: list[Logbook] = []
"""Those of this process. Loggers belong to the process, so the one that was opened first writes for all."""


class _Line:
    """A record on its way to the handlers of its logger."""

    def __init__(self, source: logging.Logger, record: logging.LogRecord) -> None:
        self.source = source
        self.record = record
        # A site's filters and formatters may look up there what is being served.
        self._context = contextvars.copy_context()
        self.written = threading.Event()

    def write(self) -> None:
        try:
            self._context.run(logging.Logger.callHandlers, self.source, self.record)
        except Exception:  # noqa: BLE001 - it is the site's handler
            # As in `logging.Handler.handleError`: there is no other place to say it.
            if logging.raiseExceptions:
                traceback.print_exc()
        finally:
            self.written.set()


class Logbook:
    """Hands records to the handlers of their loggers, in order, on one thread.

    Whoever logs waits until the line is written, as ever, but only for a moment; and as long as lines
    are behind, nobody waits. Handlers, levels and filters remain the site's: nothing about them changes.

    Args:
        most_lines: that may wait for the handlers; further ones are dropped, and counted.
        patience: seconds that the first one waits for handlers that are stuck.
        on_dropped: told of each line that was dropped. Must not log.
    """

    def __init__(
        self, most_lines: int, *, patience: float = _PATIENCE, on_dropped: Callable[[], None] | None = None
    ) -> None:
        self.most_lines = most_lines
        self._patience = patience
        self._on_dropped = on_dropped
        self._process: int | None = None
        # Its lock can be taken again by the thread that holds it, which a signal handler may interrupt.
        self._changed = threading.Condition()
        self._lines: deque[_Line] = deque()
        self._behind = False
        self._dropped = 0
        self._ended = False
        self._thread: threading.Thread | None = None

    def open(self) -> None:
        """Take the lines of all loggers of the engine and of Bokeh that there are. Twice changes nothing."""
        if self in _open or self._ended:
            return
        self._process = os.getpid()
        for name, source in list(logging.root.manager.loggerDict.items()):
            if isinstance(source, logging.Logger) and name.partition(".")[0] in _LOGGERS:
                source.callHandlers = partial(_call_handlers, source)  # type: ignore[method-assign]
        _open.append(self)

    def write(self, source: logging.Logger, record: logging.LogRecord) -> None:
        """Take a record that a logger has found worth handling. From any thread."""
        line = _Line(source, record)
        if threading.current_thread() is self._thread or os.getpid() != self._process:
            # Threads do not come along when a process forks.
            line.write()
            return
        with self._changed:
            alone, full = self._ended or not self._start(), len(self._lines) >= self.most_lines
            if full and not alone:
                self._dropped += 1
            elif not alone:
                self._lines.append(line)
                self._changed.notify()
            wait = not self._behind
        if alone:
            line.write()
        elif full:
            self._tell_dropped()
        elif wait and not line.written.wait(self._patience):
            self._behind = not line.written.is_set()

    def close(self) -> None:
        """Write what waits, if the handlers are well, and end. Later records are written at once."""
        with contextlib.suppress(ValueError):  # it was never opened
            _open.remove(self)
        with self._changed:
            self._ended = True
            self._changed.notify()
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(_LAST_LINES)

    def _start(self) -> bool:
        """Whether there is the thread; the process may be allowed no more of them, or about to end."""
        if self._thread is None:
            # A daemon, because a handler that is stuck must not keep the process.
            thread = threading.Thread(target=self._run, name="embedsync-log", daemon=True)
            try:
                thread.start()
            except RuntimeError:
                return False
            self._thread = thread
        return True

    def _run(self) -> None:
        while self._wait_for_line():
            self._write_next()

    def _wait_for_line(self) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: self._lines or self._ended)
            return bool(self._lines)

    def _write_next(self) -> None:
        # Not in a variable: what a traceback holds must not stay until the next line comes.
        self._lines[0].write()
        with self._changed:
            self._lines.popleft()
            if self._lines:
                return
            self._behind = False
            dropped, self._dropped = self._dropped, 0
        if dropped:
            logger.warning("the log was stuck: %d lines were dropped ('log_lines')", dropped)

    def _tell_dropped(self) -> None:
        if self._on_dropped is not None:
            self._on_dropped()


def _call_handlers(source: logging.Logger, record: logging.LogRecord) -> None:
    """Stands in place of ``callHandlers`` of each of the engine's loggers."""
    for book in _open:
        book.write(source, record)
        return
    logging.Logger.callHandlers(source, record)
