"""Lets browsers go before daphne stops. It has no lifespan, by which other servers tell their end."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from typing import Any

from embedsync.asgi.protocol import Message, Receive
from embedsync_django.registry import embed

__all__ = ["is_stopping", "taking_leave"]

logger = logging.getLogger("embedsync.django")

_LAST_WORDS = 2.0
"""Seconds that browsers have to take, and to answer, what they are told last."""


def is_stopping() -> bool:
    """Whether daphne is about to stop, and lets nobody in any more. It goes on listening meanwhile."""
    farewell = _farewell(_reactor())
    return farewell is not None and farewell.begun


@asynccontextmanager
async def taking_leave(receive: Receive) -> AsyncIterator[Receive]:
    """Keep daphne from stopping before this socket has said goodbye; nothing on another server.

    Args:
        receive: of the socket.

    Yields:
        What to receive by instead.
    """
    farewell = _farewell(_reactor())
    if farewell is None:
        yield receive
        return
    guest = _Guest(receive)
    farewell.enter(guest)
    try:
        yield guest.receive
        if farewell.begun:
            await guest.wait_gone()
    finally:
        farewell.leave(guest)


def _reactor() -> Any:
    """The reactor that runs this loop, if one does."""
    reactor: Any = sys.modules.get("twisted.internet.reactor")
    if getattr(reactor, "_asyncioEventloop", None) is not asyncio.get_running_loop():
        return None
    return reactor


@cache
def _farewell(reactor: Any) -> _Farewell | None:
    return _Farewell(reactor) if reactor is not None else None


class _Guest:
    """One socket: it is gone when the browser has answered that it is closed, and so has read everything.

    Attributes:
        stands_before: what it receives by; the messages of the browser may go past it.
    """

    def __init__(self, receive: Receive) -> None:
        self.stands_before = receive
        self._gone = False

    async def receive(self) -> Message:
        message = await self.stands_before()
        self._gone |= message["type"] == "websocket.disconnect"
        return message

    async def wait_gone(self) -> None:
        while not self._gone:
            await self.receive()


class _Farewell:
    """Stands before the reactor's ``stop``: first all sessions end, and all sockets are closed.

    What the reactor offers for this comes too late: when it says that it stops, daphne has cancelled
    all that serves sockets already, and what is sent then is dropped as often as not. And a loop that
    ends with sockets open takes CPython 3.11 along: it crashes where it collects what waits for them.
    """

    def __init__(self, reactor: Any) -> None:
        self.begun = False
        self._guests: set[_Guest] = set()
        self._empty = asyncio.Event()
        self._empty.set()
        self._leaving: asyncio.Task[None] | None = None
        self._stop_reactor = reactor.stop
        reactor.stop = self.stop

    def enter(self, guest: _Guest) -> None:
        self._guests.add(guest)
        self._empty.clear()

    def leave(self, guest: _Guest) -> None:
        self._guests.discard(guest)
        if not self._guests:
            self._empty.set()

    def stop(self) -> None:
        """What daphne calls to stop; who calls it twice does not wait for browsers."""
        if self._leaving is not None:
            self._leaving.cancel()
            return
        self.begun = True
        self._leaving = asyncio.get_running_loop().create_task(self._leave())
        # Not at its end: a task that is cancelled before it has begun comes to none.
        self._leaving.add_done_callback(lambda _: self._stop_reactor())

    async def _leave(self) -> None:
        try:
            await asyncio.to_thread(embed.stop)
            async with asyncio.timeout(_LAST_WORDS):
                await self._empty.wait()
        except TimeoutError:
            logger.debug("%d browsers did not take their leave in time", len(self._guests))
        except Exception:
            logger.exception("sessions could not be ended before daphne stops")
