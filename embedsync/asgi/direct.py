"""Past uvicorn's queues, where that is known to be the same: messages to its transport, and from its parser.

An ASGI server takes one message at a time, and to pass it on costs more than all that embedsync does for it.
What uvicorn does with a message of an open socket without compression is to put a header before it. What it
does with one that comes is to stop reading, to put it into a queue, and to read on when it was taken out.
"""

from __future__ import annotations

import asyncio.selector_events
import importlib
import socket
from collections.abc import Callable, Sequence
from typing import Any, Self

from embedsync.asgi.protocol import Receive, Send
from embedsync.asgi.unframing import LONGEST, unframed
from embedsync.framing import Framing, rest_of, send_together

__all__ = ["Direct"]

_MODULE = "uvicorn.protocols.websockets.websockets_sansio_impl"
_CLASS = "WebSocketsSansIOProtocol"
_PLAIN = getattr(asyncio.selector_events, "_SelectorSocketTransport", None)
"""The transport that hands what it is given to a socket of the operating system, as it is and at once."""


class Direct:
    """A way past ``send`` and ``receive``, as long as nothing has to be waited for.

    Args:
        protocol: uvicorn's.
        framing: frames messages; that of all sockets that may be told the same.
    """

    def __init__(self, protocol: Any, framing: Framing) -> None:
        self._protocol = protocol
        self._transport = protocol.transport
        self._framed = framing.framed
        self._socket = getattr(self._transport, "_sock", None) if type(self._transport) is _PLAIN else None

    @classmethod
    def past(cls, send: Send, framing: Framing | None = None) -> Self | None:
        """The way past ``send``, or ``None`` if it is not uvicorn's own, or the socket compresses."""
        protocol: Any = getattr(send, "__self__", None)
        if type(protocol).__module__ != _MODULE or type(protocol).__name__ != _CLASS:
            return None
        if type(protocol) is not getattr(importlib.import_module(_MODULE), _CLASS):
            return None
        try:
            familiar = not protocol.conn.extensions and not protocol.close_sent and not protocol.disconnected
            protocol.writable.is_set()
            protocol.transport.is_closing()
        except AttributeError:
            return None
        return cls(protocol, framing or Framing()) if familiar else None

    def read(self, take: Callable[[bytes], bool], receive: Receive) -> None:
        """Have messages handed over as they come, until :meth:`leave`.

        Args:
            take: takes a message and says so, or leaves it to ``receive``. It is asked only if no other
                message waits for ``receive``.
            receive: what the application receives by. If it is not uvicorn's own, nothing goes past it: who
                stands in between wants to see what comes, and may have one in hand while the next comes.
        """
        protocol = self._protocol
        if receive != getattr(protocol, "receive", None):
            return
        try:
            usual, _ = protocol.send_receive_event_to_app, (protocol.queue.empty, protocol.close_sent)
            _ = protocol.frames, protocol.curr_msg_data_type, protocol.read_paused, protocol.connection_lost
        except AttributeError:
            return  # Another version, of which nothing is known.

        def pass_on() -> None:
            frames = protocol.frames
            is_plain = len(frames) == 1 and protocol.curr_msg_data_type == "bytes" and not protocol.close_sent
            if is_plain and protocol.queue.empty() and take(frames[0]):
                protocol.frames = []
            else:
                usual()

        protocol.send_receive_event_to_app = pass_on
        self._read_past_parser(pass_on)

    def _read_past_parser(self, pass_on: Callable[[], None]) -> None:
        """Take whole messages apart here, where the parser would begin with the first of them."""
        protocol = self._protocol
        connection, usual = protocol.conn, protocol.data_received
        try:
            buffer, is_open = connection.reader.buffer, connection.state
            _ = connection.current_size, connection.parser_exc
            most = protocol.config.ws_max_size
        except AttributeError:
            return  # Another version, of which nothing is known.
        if is_open.name != "OPEN" or not isinstance(buffer, bytearray):
            return
        if not isinstance(most, int) or most < LONGEST:
            return

        def take_apart(data: bytes) -> None:
            begins = self.begins_with_a_message and connection.state is is_open
            messages = unframed(data) if begins else None
            if messages is None:
                usual(data)
                return
            for each in messages:
                protocol.curr_msg_data_type = "bytes"
                protocol.frames = [each]
                pass_on()

        protocol.data_received = take_apart

    @property
    def socket(self) -> socket.socket | None:
        """The socket below, if nothing stands between, and messages are taken apart here as they come."""
        return self._socket if "data_received" in vars(self._protocol) else None

    @property
    def at_rest(self) -> bool:
        """Whether all that has come was taken, and all that was written was sent. To be asked on the loop."""
        protocol = self._protocol
        return (
            not self.is_ending
            and not self.waits
            and protocol.queue.empty()
            and not protocol.read_paused
            and self.begins_with_a_message
        )

    @property
    def begins_with_a_message(self) -> bool:
        """Whether the parser has nothing in hand of what has come before."""
        connection = self._protocol.conn
        return (
            not connection.reader.buffer and connection.current_size is None and connection.parser_exc is None
        )

    @property
    def is_ending(self) -> bool:
        """Whether nothing is to be written any more."""
        protocol = self._protocol
        return bool(protocol.close_sent or protocol.disconnected or self._transport.is_closing())

    @property
    def waits(self) -> bool:
        """Whether something waits to be sent. To be asked on the loop."""
        return bool(self._transport.get_write_buffer_size())

    def framed(self, messages: Sequence[bytes | str]) -> Sequence[bytes | memoryview] | None:
        """See :func:`embedsync.framing.framed`; ``None`` if the server would not send one of them."""
        return self._framed(messages)

    def detach(self, write: Callable[[bytes], None], lost: Callable[[], None]) -> None:
        """Keep the loop from reading, until :meth:`attach`.

        Args:
            write: takes what uvicorn has to say itself.
            lost: called when the connection is lost, before the socket is closed.
        """
        protocol, transport = self._protocol, self._transport
        usual = protocol.connection_lost

        def connection_lost(error: Exception | None) -> None:
            lost()
            usual(error)

        transport.pause_reading()
        transport.write, protocol.connection_lost = write, connection_lost

    def attach(self) -> None:
        """Have the loop read and write again."""
        vars(self._transport).pop("write", None)
        vars(self._protocol).pop("connection_lost", None)
        self._transport.resume_reading()

    def write_behind(self, data: bytes | memoryview) -> None:
        """Write something after what waits, past who stands in between since :meth:`detach`."""
        type(self._transport).write(self._transport, data)

    def receive(self, data: bytes) -> None:
        """Take bytes as if the loop had just read them."""
        self._protocol.data_received(data)

    def leave(self) -> None:
        """Let uvicorn do what it does."""
        for each in ("send_receive_event_to_app", "data_received"):
            vars(self._protocol).pop(each, None)

    def write(self, messages: Sequence[bytes | str]) -> bool:
        """Write messages; all, or none if the socket is closing or its buffer is full. Says whether."""
        protocol, transport = self._protocol, self._transport
        if self.is_ending:
            return False
        pieces: Sequence[bytes | memoryview] = self._framed(messages)
        if not self.waits:
            pieces = self._sent(pieces)
        elif not protocol.writable.is_set():
            return False
        for piece in pieces:
            transport.write(piece)
        return True

    def _sent(self, pieces: Sequence[bytes | memoryview]) -> Sequence[bytes | memoryview]:
        """Send what there is room for, where nothing waits before it. Returns what is left."""
        if self._socket is None:
            return pieces
        try:
            return rest_of(pieces, send_together(self._socket, pieces))
        except OSError:
            return pieces  # The socket is full or lost, which is the transport's to find out.
