"""What Django puts around a request, put around app code: connections, language, time zone."""

from __future__ import annotations

from collections.abc import Awaitable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from asgiref.sync import SyncToAsync, ThreadSensitiveContext, sync_to_async
from django.db import close_old_connections, connections, reset_queries
from django.utils import timezone, translation

from embedsync.request import Request

__all__ = ["connections_of_thread", "language_and_time_zone", "noted", "with_connections_closed"]


def noted() -> dict[str, str]:
    """The language and the time zone that are active now, to be noted in a ticket."""
    return {"language": translation.get_language() or "", "time_zone": timezone.get_current_timezone_name()}


@contextmanager
def language_and_time_zone(request: Request) -> Iterator[None]:
    """Activate what was active when the page was made."""
    with ExitStack() as stack:
        if language := request.page.get("language"):
            stack.enter_context(translation.override(language))
        if name := request.page.get("time_zone"):
            stack.enter_context(timezone.override(name))
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


async def with_connections_closed(awaitable: Awaitable[Any]) -> Any:
    """Await something whose use of the database runs on one thread, and leaves no connection behind.

    Without a thread of its own, it would share asgiref's only one with the rest of the process.
    """
    async with ThreadSensitiveContext() as threads:
        try:
            return await awaitable
        finally:
            if threads in SyncToAsync.context_to_thread_executor:
                # The thread ends with the context, and a connection that is kept would be lost with it.
                await sync_to_async(connections.close_all)()
