"""The Django user of a request, and whether they still are who they were."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from importlib import import_module
from types import SimpleNamespace
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user
from django.utils.functional import LazyObject, empty

from embedsync.request import Request

__all__ = ["end_sessions_of_login", "key_of", "plain", "user_of_cookies"]


def key_of(user: Any) -> str:
    """What names a user in tickets; empty for a stranger."""
    return str(user.pk) if getattr(user, "is_authenticated", False) else ""


def plain(user: Any) -> Any:
    """The user itself, where a middleware gives something that becomes one when it is looked at."""
    if isinstance(user, LazyObject):
        if user._wrapped is empty:
            user._setup()
        return user._wrapped
    return user


def user_of_cookies(cookies: Mapping[str, str]) -> Any:
    """Who is logged in with these cookies now, according to the session store and the database.

    A session that was ended, a user who was deleted or made inactive, and a changed password give a
    stranger.
    """
    from django.contrib.auth.models import AnonymousUser

    store = import_module(settings.SESSION_ENGINE).SessionStore
    session = store(cookies.get(settings.SESSION_COOKIE_NAME))
    user = get_user(SimpleNamespace(session=session))  # type: ignore[arg-type]
    return user if getattr(user, "is_active", False) else AnonymousUser()


def end_sessions_of_login(sender: Any, request: Any, user: Any, **kwargs: Any) -> None:
    """Somebody logs out: close what they have open under this login, in this process.

    What other processes have open is closed when they look again (setting ``REVALIDATION``).
    """
    from embedsync_django.apps import present_config

    hub = present_config().running_hub
    session = getattr(request, "session", None)
    login = session.session_key if session is not None else None
    if hub is not None and user is not None and login:
        hub.dismiss(lambda each: _uses(each, login))


def _uses(request: Request, login: str) -> bool:
    shown = request.cookies.get(settings.SESSION_COOKIE_NAME, "")
    return request.user_key != "" and hmac.compare_digest(shown.encode(), login.encode())
