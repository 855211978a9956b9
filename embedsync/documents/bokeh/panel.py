"""Panel finds in our documents what it finds under its own server. It is never imported from here.

Panel keeps what it knows of documents in dictionaries of ``pn.state``. Where it would take a turn that goes on
on another thread for code beside the document, it is told better.
"""

from __future__ import annotations

import functools
import sys
import threading
import weakref
from typing import Any

__all__ = ["is_shown_by_panel", "show", "welcome"]

_install_lock = threading.Lock()
_NO_THREAD = -1


class _Threads(weakref.WeakKeyDictionary[Any, int]):
    """Which thread a document belongs to: the running one, in a turn of its session; else none.

    Panel asks to find out whether it may change the document at once.
    """

    def get(self, document: Any, default: Any = None) -> Any:
        context = getattr(document, "_session_context", None)
        context = context() if context is not None else None
        has_turn = getattr(context, "has_turn", None)
        if has_turn is None:
            return super().get(document, default)
        return threading.get_ident() if has_turn else _NO_THREAD


def welcome(document: Any, context: Any) -> bool:
    """Let Panel know a document, if it is there; says whether it is."""
    state = _state()
    base = context.extension_url("panel") if state is not None else None
    if base is None:  # It is not there, or is being imported just now.
        return False
    document._knows_panel = True
    _install(state)
    # Changes are noted from the start, and told to each browser when it comes.
    state._connected[document] = True
    state._rel_paths[document] = base
    document.template_variables["dist_url"] = f"{base}/static/extensions/panel/"
    document.on_event("document_ready", functools.partial(state._schedule_on_load, document))
    return True


def is_shown_by_panel(thing: Any) -> bool:
    """Whether this is something that Panel shows."""
    return _state() is not None and (hasattr(thing, "servable") or hasattr(thing, "__panel__"))


def show(document: Any, thing: Any) -> None:
    """Add what an app returned to its document, as Panel's server does."""
    panel = sys.modules["panel"]
    if not isinstance(thing, panel.template.base.BaseTemplate):
        thing = panel.panel(thing)
    thing.server_doc(document)


def _state() -> Any:
    """``pn.state``, once Panel is imported."""
    return getattr(sys.modules.get("panel.io.state"), "state", None)


def _install(state: Any) -> None:
    kind = type(state)
    with _install_lock:
        if not isinstance(kind._thread_id_, _Threads):
            kind._thread_id_ = _Threads(kind._thread_id_)
