"""Users without a database: a cookie says who somebody is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http.cookies import SimpleCookie
from typing import Any

from django.http import HttpRequest, HttpResponse

from tests.contract.people import user_named


@dataclass(frozen=True)
class CookieUser:
    pk: str
    is_authenticated: bool = True
    is_active: bool = True

    def __repr__(self) -> str:
        return repr(self.pk)


class UserOfCookie:
    """Middleware of Django: sets ``request.user``."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        name = user_named(request.COOKIES.get("user"))
        request.user = CookieUser(name) if name else None  # type: ignore[assignment]
        return self._get_response(request)


def with_user_of_cookie(application: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    """Middleware of ASGI: sets ``scope["user"]``."""

    async def serve(scope: dict[str, Any], receive: Any, send: Any) -> None:
        cookies = SimpleCookie(dict(scope["headers"]).get(b"cookie", b"").decode())
        name = user_named(cookies["user"].value if "user" in cookies else None)
        user = CookieUser(name) if name else None
        await application({**scope, "user": user}, receive, send)

    return serve
