"""What a document may know about the visit that opened it, whatever framework took the request."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Request"]


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
        context: makes the context manager in which code of the app runs, such as Flask's
            application context.
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
    context: Callable[[], AbstractContextManager[Any]] = nullcontext
    framework: Any = None
