"""What a document may know about the visit that opened it, whatever framework took the request."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Request"]


def _as_it_is(awaitable: Awaitable[Any]) -> Awaitable[Any]:
    return awaitable


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
        thread_context: makes the context manager around what runs on one thread at a stretch:
            a turn, or a part of one. For what belongs to threads, such as Django's connections.
        awaiting: put around what asynchronous app code has to be awaited for.
        reload: asks the site again who makes this request, and returns the request with that
            user; ``None`` if nobody is logged in as the same user any more. May take long, so it
            is not called on threads that serve sockets. Without it, users stay who they were.
        framework: the framework's own request or scope, for adapters; may be ``None``.
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
    thread_context: Callable[[], AbstractContextManager[Any]] = nullcontext
    awaiting: Callable[[Awaitable[Any]], Awaitable[Any]] = _as_it_is
    reload: Callable[[], Request | None] | None = None
    framework: Any = None
