"""How many pages a WSGI server has room for: files, and where each page holds one, as with TLS, threads."""

from __future__ import annotations

import contextlib
import logging
import ssl
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from embedsync.settings import Settings

__all__ = ["announce_threads", "make_room_for_files", "most_files", "warn_of_held_threads", "with_room"]

logger = logging.getLogger("embedsync.flask")

_threads: list[int] = []
_warned: list[bool] = []
_SPARE = 8
"""One of so many threads is kept for requests, so that the site still answers when it is full."""


_OF_FILES = 1 / 2
"""Part of the process's files that open pages may hold. Where none is left for who comes next, gunicorn ends
its worker, and with it every session; none that we have taken over is among its 'worker_connections'."""
_ENOUGH_FILES = 65536


def most_files() -> int | None:
    """How many files the process may have open; ``None`` if nobody says."""
    with contextlib.suppress(ImportError, OSError):  # Windows has no such bound.
        import resource

        most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        return most if most != resource.RLIM_INFINITY else None
    return None


def make_room_for_files() -> None:
    """Let the process have as many files open as it may allow itself, within reason."""
    with contextlib.suppress(ImportError, OSError, ValueError):  # Or as many as it has now.
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        enough = _ENOUGH_FILES if hard == resource.RLIM_INFINITY else min(hard, _ENOUGH_FILES)
        if soft != resource.RLIM_INFINITY and soft < enough:
            resource.setrlimit(resource.RLIMIT_NOFILE, (enough, hard))


def announce_threads(count: int | None) -> None:
    """The server says how many threads this process has, if open pages hold them."""
    _threads[:] = [] if count is None else [count]


def with_room(settings: Settings) -> Settings:
    """Settings that leave room for requests, unless the site has said itself how many sockets there may be.

    That is threads, where the server has said how many there are, else files.
    """
    if settings.sockets is not None:
        return settings
    if not _threads:
        return replace(settings, sockets=_most_by_files())
    (count,) = _threads
    return replace(settings, sockets=max(1, count - max(2, count // _SPARE)))


def _most_by_files() -> int | None:
    most = most_files()
    return None if most is None else max(1, int(most * _OF_FILES))


def warn_of_held_threads(environ: Mapping[str, Any], settings: Settings) -> None:
    """Say, once, that an open page holds a thread of gunicorn, where nothing bounds how many pages there are.

    Args:
        environ: of a request whose socket its thread has to serve.
        settings: of the hub.
    """
    socket = environ.get("gunicorn.socket")
    # gevent, which holds no threads, puts its own class into this module.
    holds_a_thread = isinstance(socket, ssl.SSLSocket) and ssl.SSLSocket.__module__ == "ssl"
    is_open = settings.sockets in (None, _most_by_files())
    if holds_a_thread and not _warned and is_open:
        _warned.append(True)
        logger.warning(
            "gunicorn encrypts the sockets itself, so each open page holds one of its threads, and once "
            "all are held the site answers nobody: run gunicorn -c python:embedsync_flask.gunicorn, with "
            "'--threads' for more pages than you expect, or let a proxy in front do TLS"
        )
