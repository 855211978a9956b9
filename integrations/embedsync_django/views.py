"""The HTTP side of the endpoint, as one view."""

from __future__ import annotations

from django.db.transaction import non_atomic_requests
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from embedsync.routes import Routes, read_body
from embedsync.stock.pages import StockPages
from embedsync_django.registry import embed
from embedsync_django.requests import request_of, request_of_anybody

__all__ = ["live"]


@csrf_exempt  # A ticket is only given to who shows one, and the origin is checked: nothing is changed.
@non_atomic_requests  # Files and health must not need the database.
def live(request: HttpRequest, path: str) -> HttpResponse:
    """Answer a request below the endpoint."""
    routes, stock = Routes(embed.hub), StockPages(embed.hub)
    body = read_body(request, routes.body_limit) if request.method == "POST" else b""
    if body is None:
        return HttpResponse(status=413)
    is_public = routes.is_public(path) and not stock.asks_who(path)
    asked = request_of_anybody(request) if is_public else request_of(request)
    method = request.method or ""
    answer = stock.respond(method, path, request.META.get("QUERY_STRING", ""), asked)
    if answer is None:
        answer = routes.respond(method, path, asked, body)
    return HttpResponse(answer.body, status=answer.status, headers=dict(answer.headers))


# Django's LoginRequiredMiddleware would send strangers to the login page; who may have a ticket is
# decided by the app's permission. By hand, for Django 4.2 has no `login_not_required`.
live.login_required = False  # type: ignore[attr-defined]
