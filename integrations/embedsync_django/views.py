"""The HTTP side of the endpoint, as one view."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from embedsync.routes import Routes, read_body
from embedsync_django.registry import embed
from embedsync_django.requests import request_of

__all__ = ["live"]


@csrf_exempt  # A ticket is only given to who shows one, and the origin is checked: nothing is changed.
def live(request: HttpRequest, path: str) -> HttpResponse:
    """Answer a request below the endpoint."""
    routes = Routes(embed.hub)
    body = read_body(request, routes.body_limit) if request.method == "POST" else b""
    if body is None:
        return HttpResponse(status=413)
    answer = routes.respond(request.method or "", path, request_of(request), body)
    return HttpResponse(answer.body, status=answer.status, headers=dict(answer.headers))
