"""Lets browsers go when daphne stops. It has no lifespan, by which other servers tell their end."""

from __future__ import annotations

import sys
from functools import cache
from typing import Any

from embedsync_django.registry import embed

__all__ = ["stop_with_daphne"]


@cache
def stop_with_daphne() -> None:
    """End all sessions before daphne's loop ends; nothing on another server. Once is enough.

    Browsers come back to the next process, rather than being cut off. And a loop that ends with
    sockets open takes CPython 3.11 along: it crashes where it collects what waits for them.
    """
    reactor: Any = sys.modules.get("twisted.internet.reactor")
    if reactor is None or not reactor.running:
        return
    from twisted.internet.threads import deferToThread

    reactor.addSystemEventTrigger("before", "shutdown", lambda: deferToThread(embed.stop))
