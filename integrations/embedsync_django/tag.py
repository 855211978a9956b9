"""What the template tag prints, for every template language."""

from __future__ import annotations

import asyncio
import contextvars
import json
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.http import HttpRequest
from django.template import TemplateSyntaxError
from django.utils.safestring import SafeString, mark_safe

from embedsync.errors import ConfigurationError, UnknownApp
from embedsync.html import embed_element, forbidden_app, missing_app, module_script
from embedsync.hub import Hub
from embedsync.request import ENDPOINT_URL, Request
from embedsync_django.configuration import endpoint
from embedsync_django.registry import embed
from embedsync_django.requests import request_of
from embedsync_django.surroundings import active, connections_of_thread, noted

__all__ = ["embed_app", "tag"]

logger = logging.getLogger("embedsync.django")

_Answer = TypeVar("_Answer")


def tag(http: HttpRequest | None, name: str, given: Mapping[str, Any]) -> SafeString:
    """What stands in a template: :func:`embed_app`, whose errors are those of templates.

    Args:
        http: the request, if the template was given it.
        name: of the app.
        given: keyword arguments of the tag; ``class`` may be written as in HTML.

    Raises:
        TemplateSyntaxError: there is no request, or an argument cannot be carried.
    """
    if http is None:
        raise TemplateSyntaxError(
            "embed_app needs the request: render the template with it, as render(request, …) does"
        )
    named = {"class_" if key == "class" else key: value for key, value in given.items()}
    try:
        return embed_app(http, name, **named)
    except ConfigurationError as error:
        raise TemplateSyntaxError(str(error)) from error


def embed_app(
    http: HttpRequest,
    name: str,
    /,
    *,
    root: str = "",
    height: str | int = "",
    class_: str = "",
    id: str | int = "",  # noqa: A002  (the word that HTML has for it)
    session: str | int = "",
    **arguments: Any,
) -> SafeString:
    """The markup of a live app.

    In an async view, the user and the permission are looked up on a thread for which the event loop waits:
    the page is right, but slow questions are better asked by ``await sync_to_async(render)(…)``.

    Args:
        http: the request that is answered with the page.
        name: of the app. An unknown one is a visible box in debug mode, else a comment and an error in
            the log.
        root: name of the one root to show here; all roots if empty. If there is none of the name, a sentence
            says so, in debug mode with the names that there are, as the browser's console does.
        height: CSS height of the placeholder while the document loads, such as ``"420px"``.
        class_: CSS classes for the element.
        id: tells apart several sessions of the same app and arguments on one page.
        session: a name under which all visitors of the app meet in one session.
        arguments: for the app, in ``doc.session_context.request.arguments``; signed. JSON, and what Django
            writes as text in it: dates, decimals, UUIDs, translated text.

    Raises:
        ConfigurationError: an argument cannot be carried; the message names it.
    """
    hub = embed.hub
    try:
        request = _asked(lambda: _permitted(hub, name, http))
        if request is None:
            return mark_safe(forbidden_app())  # noqa: S308  (fixed text)
        ticket = _ticket(hub, http, request, name, str(id), str(session), _plain(arguments))
    except UnknownApp as error:
        logger.error("embed_app: %s", error)
        return mark_safe(missing_app(error, debug=settings.DEBUG))  # noqa: S308  (escaped there)
    element = embed_element(
        app=name,
        ticket=ticket,
        endpoint=endpoint(),
        root=str(root),
        height=str(height),
        class_=str(class_ or ""),
        debug=bool(root) and hub.settings.debug,
    )
    return mark_safe(element + _script(hub, http))  # noqa: S308  (escaped there)


def _permitted(hub: Hub, name: str, http: HttpRequest) -> Request | None:
    """The request, if who makes it may use the app."""
    app = hub.app(name)
    request = request_of(http)
    return request if hub.permits(app, request) else None


def _asked(ask: Callable[[], _Answer]) -> _Answer:
    """Ask the database; on a thread of its own where Django would not let us, for an event loop runs."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return ask()

    here = noted()

    def ask_elsewhere() -> _Answer:
        with connections_of_thread(), active(here):
            return ask()

    with ThreadPoolExecutor(1) as executor:
        return executor.submit(contextvars.copy_context().run, ask_elsewhere).result()


def _ticket(
    hub: Hub,
    http: HttpRequest,
    request: Request,
    name: str,
    page_id: str,
    session: str,
    arguments: Mapping[str, Any],
) -> str:
    """The ticket of a tag. Those of one page that name the same share one, and so a session."""
    tickets: dict[tuple[str, ...], str] = _notes(http).setdefault("tickets", {})
    written = repr(sorted(arguments.items()))
    key = (name, page_id, session, request.user_key, written)
    if key not in tickets:
        page = {**request.page, ENDPOINT_URL: endpoint()}
        tickets[key] = hub.ticket(name, arguments, session=session, user_key=request.user_key, page=page)
    return tickets[key]


def _script(hub: Hub, http: HttpRequest) -> str:
    """The module script. Each tag has it, for the others may stand in a fragment that is not shown."""
    first = not _notes(http).setdefault("has_script", False)
    _notes(http)["has_script"] = True
    modules = hub.assets.runtime_imports() if first else []
    return module_script(hub.assets.runtime_url(), modules=modules, nonce=_nonce_of(http))


def _notes(http: HttpRequest) -> dict[str, Any]:
    """What the tags of one page know of each other."""
    notes: dict[str, Any] | None = getattr(http, "_embedsync_notes", None)
    if notes is None:
        notes = http._embedsync_notes = {}  # type: ignore[attr-defined]
    return notes


def _plain(arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _as_json(value) for name, value in arguments.items()}


def _as_json(value: Any) -> Any:
    try:
        return json.loads(json.dumps(value, cls=DjangoJSONEncoder))
    except (TypeError, ValueError, RecursionError):
        return value  # The ticket cannot carry it either, and says so by its name.


def _nonce_of(http: HttpRequest) -> str:
    """The nonce that django-csp, or Django 6 itself, has made for this response."""
    nonce = getattr(http, "csp_nonce", None)
    if nonce is None:
        try:
            from django.middleware.csp import get_nonce
        except ImportError:
            return ""
        nonce = get_nonce(http)
    return "" if nonce is None else str(nonce)
