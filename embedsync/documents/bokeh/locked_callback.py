"""Functions that any thread may call, and that run as turns of a document's session.

Bokeh 3.10 has ``Document.locked_callback``; this is the same for all versions.
"""

from __future__ import annotations

import functools
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from embedsync.errors import MailboxFull

__all__ = ["POLICIES", "LockedCallback"]

POLICIES = ("every", "latest")
_MOST_WAITING = 1000
"""Calls of one function that wait for their turns; a further one is refused."""
_RETRY = 100
"""Milliseconds until it is tried again, with a session that has no room for a turn."""


class Schedules(Protocol):
    """The document."""

    def add_next_tick_callback(self, callback: Callable[[], Any]) -> Any:
        """Run ``callback`` once, as the next turn."""

    def add_timeout_callback(self, callback: Callable[[], Any], timeout_milliseconds: int) -> Any:
        """Run ``callback`` once, later."""

    def on_session_destroyed(self, *callbacks: Any) -> None:
        """Call these when the session ends."""


class LockedCallback:
    """Calls a function with the arguments that it is called with itself, later, as a turn of the session.

    Args:
        document: whose session it is.
        function: plain or ``async``; with ``"every"`` it runs for each call, in order, and with ``"latest"``
            for the last call only of those that wait.
        policy: ``"every"`` or ``"latest"``.

    Attributes:
        policy: the policy.
        closed: whether the session has ended; calls are ignored then.
    """

    def __init__(self, document: Schedules, function: Callable[..., Any], policy: str) -> None:
        functools.update_wrapper(self, function)
        self.policy = policy
        self.closed = False
        self._function = function
        self._document: Schedules | None = document
        self._lock = threading.Lock()
        self._calls: deque[tuple[tuple[Any, ...], dict[str, Any]]] = deque()
        self._scheduled = False
        document.on_session_destroyed(self._close)

    @property
    def pending(self) -> bool:
        """Whether a call waits for its turn."""
        return bool(self._calls)

    def __call__(self, *arguments: Any, **named: Any) -> None:
        """Have the function called, as soon as the session is free. From any thread; returns at once.

        Raises:
            RuntimeError: too many calls of this function wait already.
        """
        with self._lock:
            if self.closed:
                return
            if self.policy == "latest":
                self._calls.clear()
            elif len(self._calls) >= _MOST_WAITING:
                raise RuntimeError(
                    f"{_MOST_WAITING} calls of {self._function!r} wait for their session already: "
                    "call it less often, or let only the latest count (policy='latest')"
                )
            self._calls.append((arguments, named))
            if self._scheduled:
                return
            self._scheduled = True
        self._post()

    def _post(self) -> None:
        document = self._document
        if document is None:
            return
        try:
            document.add_next_tick_callback(self._run)
        except MailboxFull:
            # Timers are patient. What was taken is not to be lost.
            document.add_timeout_callback(self._run, _RETRY)

    def _run(self) -> Any:
        """Make one call. The others have turns of their own, so that one that fails takes none along."""
        with self._lock:
            call = self._calls.popleft() if self._calls and not self.closed else None
            self._scheduled = more = bool(self._calls)
        if more:
            self._post()
        if call is None:
            return None
        arguments, named = call
        return self._function(*arguments, **named)

    def _close(self, session_context: Any) -> None:
        with self._lock:
            self.closed = True
            self._document = None
            self._calls.clear()
