"""Under which names a server answers."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection

__all__ = ["is_known_host"]


def is_known_host(host: str, known: Collection[str]) -> bool:
    """Whether a ``Host`` header names this server.

    Args:
        host: value of the header, with or without port.
        known: names and addresses, in lower case and without port.

    An address in figures is always known: a page can make its name point at our address, but it
    cannot have an address for a name.
    """
    name = _without_port(host).rstrip(".").lower()
    return name in known or _is_address(name)


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
