"""Where a server is: the sockets it listens on, and the addresses that people write to get there."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from embedsync.cli.listen import is_loopback, listen, listen_on_path
from embedsync.cli.options import ServeOptions
from embedsync.cli.surroundings import Surroundings
from embedsync.errors import ConfigurationError

__all__ = ["Place", "open_place", "prefix_of"]

_DEFAULT_ADDRESS = "localhost"
_EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104  (compared with, not bound to)


class Place:
    """Open sockets to listen on, and what they are called.

    Attributes:
        sockets: listening.
        address: a name or an address of this machine; empty for a Unix socket.
        base: what the addresses of pages begin with, the prefix included; the path of a Unix socket.
        is_local: whether only this machine can reach it. A Unix socket is not: who may use it is decided by
            the proxy that does.
    """

    def __init__(self, sockets: Sequence[socket.socket], address: str, base: str) -> None:
        self.sockets = list(sockets)
        self.address = address
        self.base = base
        self.is_local = bool(address) and is_loopback(self.sockets)

    def without_sockets(self) -> Place:
        """The same place, for a process that does not listen itself."""
        place = Place([], self.address, self.base)
        place.is_local = self.is_local
        return place

    @property
    def is_web(self) -> bool:
        """Whether a browser can get there."""
        return bool(self.address)


@contextmanager
def open_place(options: ServeOptions, around: Surroundings) -> Iterator[Place]:
    """Listen where the options say; a Unix socket is put away in the end.

    Raises:
        ConfigurationError: it cannot be, or the options contradict each other.
    """
    prefix = prefix_of(options)
    if options.unix_socket is None:
        address = options.address or _DEFAULT_ADDRESS
        sockets = listen(address, around.port)
        scheme = "http" if around.certificate is None else "https"
        with ExitStack() as opened_ones:
            for each in sockets:
                opened_ones.enter_context(each)
            yield Place(
                sockets, address, f"{scheme}://{_shown_host(address)}:{sockets[0].getsockname()[1]}{prefix}"
            )
        return
    if options.port is not None or options.address is not None or around.certificate is not None:
        raise ConfigurationError("--unix-socket stands in place of --port, --address and --ssl-certfile")
    with listen_on_path(options.unix_socket) as opened:
        try:
            yield Place([opened], "", f"{options.unix_socket}:{prefix}")
        finally:
            Path(options.unix_socket).unlink(missing_ok=True)


def prefix_of(options: ServeOptions) -> str:
    """The prefix with a slash before it and none behind; empty if there is none.

    Raises:
        ConfigurationError: it is no path.
    """
    inner = options.prefix.strip("/")
    if any(each in inner for each in "?#%\\ ") or "//" in inner:
        raise ConfigurationError(f"--prefix {options.prefix!r} is no path; write one such as /apps")
    return f"/{inner}" if inner else ""


def _shown_host(address: str) -> str:
    """What to write into an address bar to get to what listens on ``address``."""
    if address in _EVERYWHERE:
        return socket.gethostname()
    return f"[{address}]" if ":" in address else address
