"""Who makes a request: the site's own answer, or Flask-Login's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask

from embedsync.errors import ConfigurationError

__all__ = ["UserLoader", "key_of", "load_user"]

UserLoader = Callable[[], Any]
"""Returns the user of the current Flask request, or ``None``."""


def load_user(app: Flask, loader: UserLoader | None) -> tuple[Any, str]:
    """The user of the current request, and a text that names the user in tickets.

    Without a loader, Flask-Login is asked if the app uses it.

    Raises:
        ConfigurationError: the user has neither ``get_id()`` nor ``id``.
    """
    user = loader() if loader is not None else _user_of_flask_login(app)
    return user, key_of(user)


def _user_of_flask_login(app: Flask) -> Any:
    if not hasattr(app, "login_manager"):
        return None
    from flask_login import current_user

    return current_user._get_current_object()


def key_of(user: Any) -> str:
    """What names a user in tickets; empty for a stranger.

    Raises:
        ConfigurationError: the user has neither ``get_id()`` nor ``id``.
    """
    if user is None or getattr(user, "is_anonymous", False) is True:
        return ""
    if isinstance(user, str | int):
        return str(user)
    if callable(getattr(user, "get_id", None)):
        key = user.get_id()
        return "" if key is None else str(key)
    if hasattr(user, "id"):
        return str(user.id)
    raise ConfigurationError(
        f"the user loader returned a {type(user).__name__}; "
        "it needs a get_id() method or an id, so that tickets can be bound to it"
    )
