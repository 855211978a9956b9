"""Messages of Bokeh's protocol: a header, metadata, content, and buffers, each a WebSocket message.

All of them are texts of JSON but the bytes of a buffer, which follow a text that names it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

import msgspec

from embedsync import wire
from embedsync.errors import ProtocolError
from embedsync.settings import Settings

__all__ = ["Assembler", "Message", "encode"]

_SMALL = 4096
"""Bytes of a header, of metadata, and of the text that names a buffer. Real ones have some dozens."""

_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]


class _Header(msgspec.Struct, frozen=True):
    msgid: _Name
    msgtype: _Name
    num_buffers: Annotated[int, msgspec.Meta(ge=0)] = 0


class _BufferName(msgspec.Struct, frozen=True):
    id: _Name


_decode_header = msgspec.json.Decoder(_Header).decode
_decode_buffer_name = msgspec.json.Decoder(_BufferName).decode
_decode_content = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Message:
    """A whole message of a client.

    Attributes:
        id: what its answer will name.
        kind: such as ``"PATCH-DOC"``.
        content: decoded JSON; untrusted, but neither deep nor large.
        buffers: by id.
        size: bytes of all that it came in.
    """

    id: str
    kind: str
    content: Any
    buffers: Mapping[str, bytes] = field(default_factory=dict)
    size: int = 0


class Assembler:
    """Puts WebSocket messages together. What is over a bound is refused before it is kept.

    Args:
        settings: the bounds.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._begin()

    def _begin(self) -> None:
        self._header: _Header | None = None
        self._has_metadata = False
        self._has_content = False
        self._content: Any = None
        self._buffers: dict[str, bytes] = {}
        self._named: str | None = None
        self._size = 0

    @property
    def is_between(self) -> bool:
        """Whether no message has begun that is not complete."""
        return self._header is None

    def receive(self, part: bytes | str) -> Message | None:
        """Take a WebSocket message; gives the message that it completes.

        Raises:
            ProtocolError: it is out of order, malformed, or more than is taken.
        """
        encoded = _encoded(part)
        self._size += len(encoded)
        if self._size > self._settings.message_bytes:
            limit = self._settings.message_bytes
            raise ProtocolError(wire.Close.TOO_BIG, f"a message of over {limit} bytes ('message_bytes')")
        if self._named is not None:
            self._take_buffer(self._named, part)
        elif isinstance(part, bytes):
            raise ProtocolError(wire.Close.BAD_MESSAGE, "bytes came where a text was due")
        else:
            self._take_text(encoded)
        return self._completed()

    def _take_text(self, encoded: bytes) -> None:
        if self._header is not None and self._has_metadata and not self._has_content:
            self._content = _decoded(_decode_content, encoded)
            wire.check_shape(self._content, self._settings.json_depth, self._settings.json_nodes)
            self._has_content = True
            return
        if len(encoded) > _SMALL:
            raise ProtocolError(wire.Close.TOO_BIG, f"a header of over {_SMALL} bytes")
        if self._header is None:
            self._header = _decoded(_decode_header, encoded)
            if self._header.num_buffers > self._settings.buffers_per_message:
                count = self._header.num_buffers
                raise ProtocolError(wire.Close.TOO_BIG, f"{count} buffers ('buffers_per_message')")
        elif not self._has_metadata:
            self._has_metadata = True  # For whoever watches messages; nobody does here.
        else:
            self._named = _decoded(_decode_buffer_name, encoded).id
            if self._named in self._buffers:
                raise ProtocolError(wire.Close.BAD_MESSAGE, "two buffers have the same id")

    def _take_buffer(self, name: str, part: bytes | str) -> None:
        if isinstance(part, str):
            raise ProtocolError(wire.Close.BAD_MESSAGE, "a text came where the bytes of a buffer were due")
        self._buffers[name] = part
        self._named = None

    def _completed(self) -> Message | None:
        header = self._header
        if header is None or not self._has_content or len(self._buffers) < header.num_buffers:
            return None
        message = Message(header.msgid, header.msgtype, self._content, self._buffers, self._size)
        self._begin()
        return message


def encode(
    identifier: str,
    kind: str,
    content: bytes,
    *,
    answers: str | None = None,
    buffers: Sequence[tuple[str, bytes]] = (),
) -> list[bytes | str]:
    """The WebSocket messages of a message.

    Args:
        identifier: names it.
        kind: such as ``"PATCH-DOC"``.
        content: JSON.
        answers: id of the message that it answers.
        buffers: what the content refers to, with their ids.
    """
    header: dict[str, Any] = {"msgid": identifier, "msgtype": kind}
    if answers is not None:
        header["reqid"] = answers
    if buffers:
        header["num_buffers"] = len(buffers)
    parts: list[bytes | str] = [_encode(header).decode(), "{}", content.decode()]
    for name, data in buffers:
        parts += [_encode({"id": name}).decode(), data]
    return parts


def _encoded(part: bytes | str) -> bytes:
    if isinstance(part, bytes):
        return part
    try:
        return part.encode()
    except UnicodeEncodeError as error:
        raise ProtocolError(wire.Close.BAD_MESSAGE, "a text that is no Unicode") from error


def _decoded(decode: Any, encoded: bytes) -> Any:
    try:
        return decode(encoded)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise ProtocolError(wire.Close.BAD_MESSAGE, f"malformed: {error}") from error
