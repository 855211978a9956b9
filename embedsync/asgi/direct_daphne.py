"""Writing messages to the socket below daphne's WebSocket, where that is known to be the same.

Daphne takes a message through three libraries, and Twisted writes it when the loop comes round again, for
which it tells the operating system twice what it waits for. What comes of it, for an open socket without
compression, is a header, the message, and one call to send them.
"""

from __future__ import annotations

import contextlib
import functools
import sys
from collections.abc import Callable, Sequence
from typing import Any, Self

from embedsync.asgi.protocol import Receive, Send
from embedsync.framing import Framing, rest_of, send_together

__all__ = ["DirectToDaphne"]


class DirectToDaphne:
    """A way past :meth:`send`; see :class:`~embedsync.asgi.direct.Direct`.

    Args:
        protocol: daphne's.
        framing: see there.
    """

    def __init__(self, protocol: Any, framing: Framing) -> None:
        self._protocol = protocol
        self._transport = protocol.transport
        self._framed = framing.framed
        self._largest = protocol.maxMessagePayloadSize or sys.maxsize

    @classmethod
    def past(cls, send: Send, framing: Framing | None = None) -> Self | None:
        """The way past ``send``; ``None`` if it is not daphne's own, or the socket does more than to send."""
        daphne, server, tcp = (
            sys.modules.get(each) for each in ("daphne.ws_protocol", "daphne.server", "twisted.internet.tcp")
        )
        if daphne is None or server is None or tcp is None or type(send) is not functools.partial:
            return None
        if getattr(send.func, "__func__", None) is not server.Server.handle_reply or len(send.args) != 1:
            return None
        [protocol] = send.args
        if type(protocol) is not daphne.WebSocketProtocol:
            return None
        try:
            familiar = (
                type(protocol.transport) is tcp.Server
                and not protocol.transport.TLS
                and protocol._perMessageCompress is None
                and not protocol.maskServerFrames
                and not protocol.autoFragmentSize
                and not protocol.logOctets
                and not protocol.logFrames
            )
            way = cls(protocol, framing or Framing())
            way._has_nothing_left()
        except AttributeError:
            return None
        return way if familiar else None

    def read(self, take: Callable[[bytes], bool], receive: Receive) -> None:
        """Leave all that comes to ``receive``; see :meth:`~embedsync.asgi.direct.Direct.read`."""

    def leave(self) -> None:
        """There is nothing to leave."""

    def write(self, messages: Sequence[bytes | str]) -> bool:
        """Write messages; all, or none if something is left of earlier ones. Says whether."""
        protocol, transport = self._protocol, self._transport
        if protocol.state != protocol.STATE_OPEN or not self._has_nothing_left():
            return False
        if any(_most_bytes(each) > self._largest for each in messages):
            return False
        pieces: Sequence[bytes | memoryview] = self._framed(messages)
        with contextlib.suppress(OSError):
            while pieces:
                pieces = rest_of(pieces, send_together(transport.socket, pieces))
        if pieces:
            # It is full, or lost, which Twisted finds out by itself when it tries again.
            transport.writeSequence([bytes(each) for each in pieces])
        return True

    def _has_nothing_left(self) -> bool:
        transport = self._transport
        return (
            not self._protocol.send_queue
            and not transport._tempDataBuffer
            and transport.offset == len(transport.dataBuffer)
            and bool(transport.connected)
            and not transport.disconnecting
            and not transport._writeDisconnecting
            and not transport._writeDisconnected
        )


def _most_bytes(message: bytes | str) -> int:
    return len(message) * 4 if isinstance(message, str) else len(message)
