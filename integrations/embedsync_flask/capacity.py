"""How many pages a WSGI server has threads for, where each open one holds one: with TLS of its own."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from embedsync.settings import Settings

__all__ = ["announce_threads", "warn_of_held_threads", "with_room"]

logger = logging.getLogger("embedsync.flask")

_threads: list[int] = []
_warned: list[bool] = []
_SPARE = 8
"""One of so many threads is kept for requests, so that the site still answers when it is full."""


def announce_threads(count: int | None) -> None:
    """The server says how many threads this process has, if open pages hold them."""
    _threads[:] = [] if count is None else [count]


def with_room(settings: Settings) -> Settings:
    """Settings that leave threads for requests, where the server has said how many there are."""
    if settings.sockets is not None or not _threads:
        return settings
    (count,) = _threads
    return replace(settings, sockets=max(1, count - max(2, count // _SPARE)))


def warn_of_held_threads(environ: Mapping[str, Any], settings: Settings) -> None:
    """Say, once, that an open page holds a thread of gunicorn, where nothing bounds how many pages there are.

    Args:
        environ: of a request whose socket its thread has to serve.
        settings: of the hub.
    """
    socket = environ.get("gunicorn.socket")
    # gevent, which holds no threads, puts its own class into this module.
    holds_a_thread = isinstance(socket, ssl.SSLSocket) and ssl.SSLSocket.__module__ == "ssl"
    if holds_a_thread and not _warned and settings.sockets is None:
        _warned.append(True)
        logger.warning(
            "gunicorn encrypts the sockets itself, so each open page holds one of its threads, and once "
            "all are held the site answers nobody: run gunicorn -c python:embedsync_flask.gunicorn, with "
            "'--threads' for more pages than you expect, or let a proxy in front do TLS"
        )
