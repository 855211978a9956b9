"""Knowing whether the running code is inside a turn of a document's session."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from threading import get_ident
from typing import Any

from embedsync.documents.bokeh.curdoc import CurrentDocument

__all__ = ["Turn", "TurnContext", "current_turn", "go_on_here"]

_current: ContextVar[Turn | None] = ContextVar("embedsync_turn", default=None)


class Turn:
    """One turn: who has it, and on which threads its code runs.

    The context alone does not tell: threads and tasks that app code starts inherit it, and may
    outlive the turn or run beside it. So the threads that the turn is known to use count too.
    """

    def __init__(self, owner: object) -> None:
        self.owner = owner
        self.active = True
        self._threads = {get_ident()}

    def here(self) -> None:
        """Note that the turn goes on on this thread."""
        self._threads.add(get_ident())

    def enter(self) -> Turn | None:
        """Make this the turn of the running context; returns the one before."""
        previous = _current.get()
        _current.set(self)
        self.here()
        return previous

    def leave(self, previous: Turn | None) -> None:
        """Undo :meth:`enter`."""
        _current.set(previous)


def go_on_here(owner: object) -> None:
    """The turn in this context, if it is one of ``owner``, goes on on the running thread."""
    turn = _current.get()
    if turn is not None and turn.owner is owner and turn.active:
        turn._threads.add(get_ident())


def current_turn(owner: Any) -> Turn | None:
    """The turn of ``owner`` that the running code belongs to, or ``None`` outside of one."""
    turn = _current.get()
    if turn is None or turn.owner is not owner or not turn.active or get_ident() not in turn._threads:
        return None
    return turn


class TurnContext(CurrentDocument):
    """What a turn runs in: its document is the current one, and its changes are its own.

    Args:
        owner: whose turn it is.
        document: what app code knows as ``curdoc()``.
        ended: called at the end.
    """

    # No generator: one is entered for each event, and a generator takes three times as long.
    __slots__ = ("_ended", "_owner", "_previous", "_turn")

    def __init__(self, owner: object, document: Any, ended: Callable[[], None]) -> None:
        super().__init__(document)
        self._owner = owner
        self._ended = ended

    def __enter__(self) -> None:
        self._previous = _current.get()
        self._turn = Turn(self._owner)
        _current.set(self._turn)
        super().__enter__()

    def __exit__(self, *raised: object) -> None:
        super().__exit__()
        self._turn.active = False
        _current.set(self._previous)
        self._ended()
