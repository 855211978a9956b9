"""Panel finds in our documents what it finds under its own server. Only apps import it.

Panel keeps what it knows of documents in dictionaries of ``pn.state``. Where it would take a turn that goes
on on another thread for code beside the document, it is told better.
"""

from __future__ import annotations

import functools
import importlib
import logging
import sys
import threading
import weakref
from collections.abc import Callable
from typing import Any

from embedsync.request import PAGE_PATH

__all__ = ["component_of", "components", "finish", "forgiving", "is_shown_by_panel", "show", "welcome"]

log = logging.getLogger("embedsync.bokeh")

_install_lock = threading.Lock()
_NO_THREAD = -1
_OF_COMPONENTS = ("ReactiveHTML", "ReactiveESM", "ReactComponent", "AnyWidgetComponent")


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
    if base is None:
        return False
    document._knows_panel = True
    _install(state)
    # Changes are noted from the start, and told to each browser when it comes.
    state._connected[document] = True
    state._rel_paths[document] = base
    document.template_variables["dist_url"] = f"{base}/static/extensions/panel/"
    document.on_event("document_ready", functools.partial(state._schedule_on_load, document))
    if PAGE_PATH in context.page:
        state._locations[document] = _location(context.request)
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


def finish(document: Any) -> None:
    """App code has run: show the template that it has filled, if Panel has one for the document."""
    template = state._templates.get(document) if (state := _state()) is not None else None
    if template is not None and document not in template._documents:
        template.server_doc(document, title=template.title, location=True)


def component_of(model: Any) -> type | None:
    """The component that a model with JavaScript of its own belongs to; ``None`` for other models."""
    if type(model).__name__ not in _OF_COMPONENTS:
        return None
    return components().get(type(model.data))


def components() -> dict[type, type]:
    """All components with JavaScript of their own, by the classes of models that hold their values.

    Such a class is Panel's by its module, though the component may be one session's.
    """
    waiting: list[type] = [getattr(sys.modules.get("panel.reactive"), "ReactiveCustomBase", type(None))]
    found: dict[type, type] = {}
    while waiting:
        kind = waiting.pop()
        if "_data_model" in kind.__dict__:
            found[kind.__dict__["_data_model"]] = kind
        waiting.extend(kind.__subclasses__())
    return found


def forgiving(hook: Callable[..., Any]) -> Callable[..., Any]:
    """A hook for the end of a session; one of Panel's may find that another has done its work already."""
    # What is written in C may have no module.
    if not (getattr(hook, "__module__", None) or "").startswith("panel."):
        return hook

    @functools.wraps(hook)
    def run(*arguments: Any) -> Any:
        try:
            return hook(*arguments)
        except KeyError as error:
            log.debug("Panel's %s found nothing left to do: %r", hook.__qualname__, error)
            return None

    return run


def _state() -> Any:
    """``pn.state``, once Panel is imported, all of it."""
    module = sys.modules.get("panel")
    if module is None or getattr(module.__spec__, "_initializing", False):
        return None
    return module.state


def _location(request: Any) -> Any:
    """The page's address, which the browser will tell as well, later."""
    module = importlib.import_module("panel.io.location")
    address = f"{request.path}?{request.query}" if request.query else request.path
    location = module.Location()
    with importlib.import_module("panel.util").edit_readonly(location):
        location.param.update(module._get_location_params(request.protocol, request.host, address))
    return location


def _known_user(panels: Callable[[Any], str | None]) -> Callable[[Any], str | None]:
    """``pn.state.user``: who visits, as the site knows them; else what Panel finds in cookies of its own."""

    def user(state: Any) -> str | None:
        document = state.curdoc
        context = document.session_context if document is not None else None
        known = getattr(context, "user_name", None)
        return known if known is not None else panels(state)

    return user


def _install(state: Any) -> None:
    kind = type(state)
    with _install_lock:
        if not isinstance(kind._thread_id_, _Threads):
            kind._thread_id_ = _Threads(kind._thread_id_)
            kind.user = property(_known_user(kind.user.fget), doc=kind.user.__doc__)
