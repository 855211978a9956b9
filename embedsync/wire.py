"""Frames: what one WebSocket message is, in bytes. ``PROTOCOL.md`` beside this file describes them.

A frame is a fixed prefix, a JSON header and the buffers that the header declares::

    0   u32 little-endian   attachment number; 0 means the connection itself
    4   u32 little-endian   length of the header in bytes
    8   header              UTF-8 JSON object with a "type"
        zeros               up to a multiple of 8 bytes
        buffer, zeros       each buffer in the declared order, each padded to a multiple of 8

The attachment number stands outside the rest, so that one *payload*, encoded once, serves every viewer:
it is a frame of the first attachment, which others are made of.
"""

from __future__ import annotations

import enum
import struct
from collections.abc import Iterable, Sequence
from typing import Annotated, Any, TypeVar

import msgspec

from embedsync.document import Buffer
from embedsync.errors import ProtocolError

__all__ = [
    "CLIENT_FRAMES",
    "PROTOCOL_VERSION",
    "SERVER_FRAMES",
    "Ack",
    "Action",
    "ClientFrame",
    "Close",
    "Closed",
    "Detach",
    "Edit",
    "Limits",
    "Notice",
    "NoticeKind",
    "Op",
    "Open",
    "Opened",
    "Ping",
    "Pong",
    "Refusal",
    "Result",
    "Resume",
    "Resync",
    "ServerFrame",
    "SnapshotFrame",
    "action_of",
    "check_shape",
    "decode_client_frame",
    "decode_payload",
    "decode_server_frame",
    "encode_payload",
    "frame",
]

PROTOCOL_VERSION = 1
"""Major version. A browser with another one is told to reload its page."""

_PREFIX = struct.Struct("<II")
_LENGTH = struct.Struct("<I")
# The first, and on most pages the only one. Payloads carry it, so that viewers share one message, uncopied.
_USUAL_ATTACHMENT = 1
_ALIGNMENT = 8
_PADDING = [b"\0" * count for count in range(_ALIGNMENT)]

_Id = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
_Position = Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]


class Close(enum.IntEnum):
    """Why a connection or an attachment ended; :func:`action_of` gives what the browser does.

    Of the registered codes the engine sends 1000 only: not every server can send the others (daphne's
    WebSocket library takes 1000 and 3000–4999).
    """

    NORMAL = 1000
    INTERNAL_ERROR = 1011
    TRY_LATER = 1013

    SLOW = 4000
    HEARTBEAT_LOST = 4001
    HANDSHAKE_TIMEOUT = 4002
    TOO_MANY_EDITS = 4003
    BUSY = 4004
    DRAIN = 4005

    TICKET_EXPIRED = 4100
    SESSION_GONE = 4101

    RELOAD = 4200

    BAD_MESSAGE = 4300
    FORBIDDEN = 4301
    UNKNOWN_APP = 4302
    BUILD_FAILED = 4303
    SUPERSEDED = 4304
    ENDED = 4305
    TOO_BIG = 4306
    TOO_SLOW = 4307
    LOGGED_OUT = 4308


class Action(enum.Enum):
    """What a browser does about a close code."""

    NOTHING = "nothing"
    RETRY = "retry"
    """Connect again after a while and resume."""
    REOPEN = "reopen"
    """Fetch a fresh ticket and open a new session."""
    RELOAD = "reload"
    """Load the page again, once."""
    STOP = "stop"
    """Tell the person; do nothing by itself."""


def action_of(code: int) -> Action:
    """What the range that a close code lies in asks of the browser.

    4000–4099 retry, 4100–4199 reopen, 4200–4299 reload, 4300–4399 stop. Of the registered codes
    1000 asks for nothing, 1002, 1003, 1007, 1008, 1009 and 1010 stop (the same bytes would be
    refused again), and the others retry.
    """
    if code == Close.NORMAL:
        return Action.NOTHING
    if code in (1002, 1003, 1007, 1008, 1009, 1010) or 4300 <= code <= 4399:
        return Action.STOP
    if 4200 <= code <= 4299:
        return Action.RELOAD
    if 4100 <= code <= 4199:
        return Action.REOPEN
    return Action.RETRY


class Refusal(enum.StrEnum):
    """Why an edit was refused, as the browser is told."""

    MALFORMED = "malformed"
    UNKNOWN_MODEL = "unknown-model"
    UNKNOWN_PROPERTY = "unknown-property"
    BAD_VALUE = "bad-value"
    FORBIDDEN = "forbidden"
    EPOCH = "epoch"


