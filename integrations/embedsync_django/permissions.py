"""Who may use an app, in the words of Django."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from django.contrib.auth.decorators import login_required

from embedsync.errors import ConfigurationError
from embedsync.request import Request

__all__ = ["permission_of"]


def permission_of(given: Any) -> Callable[[Request], bool] | None:
    """Make a permission of an app's option.

    Args:
        given: ``None`` for everybody; ``login_required``, Django's decorator or that word; the name of
            a permission, such as ``"polls.view_poll"``; or a function of the request, of which other
            decorators are none.

    Raises:
        ConfigurationError: it is none of these.
    """
    if given is None:
        return None
    if given is login_required or given == "login_required":
        return _is_logged_in
    if isinstance(given, str):
        return lambda request: request.user is not None and bool(request.user.has_perm(given))
    if inspect.iscoroutinefunction(given):
        raise ConfigurationError(f"permission {given.__name__!r} must be a plain function, not an async one")
    if callable(given):
        return given  # type: ignore[no-any-return]
    raise ConfigurationError(
        f"permission must be a function, the name of a permission, or login_required, not {given!r}"
    )


def _is_logged_in(request: Request) -> bool:
    return request.user_key != ""
