"""How many pages a WSGI server has threads for: each open one holds a thread."""

from __future__ import annotations

from dataclasses import replace

from embedsync.settings import Settings

__all__ = ["announce_threads", "with_room"]

_threads: list[int] = []
_SPARE = 8
"""One of so many threads is kept for requests, so that the site still answers when it is full."""


def announce_threads(count: int) -> None:
    """The server says how many threads this process has."""
    _threads[:] = [count]


def with_room(settings: Settings) -> Settings:
    """Settings that leave threads for requests, where the server has said how many there are."""
    if settings.sockets is not None or not _threads:
        return settings
    (count,) = _threads
    return replace(settings, sockets=max(1, count - max(2, count // _SPARE)))
