"""WebSocket messages of a server as bytes, where nothing compresses them: a header is put before each."""

from __future__ import annotations

import itertools
import operator
import socket as sockets
import struct
from collections.abc import Collection, Sequence

__all__ = ["Framing", "framed", "rest_of", "send_together"]

_TEXT, _BINARY = 0x81, 0x82
_COPIED = 16 * 1024
"""Messages up to here are put together; larger ones are not copied."""
_MOST_PIECES = 64
"""That are sent by one call; operating systems take sixteen times as many."""
_SENDS_PIECES = hasattr(sockets.socket, "sendmsg")


def framed(messages: Sequence[bytes | str]) -> list[bytes]:
    """The bytes of whole messages, in as few pieces as can be had without copying much."""
    pieces: list[bytes] = []
    together: list[bytes] = []
    for message in messages:
        content = message.encode() if isinstance(message, str) else message
        together.append(_header(_TEXT if isinstance(message, str) else _BINARY, len(content)))
        if len(content) > _COPIED:
            pieces.append(b"".join(together))
            together.clear()
            pieces.append(content)
        else:
            together.append(content)
    if together:
        pieces.append(b"".join(together))
    return pieces


class Framing:
    """Frames messages for many sockets, of which a hundred may be sent the very same, one after the other.

    So it keeps what it has made last, unless that is large, and then there is little to make.
    """

    def __init__(self) -> None:
        self._last: tuple[Sequence[bytes | str], Sequence[bytes]] = ((), ())

    def framed(self, messages: Sequence[bytes | str]) -> Sequence[bytes]:
        """See :func:`framed`."""
        known, pieces = self._last
        if len(known) == len(messages) and all(map(operator.is_, known, messages)):
            return pieces
        pieces = framed(messages)
        if len(pieces) == 1 and len(pieces[0]) <= _COPIED:
            self._last = messages, pieces
        return pieces


def send_together(socket: sockets.socket, pieces: Collection[bytes | memoryview]) -> int:
    """Send pieces by one call, so that the other side is woken once. How many bytes there was room for.

    Raises:
        OSError: there is no room at all, or the socket is lost.
    """
    if len(pieces) > 1 and _SENDS_PIECES:
        return socket.sendmsg(itertools.islice(pieces, _MOST_PIECES))
    return socket.send(next(iter(pieces)))


def rest_of(pieces: Sequence[bytes | memoryview], written: int) -> Sequence[bytes | memoryview]:
    """What is left of pieces of which so many bytes are written; nothing is copied."""
    for index, piece in enumerate(pieces):
        if written < len(piece):
            return [memoryview(piece)[written:] if written else piece, *pieces[index + 1 :]]
        written -= len(piece)
    return ()


def _header(opcode: int, length: int) -> bytes:
    """The header of a whole message from a server, RFC 6455 section 5.2."""
    if length < 126:
        return bytes((opcode, length))
    if length < 65536:
        return struct.pack("!BBH", opcode, 126, length)
    return struct.pack("!BBQ", opcode, 127, length)
