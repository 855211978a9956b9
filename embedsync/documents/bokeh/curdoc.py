"""``curdoc()`` that is right in every turn, whatever else runs at the same time.

Bokeh 3.9 keeps the current document in a list that all threads share. In its place goes an object
that looks like the list and keeps one for each context. Bokeh 3.10 has a context variable itself.
"""

from __future__ import annotations

import threading
import weakref
from contextvars import ContextVar
from typing import Any

__all__ = ["CurrentDocument", "install"]

_Stack = tuple["weakref.ref[Any]", ...]

_install_lock = threading.Lock()
_installed: Any = None


class _ContextStack:
    """Stands in for Bokeh's list: inside our turns it is the context's own, elsewhere the shared one."""

    def __init__(self, shared: list[Any]) -> None:
        self._shared = shared
        self._own: ContextVar[_Stack | None] = ContextVar("embedsync_curdoc", default=None)

    def get(self) -> _Stack | None:
        return self._own.get()

    def set(self, stack: _Stack | None) -> None:
        self._own.set(stack)

    def _visible(self) -> list[Any] | _Stack:
        own = self._own.get()
        return self._shared if own is None else own

    def __len__(self) -> int:
        return len(self._visible())

    def __getitem__(self, index: int) -> Any:
        return self._visible()[index]

    def append(self, reference: Any) -> None:
        own = self._own.get()
        if own is None:
            self._shared.append(reference)
        else:
            self._own.set((*own, reference))

    def pop(self) -> Any:
        own = self._own.get()
        if own is None:
            return self._shared.pop()
        self._own.set(own[:-1])
        return own[-1]


def install() -> Any:
    """Make ``curdoc()`` a matter of the context; doing it again changes nothing.

    Returns something whose ``get`` and ``set`` give and take the context's stack of documents.
    """
    global _installed
    if _installed is not None:
        return _installed
    import bokeh.io.doc as module

    with _install_lock:
        if isinstance(module._PATCHED_CURDOCS, list):
            module._PATCHED_CURDOCS = _ContextStack(module._PATCHED_CURDOCS)  # type: ignore[assignment]
        _installed = module._PATCHED_CURDOCS
        return _installed


class CurrentDocument:
    """Makes ``document`` the current one in the running context, from ``with`` to its end."""

    __slots__ = ("_before", "_document", "_stack")

    def __init__(self, document: Any) -> None:
        self._document = document
        self._stack = _installed if _installed is not None else install()
        self._before: _Stack | None = None

    def __enter__(self) -> None:
        self._before = self._stack.get()
        self._stack.set((*(self._before or ()), weakref.ref(self._document)))

    def __exit__(self, *raised: object) -> None:
        # Set back rather than popped: what app code left on the stack goes with it.
        self._stack.set(self._before)
