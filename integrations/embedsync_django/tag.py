"""What the template tag prints, for every template language."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.safestring import SafeString, mark_safe

from embedsync.errors import UnknownApp
from embedsync.html import embed_element, forbidden_app, missing_app, module_script
from embedsync.hub import Hub
from embedsync.request import Request
from embedsync_django.configuration import endpoint
from embedsync_django.registry import embed
from embedsync_django.requests import request_of

__all__ = ["embed_app"]

logger = logging.getLogger("embedsync.django")


def embed_app(
    http: HttpRequest,
    name: str,
    *,
    root: str = "",
    height: str | int = "",
    class_: str = "",
    id: str = "",  # noqa: A002  (the word that HTML has for it)
    session: str = "",
    **arguments: Any,
) -> SafeString:
    """The markup of a live app.

    Args:
        http: the request that is answered with the page.
        name: of the app. An unknown one is a visible box in debug mode, else a comment and an error in
            the log.
        root: name of the one root to show here; all roots if empty.
        height: CSS height of the placeholder while the document loads, such as ``"420px"``.
        class_: CSS classes for the element.
        id: tells apart several sessions of the same app and arguments on one page.
        session: a name under which all visitors of the app meet in one session.
        arguments: for the app, in ``doc.session_context.request.arguments``; signed.

    Raises:
        ConfigurationError: an argument cannot be carried; the message names it.
    """
    hub = embed.hub
    page = _Page.of(http)
    try:
        if not hub.permits(hub.app(name), page.request):
            return mark_safe(forbidden_app())  # noqa: S308  (fixed text)
        ticket = page.ticket(hub, name, id, session, arguments)
    except UnknownApp as error:
        logger.error("embed_app: %s", error)
        return mark_safe(missing_app(error, debug=settings.DEBUG))  # noqa: S308  (escaped there)
    element = embed_element(
        app=name, ticket=ticket, endpoint=endpoint(), root=root, height=str(height), class_=class_
    )
    return mark_safe(element + page.script(hub))  # noqa: S308  (escaped there)


class _Page:
    """The tags of one page: those that name the same share a ticket, and one of them prints the script."""

    def __init__(self, http: HttpRequest) -> None:
        self.request: Request = request_of(http)
        self._http = http
        self._tickets: dict[tuple[str, ...], str] = {}
        self._has_script = False

    @classmethod
    def of(cls, http: HttpRequest) -> _Page:
        page: _Page | None = getattr(http, "_embedsync_page", None)
        if page is None:
            page = cls(http)
            http._embedsync_page = page  # type: ignore[attr-defined]
        return page

    def ticket(self, hub: Hub, name: str, page_id: str, session: str, arguments: Mapping[str, Any]) -> str:
        key = (name, page_id, session, repr(sorted(arguments.items())))
        if key not in self._tickets:
            self._tickets[key] = hub.ticket(
                name, arguments, session=session, user_key=self.request.user_key, page=self.request.page
            )
        return self._tickets[key]

    def script(self, hub: Hub) -> str:
        if self._has_script:
            return ""
        self._has_script = True
        assets = hub.assets
        return module_script(
            assets.runtime_url(), modules=assets.runtime_imports(), nonce=_nonce_of(self._http)
        )


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
