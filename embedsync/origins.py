"""Which pages may connect: those of the site itself, and of origins that the site names."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from embedsync.request import Request

__all__ = ["is_allowed", "is_named", "normalise"]

_DEFAULT_PORTS = {"http": 80, "https": 443}
_FROM_ELSEWHERE = ("cross-site", "same-site")
"""What browsers say in ``Sec-Fetch-Site`` of requests by pages of other origins."""


def normalise(origin: str) -> tuple[str, str, int] | None:
    """Scheme, host and port of an origin, or ``None`` if it is none.

    An origin has no path, no user and no wildcard; ``null`` is none. Nothing is put right that browsers do
    not write: a dot at the end makes another host.
    """
    if any(each <= " " or each in "?#\\\x7f" for each in origin):
        return None  # Some of it would be passed over in what follows.
    try:
        parts = urlsplit(origin)
        port = parts.port
        host = parts.hostname or ""
    except ValueError:
        return None
    scheme = parts.scheme.lower()
    if (
        scheme not in _DEFAULT_PORTS
        or not host
        or host.startswith(".")
        or "@" in parts.netloc
        or parts.path not in ("", "/")
    ):
        return None
    try:
        host = host.encode("idna").decode("ascii") if not host.isascii() else host.lower()
    except UnicodeError:
        return None
    return scheme, host, port if port is not None else _DEFAULT_PORTS[scheme]


def is_allowed(request: Request, allowed: Sequence[str]) -> bool:
    """Whether the page that makes this request may do so.

    Its origin must equal the site's own, in scheme, host and port, or be named in ``allowed``
    (``"*"`` names all). Without an ``Origin`` header it is a plain request of a page of the site, or none of
    a browser: it is let in, unless the browser says that another site makes it.
    """
    if "*" in allowed:
        return True
    if request.origin is None:
        return request.headers.get("Sec-Fetch-Site", "") not in _FROM_ELSEWHERE
    if not request.origin.isascii():
        return False  # Browsers write it in ASCII; what else looks like ours is not.
    origin = normalise(request.origin)
    if origin is None:
        return False
    return origin == normalise(f"{request.scheme}://{request.host}") or is_named(request.origin, allowed)


def is_named(origin: str, allowed: Sequence[str]) -> bool:
    """Whether an origin is one of those that a site names.

    ``"https://*.example.org"`` names all hosts below ``example.org``, but not that one itself, with the
    same scheme and port. ``"*"`` names none: who may connect from anywhere is not known.
    """
    parts = normalise(origin)
    return parts is not None and any(_matches(parts, each) for each in allowed)


def _matches(parts: tuple[str, str, int], pattern: str) -> bool:
    scheme, wildcard, domain = pattern.partition("://*.")
    if not wildcard:
        return parts == normalise(pattern)
    below = normalise(f"{scheme}://{domain}")
    if below is None:
        return False
    return (parts[0], parts[2]) == (below[0], below[2]) and parts[1].endswith(f".{below[1]}")
