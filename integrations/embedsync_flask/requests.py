"""The current Flask request in words of no framework."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from io import BytesIO
from typing import Any

from flask import Flask, current_app, has_request_context, request

from embedsync.request import Request
from embedsync_flask.users import UserLoader, load_user

__all__ = ["nobody", "request_of"]


def nobody(app: Flask) -> Request:
    """What stands for a visit while a document is built ahead of it: the app's context, as in any turn."""
    return Request(context=lambda _: app.app_context())


def request_of(loader: UserLoader | None) -> Request:
    """What documents and the engine may know of the current request.

    Application code will run in the Flask app's context: ``current_app`` and ``g`` work in it, with
    a ``g`` of its own for each turn.

    Who is logged in is asked again while the request's socket is open, and permissions are, in a request
    context like this one, with the same cookies; functions that the app runs before each request are not run
    for it.
    """
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    user, user_key = load_user(app, loader)
    environ = _kept(request.environ)

    def again() -> AbstractContextManager[Any]:
        return app.request_context({**environ, "wsgi.input": BytesIO()})

    def permission_context(_: Request) -> AbstractContextManager[Any]:
        return nullcontext() if has_request_context() else again()

    made = replace(_request(app, user, user_key), permission_context=permission_context)
    if user_key == "":
        return made

    def reload() -> Request | None:
        with again():
            user, user_key = load_user(app, loader)
        return replace(made, user=user, user_key=user_key) if user_key else None

    return replace(made, reload=reload)


def _kept(environ: dict[str, Any]) -> dict[str, Any]:
    """What a request says, without what it holds: its socket, and what middleware and Flask put there."""
    return {
        name: value
        for name, value in environ.items()
        if isinstance(value, str) or name in ("wsgi.version", "wsgi.errors")
    }


def _request(app: Flask, user: Any, user_key: str) -> Request:
    return Request(
        scheme={"ws": "http", "wss": "https"}.get(request.scheme, request.scheme),
        host=request.host,
        path=request.path,
        headers=dict(request.headers),
        cookies=dict(request.cookies),
        remote_address=request.remote_addr or "",
        origin=request.headers.get("Origin"),
        user=user,
        user_key=user_key,
        context=lambda _: app.app_context(),
    )
