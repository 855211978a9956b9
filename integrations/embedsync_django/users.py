"""The Django user of a request, and whether they still are who they were."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from importlib import import_module
from types import SimpleNamespace
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.auth import SESSION_KEY, get_user
from django.db.models import Model
from django.utils.functional import LazyObject, empty

from embedsync.request import Request

__all__ = [
    "end_sessions_of_login",
    "ended_logins",
    "fresh",
    "is_of_login",
    "key_of",
    "plain",
    "user_of_cookies",
]

_SIGNED_COOKIES = "django.contrib.sessions.backends.signed_cookies"


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


class _Seen(dict[str, Any]):
    """What a login session holds, to be looked at: what Django does to a session meanwhile is not done.

    It would renew the key of a session that a former ``SECRET_KEY`` has signed, and the browser, which gets
    no cookie from a socket, would be logged out.
    """

    def flush(self) -> None:
        self.clear()

    def cycle_key(self) -> None:
        pass


def user_of_cookies(cookies: Mapping[str, str]) -> Any:
    """Who is logged in with these cookies now, according to the session store and the database.

    A session that was ended, a user who was deleted or made inactive, and a changed password give a
    stranger, which is ``None`` in a project without users.
    """
    if not apps.is_installed("django.contrib.auth"):
        return None
    from django.contrib.auth.models import AnonymousUser

    cookie = cookies.get(settings.SESSION_COOKIE_NAME)
    if not cookie or cookie in ended_logins or not _has_sessions():
        return AnonymousUser()
    store = import_module(settings.SESSION_ENGINE).SessionStore(cookie)
    return get_user(SimpleNamespace(session=_Seen(store.items())))  # type: ignore[arg-type]


def is_of_login(user: Any, session: Mapping[str, Any] | None) -> bool:
    """Whether a user is the one that a login session of Django is about."""
    return session is not None and key_of(user) != "" and session.get(SESSION_KEY) == key_of(user)


def fresh(user: Any, cookies: Mapping[str, str], *, of_login: bool) -> Any:
    """The same user as they are now, or somebody else if they are not logged in any more.

    Args:
        user: as they were.
        cookies: of the socket.
        of_login: whether a login session of Django said who they are. If not, a middleware of the site
            did, which is not there to be asked again: a model is looked up by its key, and everything
            else stays as it is.
    """
    if of_login:
        found = user_of_cookies(cookies)
    elif isinstance(user, Model):
        found = type(user)._default_manager.filter(pk=user.pk).first()
    else:
        return user
    if getattr(user, "is_active", True) and not getattr(found, "is_active", True):
        return None  # Some backends go on to log in those who were made inactive.
    return found


class EndedLogins:
    """The last logins that have ended in this process: their cookies name nobody any more.

    While Django is still answering the request that logs out, the session is still in its store, and a
    page whose socket was closed asks for a fresh ticket at once.

    Args:
        limit: how many are remembered. Each is needed for no longer than one request takes.
    """

    def __init__(self, limit: int = 1000) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._keys: OrderedDict[str, None] = OrderedDict()

    def add(self, key: str) -> None:
        """Remember the key of a login session."""
        with self._lock:
            self._keys[key] = None
            if len(self._keys) > self._limit:
                self._keys.popitem(last=False)

    def __contains__(self, key: object) -> bool:
        return key in self._keys


ended_logins = EndedLogins()
"""Those of this process."""


def end_sessions_of_login(sender: Any, request: Any, user: Any, **kwargs: Any) -> None:
    """Somebody logs out: close what they have open under this login, in this process.

    What other processes have open is closed when they look again (setting ``REVALIDATION``).
    """
    from embedsync_django.apps import present_config

    login = getattr(getattr(request, "session", None), "session_key", None)
    if user is None or not login:
        return
    ended_logins.add(login)
    hub = present_config().running_hub
    if hub is not None:
        hub.dismiss(lambda each: _uses(each, login, key_of(user)))


def _uses(request: Request, login: str, user_key: str) -> bool:
    if request.user_key == "":
        return False
    if settings.SESSION_ENGINE == _SIGNED_COOKIES:
        # The cookie is the session, and another one after each change: logins of a user look alike.
        return request.user_key == user_key
    return request.cookies.get(settings.SESSION_COOKIE_NAME) == login


def _has_sessions() -> bool:
    """Whether the session store is there. Another project on the same host may have left a cookie."""
    in_database = settings.SESSION_ENGINE.rpartition(".")[2] in ("db", "cached_db")
    return not in_database or apps.is_installed("django.contrib.sessions")
