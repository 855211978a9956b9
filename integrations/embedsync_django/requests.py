"""Django's requests in words of no framework."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from typing import Any

from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest

from embedsync.asgi.protocol import Scope
from embedsync.request import Request
from embedsync_django.surroundings import (
    connections_of_thread,
    language_and_time_zone,
    noted,
    with_connections_closed,
)
from embedsync_django.users import key_of, plain, user_of_cookies

__all__ = ["handshake_of", "request_of"]


def request_of(http: HttpRequest) -> Request:
    """What the engine may know of a request while Django answers it.

    Raises:
        DisallowedHost: the host is none of ``ALLOWED_HOSTS``.
    """
    return _request(http, plain(getattr(http, "user", None)))


def handshake_of(scope: Scope) -> Request:
    """What documents and the engine may know of the handshake of a WebSocket.

    App code runs with the database connections, the language and the time zone that a view would have.

    Raises:
        DisallowedHost: the host is none of ``ALLOWED_HOSTS``.
    """
    http = ASGIRequest({**scope, "type": "http", "method": "GET"}, BytesIO())
    request = replace(
        _request(http, plain(scope.get("user"))),
        context=language_and_time_zone,
        thread_context=connections_of_thread,
        awaiting=with_connections_closed,
    )
    return replace(request, reload=lambda: _now(request)) if request.user_key else request


def _request(http: HttpRequest, user: Any) -> Request:
    return Request(
        scheme={"ws": "http", "wss": "https"}.get(http.scheme or "", http.scheme or "http"),
        host=http.get_host(),
        path=http.path,
        headers=dict(http.headers),
        cookies=dict(http.COOKIES),
        remote_address=http.META.get("REMOTE_ADDR", ""),
        origin=http.headers.get("Origin"),
        user=user,
        user_key=key_of(user),
        page=noted(),
    )


def _now(request: Request) -> Request | None:
    user = user_of_cookies(request.cookies)
    return replace(request, user=user, user_key=key_of(user)) if key_of(user) else None
