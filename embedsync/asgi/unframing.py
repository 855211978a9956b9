"""The messages in what a browser has sent, where these are whole and small: without the server's own parser.

A parser that is written in Python and prepared for everything takes longer for a short message than all that
embedsync does before the turn begins. Whatever is not the usual is left to it.
"""

from __future__ import annotations

__all__ = ["LONGEST", "unframed"]

LONGEST = 65535
"""Bytes of a message at the most."""

_BINARY = 0x82
_MASKED = 0x80
_TWO_BYTES = 126


def unframed(data: bytes) -> list[bytes] | None:
    """The messages that bytes of a browser consist of, from the beginning of one to the end of one.

    Returns ``None`` if anything among them is something else than a whole binary message in one frame
    (RFC 6455, section 5.2), with a mask and of at most ``LONGEST`` bytes.
    """
    messages = []
    position, end = 0, len(data)
    while position < end:
        if end - position < 6 or data[position] != _BINARY or not data[position + 1] & _MASKED:
            return None
        length = data[position + 1] & ~_MASKED
        position += 2
        if length >= _TWO_BYTES:
            if length != _TWO_BYTES:
                return None
            length = int.from_bytes(data[position : position + 2])
            if length < _TWO_BYTES:
                return None
            position += 2
        start = position + 4
        position = start + length
        if position > end:
            return None
        messages.append(_unmasked(data[start - 4 : start], data[start:position]))
    return messages


def _unmasked(mask: bytes, payload: bytes) -> bytes:
    length = len(payload)
    # As two large numbers: what would be a loop over bytes is one operation.
    masks = (mask * (length // 4 + 1))[:length]
    plain = int.from_bytes(payload, "little") ^ int.from_bytes(masks, "little")
    return plain.to_bytes(length, "little")
