"""Messages of a browser as a network may deliver them: cut at any place, or several at once."""

from __future__ import annotations

import random
import socket
from collections.abc import Sequence

from websockets.frames import Frame, Opcode
from websockets.sync.client import ClientConnection

__all__ = ["in_pieces"]


def in_pieces(browser: ClientConnection, messages: Sequence[bytes]) -> None:
    """Send binary messages in pieces of random lengths, the same ones each time."""
    stream = b"".join(Frame(Opcode.BINARY, each).serialize(mask=True) for each in messages)
    choices = random.Random(4)
    browser.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    while stream:
        length = choices.choice((1, 2, 5, 20, 200, 1000))
        browser.socket.sendall(stream[:length])
        stream = stream[length:]
