"""Takes connections and hands each, unread, to one of several processes; what follows does not pass here."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable, Sequence

__all__ = ["Front"]

logger = logging.getLogger("embedsync.cli")

_LONGEST_HEAD = 64 * 1024
_PATIENCE = 10.0
"""Seconds in which a visitor has to say what they want."""
_STARTING = 60.0
"""Seconds in which a process has to take them: it may have to start first, and import what its apps need."""
_PAUSE = 0.002
_LONGEST_PAUSE = 0.05
_WAITING = 1000
"""Visitors who may be about to say what they want; further ones wait in the queue of the system."""

Hand = Callable[[int, socket.socket], bool]


class Front:
    """Stands before processes.

    Args:
        sockets: that listen.
        choose: the number of a process, by the head of a request and the address of the visitor.
        hand: gives a connection to a process; whether that could take it now.
        reads: whether heads can be read: encrypted ones cannot.
    """

    def __init__(
        self,
        sockets: Sequence[socket.socket],
        choose: Callable[[bytes, str], int],
        hand: Hand,
        *,
        reads: bool,
    ) -> None:
        self._sockets = sockets
        self._choose = choose
        self._hand = hand
        self._reads = reads
        self._room = asyncio.Semaphore(_WAITING)
        self._visitors: set[asyncio.Task[None]] = set()
        self._silent: set[int] = set()  # Processes of which the log has said that they take nobody.

    async def run(self) -> None:
        """Take connections until this is cancelled."""
        async with asyncio.TaskGroup() as listening:
            for each in self._sockets:
                listening.create_task(self._listen(each))

    async def _listen(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        listener.setblocking(False)
        while True:
            await self._room.acquire()
            try:
                visitor, address = await loop.sock_accept(listener)
            except OSError as error:
                # Too many open files, for one: those who wait are served when others have left.
                logger.warning("cannot take a connection: %s", error.strerror)
                self._room.release()
                await asyncio.sleep(0.1)
                continue
            task = loop.create_task(self._receive(visitor, address[0] if address else ""))
            self._visitors.add(task)
            task.add_done_callback(self._left)

    def _left(self, task: asyncio.Task[None]) -> None:
        self._visitors.discard(task)
        self._room.release()

    async def _receive(self, visitor: socket.socket, address: str) -> None:
        with visitor, contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(_PATIENCE):
                head = await self._head(visitor) if self._reads else b""
            if head is not None:
                await self._hand_on(visitor, self._choose(head, address))

    async def _hand_on(self, visitor: socket.socket, number: int) -> None:
        pause = _PAUSE
        try:
            async with asyncio.timeout(_STARTING):
                # The system does not tell when there is room in a channel, nor when a process starts.
                while not self._hand(number, visitor):
                    await asyncio.sleep(pause)
                    pause = min(2 * pause, _LONGEST_PAUSE)
        except TimeoutError:
            if number not in self._silent:
                logger.warning(
                    "process %d has taken nobody for %.0f s: its visitors are cut off until it does",
                    number,
                    _STARTING,
                )
            self._silent.add(number)
        else:
            self._silent.discard(number)

    async def _head(self, visitor: socket.socket) -> bytes | None:
        """The beginning of what a visitor says, which stays to be read; ``None`` if they have left."""
        seen, pause = b"", _PAUSE
        while True:
            try:
                head = visitor.recv(_LONGEST_HEAD, socket.MSG_PEEK)
            except BlockingIOError:
                head = seen
            else:
                if not head:
                    return None
            if b"\r\n\r\n" in head or len(head) >= _LONGEST_HEAD:
                return head
            seen = head
            # What is only looked at is always there to be read, so nobody can wake us when there is more.
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
