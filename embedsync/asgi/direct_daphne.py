"""Past daphne's WebSocket, where that is known to be the same: messages to the socket below, and from there.

Daphne takes a message through three libraries, and Twisted writes it when the loop comes round again, for
which it tells the operating system twice what it waits for. What comes of it, for an open socket without
compression, is a header, the message, and one call to send them. A message that comes goes the same way back,
and through a queue.
"""

from __future__ import annotations

import contextlib
import functools
import socket
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Self

from embedsync.asgi.protocol import Receive, Send
from embedsync.asgi.unframing import LONGEST, unframed
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
        self._largest_heard = min(self._largest, protocol.maxFramePayloadSize or sys.maxsize)

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
        """Have messages handed over as they come; see :meth:`~embedsync.asgi.direct.Direct.read`."""
        protocol = self._protocol
        try:
            queue, usual = protocol.application_queue, protocol.dataReceived
            _ = protocol.data, protocol.current_frame, protocol.inside_message, protocol.muted
            _ = protocol.autoPingTimeoutCall, protocol.last_ping
        except AttributeError:
            return  # Another version, of which nothing is known.
        if queue.get != _looked_through(receive) or self._largest_heard < LONGEST:
            return

        def take_apart(data: bytes) -> None:
            messages = unframed(data) if self.begins_with_a_message else None
            if messages is None:
                usual(data)
                return
            protocol.last_ping = time.time()
            for each in messages:
                if not (queue.empty() and take(each)):
                    protocol.onMessage(each, True)

        protocol.dataReceived = take_apart

    @property
    def socket(self) -> socket.socket | None:
        """See :attr:`Direct.socket <embedsync.asgi.direct.Direct.socket>`."""
        # Twisted has none any more once the connection is lost.
        return getattr(self._transport, "socket", None) if "dataReceived" in vars(self._protocol) else None

    @property
    def at_rest(self) -> bool:
        """See :attr:`Direct.at_rest <embedsync.asgi.direct.Direct.at_rest>`."""
        return (
            self.begins_with_a_message
            and self._has_nothing_left()
            and self._protocol.application_queue.empty()
        )

    @property
    def is_ending(self) -> bool:
        """Whether nothing is to be written any more."""
        protocol, transport = self._protocol, self._transport
        return bool(
            protocol.state != protocol.STATE_OPEN or transport.disconnecting or not transport.connected
        )

    @property
    def waits(self) -> bool:
        """Whether something waits to be sent. To be asked on the loop."""
        return not self._has_nothing_left()

    def framed(self, messages: Sequence[bytes | str]) -> Sequence[bytes | memoryview] | None:
        """See :func:`embedsync.framing.framed`; ``None`` if daphne would not send one of them."""
        if any(_most_bytes(each) > self._largest for each in messages):
            return None
        return self._framed(messages)

    def detach(self, write: Callable[[bytes], None], lost: Callable[[], None]) -> None:
        """See :meth:`Direct.detach <embedsync.asgi.direct.Direct.detach>`."""
        transport = self._transport
        usual = transport.connectionLost

        def connection_lost(reason: object) -> None:
            lost()
            usual(reason)

        def write_all(pieces: Iterable[bytes]) -> None:
            write(b"".join(pieces))

        transport.stopReading()
        transport.write, transport.writeSequence = write, write_all
        transport.connectionLost = connection_lost

    def attach(self) -> None:
        """See :meth:`Direct.attach <embedsync.asgi.direct.Direct.attach>`."""
        for each in ("write", "writeSequence", "connectionLost"):
            vars(self._transport).pop(each, None)
        self._transport.startReading()

    def write_behind(self, data: bytes | memoryview) -> None:
        """See :meth:`Direct.write_behind <embedsync.asgi.direct.Direct.write_behind>`."""
        type(self._transport).write(self._transport, bytes(data))

    def receive(self, data: bytes) -> None:
        """Take bytes as if the loop had just read them."""
        self._protocol.dataReceived(data)

    def leave(self) -> None:
        """Let daphne do what it does."""
        vars(self._protocol).pop("dataReceived", None)

    @property
    def begins_with_a_message(self) -> bool:
        """Whether nothing is begun, and nothing waited for that any message would end."""
        protocol = self._protocol
        return bool(
            protocol.state == protocol.STATE_OPEN
            and protocol.current_frame is None
            and not protocol.data
            and not protocol.inside_message
            and not protocol.muted
            and protocol.autoPingTimeoutCall is None
        )

    def write(self, messages: Sequence[bytes | str]) -> bool:
        """Write messages; all, or none if something is left of earlier ones. Says whether."""
        protocol, transport = self._protocol, self._transport
        if protocol.state != protocol.STATE_OPEN or not self._has_nothing_left():
            return False
        pieces = self.framed(messages)
        if pieces is None:
            return False
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


def _looked_through(receive: Receive) -> Any:
    """What a site receives by, past those of us who only look for the end of the socket."""
    return getattr(getattr(receive, "__self__", None), "stands_before", receive)


def _most_bytes(message: bytes | str) -> int:
    return len(message) * 4 if isinstance(message, str) else len(message)
