"""``--auth-module``: a Python file that says who a visitor is, written for ``bokeh serve``."""

from __future__ import annotations

import importlib.util
import json
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from embedsync.asgi.protocol import Scope
from embedsync.asgi.users import STRANGER, User
from embedsync.errors import ConfigurationError

__all__ = ["USER", "AuthModule", "load_auth_module", "named_user", "user_in_scope"]

USER = "embedsync.user"
"""Where a scope holds the visitor."""

_KEYS = ("pk", "identity", "id", "username", "name")


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthModule:
    """What the file says. All functions are given a handler of Tornado's, with the visitor's request.

    Attributes:
        get_user: the visitor, or ``None`` for a stranger.
        get_user_async: the same, to be awaited.
        login_url: where strangers are sent.
        get_login_url: makes that.
        logout_url: where visitors can log out.
        login_handler: a class of Tornado's that serves ``login_url``.
        logout_handler: and ``logout_url``.
    """

    get_user: Callable[[Any], Any] | None
    get_user_async: Callable[[Any], Awaitable[Any]] | None
    login_url: str | None
    get_login_url: Callable[[Any], str] | None
    logout_url: str | None
    login_handler: Any
    logout_handler: Any


def load_auth_module(path: str) -> AuthModule:
    """Run the file and take what it says.

    Raises:
        ConfigurationError: it cannot be run, or its parts do not go together.
    """
    module = _run(path)
    found = AuthModule(
        get_user=getattr(module, "get_user", None),
        get_user_async=getattr(module, "get_user_async", None),
        login_url=getattr(module, "login_url", None),
        get_login_url=getattr(module, "get_login_url", None),
        logout_url=getattr(module, "logout_url", None),
        login_handler=getattr(module, "LoginHandler", None),
        logout_handler=getattr(module, "LogoutHandler", None),
    )
    fault = _fault(found)
    if fault:
        raise ConfigurationError(f"--auth-module {path}: {fault}")
    return found


def user_in_scope(scope: Scope) -> User:
    """The user that the module has found; a stranger where anybody may be."""
    found: User = scope.get(USER, STRANGER)
    return found


def named_user(user: Any) -> User:
    """A visitor with a key that names them for good.

    Raises:
        ConfigurationError: nothing about them does.
    """
    if not user:
        return STRANGER
    if isinstance(user, bytes):
        return User(user, user.decode("utf-8", "replace"))
    if isinstance(user, str | int):
        return User(user, str(user))
    if isinstance(user, dict):
        return User(user, json.dumps(user, sort_keys=True, default=str))
    for name in _KEYS:
        if (value := getattr(user, name, None)) not in (None, ""):
            return User(user, str(value))
    raise ConfigurationError(
        f"--auth-module: get_user returns a {type(user).__name__}, which has none of {', '.join(_KEYS)}; "
        "return a text that names the user"
    )


def _run(path: str) -> ModuleType:
    if not Path(path).is_file():
        raise ConfigurationError(f"--auth-module: there is no file {path!r}")
    spec = importlib.util.spec_from_file_location(f"embedsync_auth_{uuid.uuid4().hex}", path)
    if spec is None or spec.loader is None:
        raise ConfigurationError(f"--auth-module {path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise ConfigurationError(f"--auth-module {path}: {type(error).__name__}: {error}") from error
    return module


def _fault(found: AuthModule) -> str:
    if found.get_user and found.get_user_async:
        return "it has both get_user and get_user_async; leave one out"
    if (found.get_user or found.get_user_async) and not (found.login_url or found.get_login_url):
        return "it lacks login_url or get_login_url, so strangers cannot be sent anywhere"
    if found.login_url and found.get_login_url:
        return "it has both login_url and get_login_url; leave one out"
    if found.login_handler and not found.login_url:
        return "LoginHandler needs a login_url to be served at"
    if found.logout_handler and not found.logout_url:
        return "LogoutHandler needs a logout_url to be served at"
    for name, url, handler in (
        ("login_url", found.login_url, found.login_handler),
        ("logout_url", found.logout_url, found.logout_handler),
    ):
        if handler and url and url.startswith(("http://", "https://", "//")):
            return f"{name} must be a path below this server, as a handler serves it"
    return ""
