"""What a document may know about the visit that opened it, whatever framework took the request."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from typing import Any

from embedsync.ahead import Ahead

__all__ = ["ENDPOINT_URL", "PAGE_PATH", "Request"]

ENDPOINT_URL = "endpoint"
"""Under this, ``Request.page`` has the URL of the endpoint, as the page reaches it."""

PAGE_PATH = "path"
"""Under this, ``Request.page`` has the path of a page that shows nothing but the app."""


def _as_it_is(request: Request, awaitable: Awaitable[Any]) -> Awaitable[Any]:
    return awaitable


def _as_on_the_thread(request: Request) -> Context:
    return copy_context()


@dataclass(frozen=True, slots=True)
class Request:
    """The WebSocket handshake of a visit, in words of no framework.

    Attributes:
        scheme: ``"http"`` or ``"https"``, as the browser sees the site.
        host: host and port as the browser wrote them, such as ``"example.org:8000"``.
        path: path of the request.
        headers: request headers, names in Title-Case; values joined where a name came twice.
        cookies: cookies by name.
        remote_address: address of the peer, without port; empty where there is none.
        origin: value of the ``Origin`` header, or ``None``.
        user: what the site's user loader returned; ``None`` for a stranger.
        user_key: a stable text naming the user, compared when a session is resumed.
        page: what the adapter noted in the ticket about the page, such as its language.
        context: makes, of this request, the context manager in which each turn runs, such as
            Flask's application context. A turn may go on on another thread; its context variables
            come along.
        turn_context: makes, of this request, the context variables of a turn, on the thread on which that
            begins; always a new copy. For what is the same in all turns, and costly to set.
        thread_context: makes, of this request, the context manager around what runs on one thread at a
            stretch: a turn, or a part of one. For what belongs to threads, such as Django's connections,
            and for context variables that are valid on the thread that set them, as Django's are.
        permission_context: makes, of this request, the context manager in which the ``permission`` of an app
            is asked, inside ``context``. It is also asked where the framework handles no request.
        awaiting: put, with this request, around what asynchronous app code has to be awaited for. It runs
            on the application loop, in the context of the turn.
        reload: asks the site again who makes this request, and returns the request with that
            user; ``None`` if nobody is logged in as the same user any more. May take long, so it
            is not called on threads that serve sockets. Without it, users stay who they were.
        framework: the framework's own request or scope, for adapters; may be ``None``.
        ahead: set while a document is built before any visitor has come, and told when something of the
            visit is looked at, also what the contexts above stand for.
    """

    scheme: str = "http"
    host: str = ""
    path: str = "/"
    headers: Mapping[str, str] = field(default_factory=dict)
    cookies: Mapping[str, str] = field(default_factory=dict)
    remote_address: str = ""
    origin: str | None = None
    user: Any = None
    user_key: str = ""
    page: Mapping[str, str] = field(default_factory=dict)
    context: Callable[[Request], AbstractContextManager[Any]] = nullcontext
    turn_context: Callable[[Request], Context] = _as_on_the_thread
    thread_context: Callable[[Request], AbstractContextManager[Any]] = nullcontext
    permission_context: Callable[[Request], AbstractContextManager[Any]] = nullcontext
    awaiting: Callable[[Request, Awaitable[Any]], Awaitable[Any]] = _as_it_is
    reload: Callable[[], Request | None] | None = None
    framework: Any = None
    ahead: Ahead | None = None
