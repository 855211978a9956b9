"""What an ASGI scope says, in our words."""

from __future__ import annotations

from embedsync.asgi.protocol import Scope
from embedsync.asgi.users import User
from embedsync.request import Request

__all__ = ["parse_cookies", "path_below", "request_of"]

_SECURE = ("https", "wss")


def request_of(scope: Scope, user: User) -> Request:
    """The request of a scope, made by ``user``."""
    headers = _headers(scope)
    client = scope.get("client")
    return Request(
        scheme="https" if scope.get("scheme") in _SECURE else "http",
        host=headers.get("Host", ""),
        path=scope["path"],
        headers=headers,
        cookies=parse_cookies(headers.get("Cookie", "")),
        remote_address=client[0] if client else "",
        origin=headers.get("Origin"),
        user=user.user,
        user_key=user.key,
        framework=scope,
    )


def path_below(scope: Scope, prefix: str = "") -> str | None:
    """The path below the place where the application is mounted, or ``None`` if it is elsewhere.

    Args:
        scope: an HTTP or WebSocket scope.
        prefix: where the application itself begins below ``root_path``, such as ``"/apps"``.

    Returns:
        ``""`` or a path that begins with a slash.
    """
    path, root = scope["path"], scope.get("root_path", "").rstrip("/")
    # The specification lets `path` begin with `root_path`; some older servers and frameworks strip it.
    inside = _strip(path, root)
    return _strip(path if inside is None else inside, prefix)


def parse_cookies(header: str) -> dict[str, str]:
    """Cookies by name. A damaged one is left out, and of several with one name the first counts."""
    cookies: dict[str, str] = {}
    for part in header.split(";"):
        name, equals, value = part.strip().partition("=")
        if equals and name:
            # Browsers send the cookie of the longest path first.
            cookies.setdefault(name.strip(), _unquoted(value.strip()))
    return cookies


def _headers(scope: Scope) -> dict[str, str]:
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name = "-".join(part.capitalize() for part in raw_name.decode("latin-1").split("-"))
        value = raw_value.decode("latin-1")
        separator = "; " if name == "Cookie" else ", "
        headers[name] = f"{headers[name]}{separator}{value}" if name in headers else value
    return headers


def _strip(path: str, prefix: str) -> str | None:
    if path == prefix or path.startswith(f"{prefix}/"):
        return path[len(prefix) :]
    return None


def _unquoted(value: str) -> str:
    return value[1:-1] if len(value) >= 2 and value[0] == value[-1] == '"' else value
