"""Opening the sockets to listen on, before anything else starts."""

from __future__ import annotations

import errno
import os
import socket
import stat
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from embedsync.errors import ConfigurationError

__all__ = ["is_loopback", "listen", "listen_on_path"]

_BACKLOG = 2048
_TRIES = 20
"""Further ports that are tried for several addresses, where any will do."""


def listen(address: str, port: int) -> list[socket.socket]:
    """Listen on an address.

    Args:
        address: a name or an address; a name may stand for several, as ``localhost`` does.
        port: 0 picks a free one, the same for all addresses.

    Raises:
        ConfigurationError: the port is in use or not allowed, or the address is not ours.
    """
    try:
        found = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise ConfigurationError(f"there is no address {address!r}: {error.strerror}") from error
    # IPv4 first: that one is always there, so it is the one to pick a free port for.
    targets = sorted(dict.fromkeys((family, target) for family, _, _, _, target in found))
    further = _TRIES if port == 0 and len(targets) > 1 else 0
    opened: list[socket.socket] | None = None
    while opened is None:
        try:
            opened = _open_all(targets, port)
        except OSError as error:
            # What is free at one address may be in use at the next one.
            if not further or error.errno != errno.EADDRINUSE:
                raise ConfigurationError(_reason(address, port, error)) from error
            further -= 1
    if not opened:
        raise ConfigurationError(f"{address!r} is no address of this machine")
    return opened


def listen_on_path(path: str) -> socket.socket:
    """Listen on a Unix socket. What an earlier process has left behind there is put away.

    Raises:
        ConfigurationError: somebody listens there, something else is there, or it may not be made.
    """
    if not hasattr(socket, "AF_UNIX"):
        raise ConfigurationError("--unix-socket: this machine has no Unix sockets; use --port")
    _put_away(path)
    opened = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        opened.bind(path)
        opened.listen(_BACKLOG)
    except OSError as error:
        opened.close()
        raise ConfigurationError(f"--unix-socket {path}: {error.strerror or error}") from error
    return opened


def _put_away(path: str) -> None:
    try:
        kind = Path(path).stat().st_mode
    except OSError:
        return
    if not stat.S_ISSOCK(kind):
        raise ConfigurationError(f"--unix-socket {path}: there is something else; choose another path")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as visitor:
        try:
            visitor.connect(path)
        except OSError:
            Path(path).unlink(missing_ok=True)
        else:
            raise ConfigurationError(f"--unix-socket {path} is in use; choose another path")


def is_loopback(sockets: list[socket.socket]) -> bool:
    """Whether only this machine can reach any of these."""
    addresses = [each.getsockname()[0] for each in sockets]
    return all(each == "::1" or each.startswith("127.") for each in addresses)


def _open_all(targets: Sequence[tuple[int, tuple[Any, ...]]], port: int) -> list[socket.socket]:
    opened: list[socket.socket] = []
    with ExitStack() as closing:
        for family, target in targets:
            chosen = port or (opened[0].getsockname()[1] if opened else 0)
            try:
                opened.append(closing.enter_context(_open(family, (target[0], chosen, *target[2:]))))
            except OSError as error:
                # A machine may know the name of an address that it does not have, such as ::1.
                if error.errno not in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT) or len(targets) == 1:
                    raise
        closing.pop_all()
    return opened


def _open(family: int, target: tuple[str | int, ...]) -> socket.socket:
    # By the protocol's name asyncio knows that small messages must not wait for others to go along with.
    opened = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":
            # A port whose last connections are still dying can be had again; one in use cannot.
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        opened.bind(target)
        opened.listen(_BACKLOG)
    except OSError:
        opened.close()
        raise
    return opened


def _reason(address: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} of {address} is in use; stop what uses it, or choose another with --port"
    if error.errno == errno.EACCES:
        return f"port {port} of {address} may not be used by this user; choose one above 1023 with --port"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{address!r} is no address of this machine"
    return f"cannot listen on port {port} of {address}: {error.strerror}"
