"""What Django puts around a request, put around app code: connections, language, time zone."""

from __future__ import annotations

import datetime as dt
from collections.abc import Awaitable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any
from zoneinfo import ZoneInfo

from asgiref.sync import SyncToAsync, ThreadSensitiveContext, sync_to_async
from django.db import close_old_connections, connections, reset_queries
from django.urls import get_script_prefix, set_script_prefix
from django.utils import timezone, translation

from embedsync.request import Request

__all__ = ["active", "connections_of_thread", "noted", "surrounded", "surroundings"]


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


@contextmanager
def connections_of_thread() -> Iterator[None]:
    """Treat the thread's database connections as a request does: ``CONN_MAX_AGE`` holds."""
    reset_queries()
    close_old_connections()
    try:
        yield
    finally:
        close_old_connections()


@contextmanager
def surroundings(request: Request) -> Iterator[None]:
    """What is around app code while it runs on one thread."""
    with connections_of_thread(), active(request.page):
        yield


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