class NoticeKind(enum.StrEnum):
    """What a notice tells."""

    ERROR = "error"
    """A callback raised; ``error`` is the id that stands in the server's log. ``detail`` is the traceback, in
    debug mode only."""
    BUSY = "busy"
    """The session works on something that takes long; ``busy`` is false when it is done."""
    DRAIN = "drain"
    """The server is about to stop; the socket will close and may be opened again after ``retry``."""


class Limits(msgspec.Struct, frozen=True):
    """What the server takes from one browser, told in ``opened``."""

    message_bytes: int
    """Largest frame, in bytes."""
    unanswered_edits: int
    """Edits that may be under way without an answer, for one attachment."""
    edits_per_second: float = 0.0
    """Edits that one socket may send each second, and this many at once; as many as it likes, if 0."""


_BufferSizes = Annotated[list[tuple[_Id, _Position]], msgspec.Meta(max_length=100_000)]


class _Frame(msgspec.Struct, tag_field="type", frozen=True, omit_defaults=True, kw_only=True):
    buffers: _BufferSizes = []


# Client to server


class Resume(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Where a browser left off: its session, the secret for it, the last op and result that it has seen.

    An empty ``epoch`` says that the browser was let in and never received the document.
    """

    session: _Id
    client: _Id
    secret: _Id
    epoch: Annotated[str, msgspec.Meta(max_length=128)]
    seq: _Position
    cseq: _Position = 0


class Open(_Frame, tag="open", frozen=True, kw_only=True):
    """Asks for a session: a new one by ``ticket``, or the one it had by ``resume``."""

    protocol: int
    build: Annotated[str, msgspec.Meta(max_length=128)] = ""
    ticket: Annotated[str, msgspec.Meta(max_length=16_384)] | None = None
    resume: Resume | None = None


class Edit(_Frame, tag="edit", frozen=True, kw_only=True):
    """Changes that a browser has made already and proposes to everybody.

    Attributes:
        cseq: its number, counted by the replica from 1 as edits are sent, without gaps.
        base: seq of the last op that the replica had applied when it made the edit.
        epoch: the document it was made on.
        whole: a stream or patch was made on a value that was not settled; the answer is to bring the
            whole values under the keys that it changes.
        events: the changes, in the language of the document's kind.
    """

    cseq: Annotated[int, msgspec.Meta(ge=1, le=2**53 - 1)]
    base: _Position
    epoch: _Id
    whole: bool = False
    events: Annotated[list[Any], msgspec.Meta(max_length=100_000)]


class Ack(_Frame, tag="ack", frozen=True, kw_only=True):
    """The replica has applied all ops up to ``seq`` and seen all results up to ``cseq``."""

    seq: _Position
    cseq: _Position


class Resync(_Frame, tag="resync", frozen=True, kw_only=True):
    """The replica cannot go on (a gap, an exception while applying) and asks for a snapshot.

    Attributes:
        cseq: every result up to here was seen; those after it are sent again.
    """

    epoch: Annotated[str, msgspec.Meta(max_length=128)]
    seq: _Position
    cseq: _Position = 0
    reason: Annotated[str, msgspec.Meta(max_length=2_000)] = ""


class Detach(_Frame, tag="close", frozen=True):
    """The replica is gone for good: its element left the page."""


class Ping(_Frame, tag="ping", frozen=True, kw_only=True):
    """Asks for a pong. From the server, ``positions`` are the seq sent so far by attachment."""

    positions: dict[str, int] = {}


class Pong(_Frame, tag="pong", frozen=True, kw_only=True):
    """Answers a ping."""


ClientFrame = Open | Edit | Ack | Resync | Detach | Ping | Pong

# Server to client


class Opened(_Frame, tag="opened", frozen=True, kw_only=True):
    """A replica is attached.

    Attributes:
        session: id of the session.
        client: id of this replica.
        secret: what resumes it; replaces the one before.
        epoch: names this build of the document.
        seq: position of the session.
        cseq: last edit of this replica that was answered.
        recovered: true if everything since the replica's position follows as ops; otherwise a
            snapshot follows.
        kind: the document's kind.
        scripts: URLs of scripts that the document needs.
        heartbeat: seconds between pings of the server.
        grace: seconds for which the session is kept without a connection.
        recover: should the session be lost, what the person has put in may be put into a new one.
        limits: what the server takes.
    """

    session: str
    client: str
    secret: str
    epoch: str
    seq: int
    cseq: int
    recovered: bool
    kind: str
    scripts: list[str] = []
    heartbeat: float
    grace: float
    recover: bool = False
    limits: Limits


class SnapshotFrame(_Frame, tag="snapshot", frozen=True, kw_only=True):
    """The whole document at ``seq``; all edits up to ``cseq`` are accounted for in it."""

    epoch: str
    seq: int
    cseq: int
    scripts: list[str] = []
    document: msgspec.Raw


class Op(_Frame, tag="op", frozen=True, kw_only=True, rename={"from_": "from"}):
    """Committed changes: everything in ``(from, seq]``."""

    from_: int
    seq: int
    scripts: list[str] = []
    events: list[msgspec.Raw]
    gone: list[str] = []


class Result(_Frame, tag="result", frozen=True, kw_only=True):
    """The answer to the edit ``cseq``, and to all that it superseded.

    Attributes:
        seq: position of the session right after the edit.
        own: the edit became the op ``seq``, which is not sent to the replica that made it.
        commit: false if the edit was refused and has changed nothing.
        code: why it was refused (:class:`Refusal`).
        values: write events with the true values, where they differ from the replica's.
        skipped: positions of events that were left out because their model is gone.
        gone: ids of models that left the document with this edit.
        supersedes: numbers of edits that the server merged into this one.
        previous: number of the edit of this replica that was answered before.
    """

    cseq: int
    seq: int
    own: bool
    commit: bool
    code: str = ""
    values: list[msgspec.Raw] = []
    skipped: list[int] = []
    gone: list[str] = []
    supersedes: list[int] = []
    previous: int = 0
    scripts: list[str] = []


class Notice(_Frame, tag="notice", frozen=True, kw_only=True):
    """Something that concerns the person or the page, not the document."""

    kind: NoticeKind
    error: str = ""
    detail: str = ""
    busy: bool = False
    retry: float = 0.0


class Closed(_Frame, tag="closed", frozen=True, kw_only=True):
    """This attachment has ended, or was not granted; the socket stays open for others.

    Attributes:
        code: a :class:`Close`, whose range says what to do.
        error: id under which the reason stands in the server's log.
        detail: the reason itself, in debug mode only.
    """

    code: int
    error: str = ""
    detail: str = ""


ServerFrame = Opened | SnapshotFrame | Op | Result | Notice | Closed | Ping | Pong

CLIENT_FRAMES: tuple[type[ClientFrame], ...] = (Open, Edit, Ack, Resync, Detach, Ping, Pong)
SERVER_FRAMES: tuple[type[ServerFrame], ...] = (
    Opened,
    SnapshotFrame,
    Op,
    Result,
    Notice,
    Closed,
    Ping,
    Pong,
)

_Header = TypeVar("_Header", ClientFrame, ServerFrame)

_encoder = msgspec.json.Encoder()
_client_decoder = msgspec.json.Decoder(ClientFrame)
_server_decoder = msgspec.json.Decoder(ServerFrame)


def encode_payload(header: ClientFrame | ServerFrame, buffers: Sequence[Buffer] = ()) -> bytes:
    """Encode a frame, to be numbered by :func:`frame` for each of those that it is sent to.

    Args:
        header: the frame; its ``buffers`` field is filled in from ``buffers``.
        buffers: what the header's JSON refers to.
    """
    if buffers:
        sizes = [(each.id, len(each.data)) for each in buffers]
        header = msgspec.structs.replace(header, buffers=sizes)
    encoded = _encoder.encode(header)
    if not buffers:
        return _PREFIX.pack(_USUAL_ATTACHMENT, len(encoded)) + encoded
    parts = [_PREFIX.pack(_USUAL_ATTACHMENT, len(encoded)), encoded]
    parts.append(_PADDING[-len(encoded) % _ALIGNMENT])
    for each in buffers:
        parts.append(each.data)
        parts.append(_PADDING[-len(each.data) % _ALIGNMENT])
    return b"".join(parts)


def frame(attachment: int, payload: bytes) -> bytes:
    """Give a payload its attachment number: one WebSocket message."""
    if attachment == _USUAL_ATTACHMENT:
        return payload
    return _LENGTH.pack(attachment) + payload[_LENGTH.size :]


def decode_client_frame(
    message: bytes, *, max_depth: int = 64, max_nodes: int = 100_000, max_buffers: int = 32
) -> tuple[int, ClientFrame, dict[str, bytes]]:
    """Take apart a message from a browser.

    Args:
        message: one whole WebSocket message; its size was checked by the caller.
        max_depth: how deep the JSON of an edit may nest.
        max_nodes: how many values the JSON of an edit may hold.
        max_buffers: how many buffers it may carry.

    Returns:
        The attachment number, the header, and the buffers by id.

    Raises:
        ProtocolError: with the close code to answer, whatever the bytes are.
    """
    attachment, encoded, rest = _split(message)
    header = _decode_header(_client_decoder, encoded)
    sizes = header.buffers
    if len(sizes) > max_buffers:
        raise ProtocolError(
            Close.TOO_BIG, f"{len(sizes)} buffers, {max_buffers} are taken ('buffers_per_message')"
        )
    if type(header) is Edit and not _is_small(encoded, max_depth, max_nodes):
        check_shape(header.events, max_depth, max_nodes)
    return attachment, header, _take_buffers(sizes, message, rest)


def decode_server_frame(message: bytes) -> tuple[int, ServerFrame, dict[str, bytes]]:
    """Take apart a message from a server. For clients in Python, and for tests.

    Raises:
        ProtocolError: the bytes are not a frame.
    """
    attachment, encoded, rest = _split(message)
    header = _decode_header(_server_decoder, encoded)
    return attachment, header, _take_buffers(header.buffers, message, rest)


def decode_payload(payload: bytes) -> tuple[ServerFrame, dict[str, bytes]]:
    """Take apart what :func:`encode_payload` made, for codecs that say it in other words."""
    _, header, buffers = decode_server_frame(payload)
    return header, buffers


def _split(message: bytes) -> tuple[int, bytes, int]:
    if len(message) < _PREFIX.size:
        raise ProtocolError(Close.BAD_MESSAGE, "message is shorter than its prefix")
    attachment, length = _PREFIX.unpack_from(message)
    end = _PREFIX.size + length
    if end > len(message):
        raise ProtocolError(Close.BAD_MESSAGE, "message is shorter than its header")
    return attachment, message[_PREFIX.size : end], end


def _decode_header(decoder: msgspec.json.Decoder[_Header], encoded: bytes) -> _Header:
    try:
        return decoder.decode(encoded)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise ProtocolError(Close.BAD_MESSAGE, f"bad header: {error}") from error


def _take_buffers(sizes: Iterable[tuple[str, int]], message: bytes, start: int) -> dict[str, bytes]:
    buffers: dict[str, bytes] = {}
    position = start
    for identifier, size in sizes:
        position += -position % _ALIGNMENT
        end = position + size
        if end > len(message):
            raise ProtocolError(Close.BAD_MESSAGE, "message is shorter than its buffers")
        if identifier in buffers:
            raise ProtocolError(Close.BAD_MESSAGE, "two buffers have the same id")
        buffers[identifier] = message[position:end]
        position = end
    if buffers:
        position += -position % _ALIGNMENT
    if position != len(message):
        raise ProtocolError(Close.BAD_MESSAGE, "message is longer than its buffers")
    return buffers


def _is_small(encoded: bytes, max_depth: int, max_nodes: int) -> bool:
    """Whether this JSON cannot nest too deep nor hold too much, as nearly every edit shows at a glance."""
    return len(encoded) <= max_nodes and encoded.count(b"[") + encoded.count(b"{") <= max_depth


def check_shape(value: Any, max_depth: int, max_nodes: int) -> None:
    """Refuse JSON that nests too deep or holds too much, level by level and without recursion.

    Raises:
        ProtocolError: it does.
    """
    level: list[Any] = [value]
    nodes = 0
    for _ in range(max_depth + 1):
        below: list[Any] = []
        for each in level:
            if isinstance(each, dict):
                below.extend(each.values())
            elif isinstance(each, list):
                below.extend(each)
        nodes += len(level)
        if nodes > max_nodes:
            raise ProtocolError(Close.BAD_MESSAGE, f"more than {max_nodes} values in one edit")
        if not below:
            return
        level = below
    raise ProtocolError(Close.BAD_MESSAGE, f"edit nests deeper than {max_depth}")
