"""Who is asking: the user of an ASGI scope, and a stable name for them."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, NamedTuple

from embedsync.asgi.protocol import Scope
from embedsync.errors import ConfigurationError
from embedsync.request import Request

__all__ = ["AGAIN", "STRANGER", "User", "UserLoader", "asked_again", "load_user", "user_of_scope"]

AGAIN = "embedsync.user_again"
"""Under this, a middleware may put a function into the scope that tells the user anew."""

_LONGEST_ANSWER = 30.0
"""Seconds to wait for a loader, on a thread of app code."""


class User(NamedTuple):
    """Somebody who is known to the site.

    Attributes:
        user: what app code finds as ``session_context.request.user``.
        key: names the user for good, such as the primary key; tickets and sessions are bound to it.
    """

    user: Any
    key: str


STRANGER = User(None, "")

UserLoader = Callable[[Scope], User] | Callable[[Scope], Awaitable[User]]
"""Tells the user of a scope. A plain function runs in a thread, so it may ask a database."""

_KEYS = ("pk", "identity", "id", "username")


def user_of_scope(scope: Scope) -> User:
    """The user that a middleware put into ``scope["user"]``, as those of Starlette and Channels do.

    The key is the first there is of ``pk``, ``identity``, ``id`` and ``username``.

    Raises:
        ConfigurationError: the user is logged in and has none of these.
    """
    user = scope.get("user")
    if user is None or not getattr(user, "is_authenticated", True):
        return STRANGER
    for name in _KEYS:
        try:
            value = getattr(user, name, None)
        except NotImplementedError:
            continue  # Starlette's users declare properties that a site may leave out.
        if value not in (None, ""):
            return User(user, str(value))
    raise ConfigurationError(
        f"the user in the ASGI scope, a {type(user).__name__}, has none of {', '.join(_KEYS)}: "
        "pass application(hub, user_loader=…) that says which key names a user"
    )


async def load_user(loader: UserLoader, scope: Scope) -> User:
    """Ask a loader, wherever it wants to run."""
    if loader is user_of_scope:
        return user_of_scope(scope)
    found: User | Awaitable[User]
    if inspect.iscoroutinefunction(loader):
        found = loader(scope)
    else:
        found = await asyncio.to_thread(lambda: loader(scope))
    return found if isinstance(found, User) else await found


def asked_again(request: Request, loader: UserLoader, scope: Scope) -> Request:
    """The request of a socket, whose user can be asked for anew; where only a middleware knows, as it was.

    Args:
        request: the handshake.
        loader: tells the user of a scope.
        scope: of the handshake.
    """
    again: UserLoader | None = scope.get(AGAIN)
    if again is None and loader is not user_of_scope:
        again = loader
    if again is None or request.user_key == "":
        return request
    # A loader may depend on the loop of the server, by its connections to a database.
    loop, asking = asyncio.get_running_loop(), again

    def reload() -> Request | None:
        asked = asyncio.run_coroutine_threadsafe(load_user(asking, scope), loop)
        user = asked.result(_LONGEST_ANSWER)
        return replace(request, user=user.user, user_key=user.key) if user.key else None

    return replace(request, reload=reload)
