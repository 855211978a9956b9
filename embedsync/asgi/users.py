"""Who is asking: the user of an ASGI scope, and a stable name for them."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from embedsync.asgi.protocol import Scope
from embedsync.errors import ConfigurationError

__all__ = ["STRANGER", "User", "UserLoader", "load_user", "user_of_scope"]


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
