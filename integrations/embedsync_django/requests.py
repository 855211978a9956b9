"""Django's requests in words of no framework."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from typing import Any

from django.conf import settings
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest
from django.urls import set_script_prefix

from embedsync.asgi.protocol import Scope
from embedsync.request import Request
from embedsync_django.surroundings import (
    connections_of_thread,
    context_of_turn,
    noted,
    surrounded,
    surroundings,
)
from embedsync_django.users import ended_logins, fresh, is_of_login, key_of, plain, user_of_cookies

__all__ = ["handshake_of", "request_of", "request_of_anybody"]


def request_of(http: HttpRequest) -> Request:
    """What the engine may know of a request while Django answers it. Asks the database for its user.

    Raises:
        DisallowedHost: the host is none of ``ALLOWED_HOSTS``.
    """
    user = plain(http.user) if hasattr(http, "user") else user_of_cookies(http.COOKIES)
    # A site's own tests give requests a plain dictionary for a session.
    has_ended = getattr(getattr(http, "session", None), "session_key", None) in ended_logins
    return _request(http, None if has_ended else user)


def request_of_anybody(http: HttpRequest) -> Request:
    """The same where it does not matter who asks. It touches neither database nor session.

    Raises:
        DisallowedHost: the host is none of ``ALLOWED_HOSTS``.
    """
    return _request(http, None)


def handshake_of(scope: Scope) -> Request:
    """What documents and the engine may know of the handshake of a WebSocket.

    The user is the one that a middleware has put into the scope, else the one who is logged in with the
    cookies. App code runs with the database connections, the language and the time zone that a view
    would have. Asks the database, so it is not for threads that serve sockets.

    Raises:
        DisallowedHost: the host is none of ``ALLOWED_HOSTS``.
    """
    set_script_prefix(script_prefix_of(scope))
    http = ASGIRequest({**scope, "type": "http", "method": "GET"}, BytesIO())
    with connections_of_thread():
        if "user" in scope:
            user, of_login = plain(scope["user"]), is_of_login(plain(scope["user"]), scope.get("session"))
        else:
            user, of_login = user_of_cookies(http.COOKIES), True
        request = _request(http, user)
    request = replace(request, turn_context=context_of_turn, thread_context=surroundings, awaiting=surrounded)
    if request.user_key == "":
        return request

    def reload() -> Request | None:
        found = fresh(request.user, request.cookies, of_login=of_login)
        return replace(request, user=found, user_key=key_of(found)) if key_of(found) else None

    return replace(request, reload=reload)


def script_prefix_of(scope: Scope) -> str:
    """Below which path of its host the site is, as Django finds it."""
    return settings.FORCE_SCRIPT_NAME or scope.get("root_path", "") or "/"


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
