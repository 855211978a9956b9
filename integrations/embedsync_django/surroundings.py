"""What Django puts around a request, put around app code: connections, language, time zone."""

from __future__ import annotations

import datetime as dt
from collections.abc import Awaitable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from contextvars import Context, ContextVar, copy_context
from threading import get_ident, local
from typing import Any
from zoneinfo import ZoneInfo

from asgiref.sync import SyncToAsync, ThreadSensitiveContext, sync_to_async
from django.db import close_old_connections, connections
from django.db.backends.signals import connection_created
from django.urls import get_script_prefix, set_script_prefix
from django.utils import timezone, translation
from django.utils.translation import trans_real

from embedsync.request import Request

__all__ = ["active", "connections_of_thread", "context_of_turn", "noted", "surrounded", "surroundings"]

_Kind = tuple[str | None, str | None, str | None]
"""What is active for a page: language, time zone, and where the site begins."""

_MOST_KINDS = 100
"""Kinds of pages whose contexts a thread keeps."""


class _OfThread(local):
    def __init__(self) -> None:
        self.contexts: dict[_Kind, Context] = {}
        self.translations: Any = None
        self.has_connected = False
        """Whether there may be a connection on this thread that has to be looked after."""


_of_thread = _OfThread()
_is_active: ContextVar[tuple[int, _Kind] | None] = ContextVar("embedsync_active", default=None)
"""On which thread what is active in this context, until a turn has begun with it."""


def noted() -> dict[str, str]:
    """What is active now, to be noted in a ticket: language, time zone, and where the site begins."""
    return {
        "language": translation.get_language() or "",
        "time_zone": _name_of_time_zone(),
        "prefix": get_script_prefix(),
    }


@contextmanager
def active(page: Mapping[str, str]) -> Iterator[None]:
    """Activate what was noted, on this thread; Django keeps these things apart by thread and by task."""
    with ExitStack() as stack:
        if language := page.get("language"):
            stack.enter_context(translation.override(language))
        if name := page.get("time_zone"):
            stack.enter_context(timezone.override(_time_zone(name)))
        if prefix := page.get("prefix"):
            stack.callback(set_script_prefix, get_script_prefix())
            set_script_prefix(prefix)
        yield


def _note_connection(**_: Any) -> None:
    _of_thread.has_connected = True


# To ask Django whether a thread has any takes longer than all else that is around a turn; most have none.
connection_created.connect(_note_connection)


def _look_after_connections() -> None:
    """What Django does at the end of a request."""
    if _of_thread.has_connected:
        close_old_connections()
        left = connections.all(initialized_only=True)
        _of_thread.has_connected = any(each.connection is not None or each.queries_log for each in left)


class connections_of_thread:  # noqa: N801  (it is used as a function, and costs less as a class)
    """Treat the thread's database connections as a request does: ``CONN_MAX_AGE`` holds."""

    __slots__ = ()

    def __enter__(self) -> None:
        if not _of_thread.has_connected:
            return
        for connection in connections.all(initialized_only=True):
            connection.queries_log.clear()  # As `reset_queries` does.
            connection.close_if_unusable_or_obsolete()

    def __exit__(self, *_: object) -> None:
        _look_after_connections()


def context_of_turn(request: Request) -> Context:
    """The context of a turn that begins on this thread: what belongs to the page is active in it already.

    Each of the places where Django keeps such things has a lock, for which the threads of the pool wait in a
    queue. So there is one context for each kind of page, and each turn has a copy. What was activated is
    valid on the thread that has done it.
    """
    kind = _kind_of(request)
    made = _of_thread.contexts
    translations = getattr(trans_real, "_active", None)
    if _of_thread.translations is not translations:
        # Django has begun anew with languages: a catalogue was edited, or a setting has changed.
        _of_thread.translations = translations
        made.clear()
    context = made.get(kind)
    if context is None:
        context = copy_context()
        try:
            context.run(_activate, kind)
        except Exception:  # noqa: BLE001  (it fails again where the turn's own failures are handled)
            return copy_context()
        if len(made) >= _MOST_KINDS:
            made.clear()
        made[kind] = context
    return context.copy()


class surroundings:  # noqa: N801  (it is used as a function, and costs less as a class)
    """What is around app code while it runs on one thread."""

    __slots__ = ("_active", "_request")

    def __init__(self, request: Request) -> None:
        self._request = request
        self._active: AbstractContextManager[None] | None = None

    def __enter__(self) -> None:
        connections_of_thread().__enter__()
        if _is_active.get() == (get_ident(), _kind_of(self._request)):
            _is_active.set(None)  # App code may activate something else: only for the beginning of a turn.
            return
        with ExitStack() as stack:
            stack.push(connections_of_thread().__exit__)
            self._active = active(self._request.page)
            self._active.__enter__()
            stack.pop_all()

    def __exit__(self, *raised: Any) -> None:
        try:
            if self._active is not None:
                self._active.__exit__(*raised)
        finally:
            _look_after_connections()


async def surrounded(request: Request, awaitable: Awaitable[Any]) -> Any:
    """Await something whose use of the database runs on one thread, and leaves no connection behind.

    Without a thread of its own, it would share asgiref's only one with the rest of the process.
    """
    async with ThreadSensitiveContext() as threads:
        try:
            with active(request.page):
                return await awaitable
        finally:
            if threads in SyncToAsync.context_to_thread_executor:
                # The thread ends with the context, and a connection that is kept would be lost with it.
                await sync_to_async(connections.close_all)()


def _kind_of(request: Request) -> _Kind:
    page = request.page
    return page.get("language"), page.get("time_zone"), page.get("prefix")


def _activate(kind: _Kind) -> None:
    language, zone, prefix = kind
    if language:
        translation.activate(language)
    if zone:
        timezone.activate(_time_zone(zone))
    if prefix:
        set_script_prefix(prefix)
    _is_active.set((get_ident(), kind))


def _name_of_time_zone() -> str:
    """The name that finds the time zone again, or its minutes from UTC; empty if it has neither."""
    zone: dt.tzinfo = timezone.get_current_timezone()
    if isinstance(zone, dt.timezone):
        return str(round(zone.utcoffset(None).total_seconds() / 60))
    name = timezone.get_current_timezone_name()
    try:
        ZoneInfo(name)
    except (LookupError, ValueError, OSError):
        return ""
    return name


def _time_zone(name: str) -> dt.tzinfo:
    if name.lstrip("-").isdigit():
        return timezone.get_fixed_timezone(int(name))
    return ZoneInfo(name)
