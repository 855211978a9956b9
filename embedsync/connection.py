"""One socket as a state machine: frames in, events out; payloads in, frames out. No I/O, no clock.

The shell around it calls :meth:`Connection.receive` with each message and :meth:`Connection.tick`
when :meth:`Connection.deadline` is due, and sends what :meth:`Connection.take` hands out until
:attr:`Connection.closed` says with which code to close.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from embedsync import wire
from embedsync.bucket import bursting
from embedsync.errors import ProtocolError
from embedsync.outbox import Outbox
from embedsync.settings import Settings

__all__ = ["Connection", "Conversation", "Received", "State"]


class State(enum.Enum):
    """Where an attachment stands."""

    OPENING = "opening"
    LIVE = "live"
    ENDED = "ended"


# Which frames of the browser an attachment takes. Frames for one that has ended are late, not wrong.
_TAKEN = {
    State.OPENING: (wire.Detach,),
    State.LIVE: (wire.Edit, wire.Ack, wire.Resync, wire.Detach),
}

# Looked up in a class of enum.Enum it takes longer, and this is asked for each viewer of each change.
_LIVE = State.LIVE

_PONG_PAYLOAD = wire.encode_payload(wire.Pong())


@dataclass(slots=True)
class Received:
    """A frame that concerns an attachment, decoded and legal in its state."""

    attachment: int
    frame: wire.Open | wire.Edit | wire.Ack | wire.Resync | wire.Detach
    buffers: dict[str, bytes] = field(default_factory=dict)
    size: int = field(default=0, compare=False)
    """Bytes of the message."""


class Conversation(Protocol):
    """What an endpoint asks of the protocol of its socket: ours, which is :class:`Connection`, or another.

    Attributes:
        is_simple: what is at the other end follows none of the rules of a replica.
        granted: whether anything was granted to it.
        closed: with which code to close the socket, once all was taken.
        reason: why it was closed, for the log.
        abandoned: whether the socket is to be cut at once.
    """

    is_simple: bool
    granted: bool
    closed: int | None
    reason: str
    abandoned: bool

    def receive(self, message: bytes | str, now: float) -> list[Received]:
        """Take a message. Never raises: what is wrong closes the connection."""

    def take(self, now: float) -> Sequence[bytes | str]:
        """Hand out messages to send."""

    def drained(self) -> Sequence[int]:
        """Attachments that were refused a payload and may be sent some again, each named once."""

    def tick(self, now: float) -> None:
        """Do what is due."""

    def excuse(self, seconds: float) -> None:
        """The process stood still for so long."""

    def deadline(self) -> float:
        """When :meth:`tick` has something to do next."""

    def push(
        self,
        attachment: int,
        payload: bytes,
        now: float,
        *,
        seq: int | None,
        always: bool,
        snapshot: bool = False,
    ) -> bool:
        """Queue a payload of ours; see :meth:`embedsync.replica.Viewer.push`."""

    def notify(self, payload: bytes, now: float) -> None:
        """Tell something that concerns the page."""

    def grant(self, attachment: int) -> None:
        """Let an attachment in."""

    def end(self, attachment: int, code: int, *, error: str = "", detail: str = "") -> None:
        """End an attachment."""

    @property
    def ready(self) -> bool:
        """Whether there is something to send, or the socket is to be closed."""

    def close(self, code: int, reason: str = "", now: float | None = None) -> None:
        """Close the socket after what still waits was sent."""

    def abandon(self, code: int, reason: str) -> None:
        """Close the socket and forget what waits."""


class Connection:
    """The protocol of one socket.

    Args:
        settings: bounds and waits.
        now: the present, in seconds of any clock that never goes back; so are all other ``now``.
    """

    is_simple = False

    def __init__(self, settings: Settings, now: float) -> None:
        self._settings = settings
        self._attachments: dict[int, State] = {}
        self._positions: dict[int, int] = {}
        self._outbox = Outbox(settings.queue_bytes_hard)
        self._refused: set[int] = set()
        self._edits = bursting(settings.edits_per_second, now)
        self._frames = bursting(settings.frames_per_second, now)
        self.granted = False
        """Whether any attachment was let in."""
        self._was_busy = False
        self._started = now
        self._heard = now
        self._pinged = now
        self._progress = now
        self.closed: int | None = None
        """Close code, once the connection is over; the queue may still hold last frames."""
        self.reason = ""
        """Why it was closed, for the log."""
        self.abandoned = False
        """Whether the socket is to be cut without waiting for anything to be sent."""

    # From the socket.

    def receive(self, message: bytes | str, now: float) -> list[Received]:
        """Take a message of the browser. Never raises: what is wrong closes the connection."""
        if self.closed is not None:
            return []
        self._heard = now
        try:
            return self._received(message)
        except ProtocolError as error:
            self.close(error.code, str(error))
            return []

    def take(self, now: float) -> list[bytes]:
        """Hand out frames that wait, as WebSocket messages: as many as the browser has room for."""
        messages = self._outbox.take()
        if messages:
            self._progress = now
        return messages

    def drained(self) -> Sequence[int]:
        """Attachments that were refused a payload and may be sent some again, each named once."""
        if not self._refused or self._outbox.waiting > self._settings.queue_bytes // 2:
            return ()
        refused, self._refused = self._refused, set()
        return tuple(refused)

    def tick(self, now: float) -> None:
        """Do what is due: ping, or close for silence, stalling or a missing ``open``."""
        settings = self._settings
        if self.closed is not None:
            if now >= self._stalled_until:
                self.abandon(self.closed, self.reason)  # It does not take the goodbye either.
        elif self._must_open and now >= self._started + settings.handshake_timeout:
            self.close(wire.Close.HANDSHAKE_TIMEOUT, "no open came ('handshake_timeout')")
        elif now >= self._silent_until:
            self.abandon(wire.Close.HEARTBEAT_LOST, "the browser is silent ('heartbeat_timeout')")
        elif self._outbox and now >= self._stalled_until:
            self.abandon(wire.Close.SLOW, "the browser takes nothing ('send_timeout')")
        elif now >= self._pinged + settings.heartbeat:
            self._pinged = now
            positions = {str(number): seq for number, seq in self._positions.items()}
            self._outbox.put(0, wire.encode_payload(wire.Ping(positions=positions)), ping=True)

    def excuse(self, seconds: float) -> None:
        """The process stood still for so long: nobody was heard, because nobody listened."""
        self._started += seconds
        self._heard += seconds
        self._progress += seconds

    def deadline(self) -> float:
        """When :meth:`tick` has something to do next."""
        settings = self._settings
        if self.closed is not None:
            return self._stalled_until
        due = [self._pinged + settings.heartbeat, self._silent_until]
        if self._must_open:
            due.append(self._started + settings.handshake_timeout)
        if self._outbox:
            due.append(self._stalled_until)
        return min(due)

    # From the sessions.

    def push(
        self,
        attachment: int,
        payload: bytes,
        now: float,
        *,
        seq: int | None,
        always: bool,
        snapshot: bool = False,
    ) -> bool:
        """Queue a payload; see :meth:`embedsync.replica.Viewer.push`."""
        if self.closed is not None or self._attachments.get(attachment) is not _LIVE:
            return True  # Nobody is there to miss it.
        outbox = self._outbox
        if not outbox.waiting:
            self._progress = now  # However large it is: there is room for one.
        elif outbox.waiting + len(payload) > self._settings.queue_bytes:
            if not always:
                if self._has_no_room(len(payload)):
                    self._refused.add(attachment)
                    return False
            elif outbox.pressing > self._settings.queue_bytes_hard:
                self.abandon(wire.Close.SLOW, "too much waits for the browser ('queue_bytes_hard')")
                return True
        outbox.put(attachment, payload, snapshot=snapshot, refusable=not always)
        if seq is not None:
            self._positions[attachment] = seq
        return True

    def notify(self, payload: bytes, now: float) -> None:
        """Queue a notice for the page."""
        if self.closed is None:
            if not self._outbox:
                self._progress = now
            self._outbox.put(0, payload)

    def grant(self, attachment: int) -> None:
        """The attachment's ``open`` was granted: it is live."""
        self.granted = True
        if self._attachments.get(attachment) is State.OPENING:
            self._attachments[attachment] = State.LIVE

    def end(self, attachment: int, code: int, *, error: str = "", detail: str = "") -> None:
        """End an attachment and tell the browser why."""
        self._was_busy |= code == wire.Close.BUSY
        if self.closed is None and self._attachments.get(attachment) in (State.OPENING, State.LIVE):
            if code == wire.Close.SUPERSEDED:
                self._outbox.drop(attachment)  # Its browser has gone on elsewhere.
            self._outbox.put(
                attachment, wire.encode_payload(wire.Closed(code=code, error=error, detail=detail))
            )
            self._ended(attachment)

    def state(self, attachment: int) -> State | None:
        """Where an attachment stands; ``None`` if there never was one of this number."""
        return self._attachments.get(attachment)

    @property
    def ready(self) -> bool:
        """Whether there is something to send, or the socket is to be closed."""
        if self._outbox.is_open or self.closed is not None:
            return True
        return bool(self._refused) and not self._outbox  # What was in the way was dropped.

    def close(self, code: int, reason: str = "", now: float | None = None) -> None:
        """Close the socket after what still waits was sent."""
        if self.closed is None:
            if now is not None and not self._outbox:
                self._progress = now
            self.closed = code
            self.reason = reason

    def abandon(self, code: int, reason: str) -> None:
        """Close the socket and forget what waits: nobody takes it."""
        self._outbox.clear()
        self.abandoned = True
        self.close(code, reason)

    # Inside.

    def _has_no_room(self, size: int) -> bool:
        """Whether a payload has to be left out for what waits before it.

        It counts for half of the limit at the most, so that what finds the queue as short as after it has
        drained is taken, however large: the effect of an edit that is small itself, too.
        """
        limit = self._settings.queue_bytes
        return self._outbox.waiting + min(size, limit // 2) > limit

    def _received(self, message: bytes | str) -> list[Received]:
        settings = self._settings
        if isinstance(message, str):
            raise ProtocolError(wire.Close.BAD_MESSAGE, "a text message came, frames are binary")
        limit = settings.message_bytes if self.granted else settings.opening_message_bytes
        if len(message) > limit:
            name = "message_bytes" if self.granted else "opening_message_bytes"
            raise ProtocolError(wire.Close.TOO_BIG, f"message of {len(message)} bytes ({name!r} is {limit})")
        attachment, frame, buffers = wire.decode_client_frame(
            message,
            max_depth=settings.json_depth,
            max_nodes=settings.json_nodes,
            max_buffers=settings.buffers_per_message,
        )
        if type(frame) is wire.Edit and self._attachments.get(attachment) is _LIVE:
            self._count(frame)  # As nearly all are.
            return [Received(attachment, frame, buffers, len(message))]
        if not (isinstance(frame, wire.Pong) and self._outbox.awaits_pong):
            self._count(frame)
        if attachment == 0:
            self._own_frame(frame)
            return []
        if isinstance(frame, wire.Open):
            self._open(attachment, frame)
            return [Received(attachment, frame, size=len(message))]
        state = self._attachments.get(attachment)
        if state is State.ENDED:
            return []
        if isinstance(frame, wire.Ping | wire.Pong) or state is None or not isinstance(frame, _TAKEN[state]):
            name = type(frame).__name__.lower()
            where = state.value if state else "unknown"
            raise ProtocolError(wire.Close.BAD_MESSAGE, f"{name} for an attachment that is {where}")
        if isinstance(frame, wire.Detach):
            self._outbox.drop(attachment)
            self._ended(attachment)
        return [Received(attachment, frame, buffers, len(message))]

    def _count(self, frame: wire.ClientFrame) -> None:
        """Take no more than one person and a browser can send."""
        if not self._frames.take(self._heard):
            raise ProtocolError(wire.Close.TOO_MANY_EDITS, "too many frames ('frames_per_second')")
        if isinstance(frame, wire.Edit) and not self._edits.take(self._heard):
            raise ProtocolError(wire.Close.TOO_MANY_EDITS, "too many edits ('edits_per_second')")

    def _own_frame(self, frame: wire.ClientFrame) -> None:
        if isinstance(frame, wire.Ping):
            # One pong at a time is enough, and keeps a flood of pings from filling the queue.
            if _PONG_PAYLOAD not in self._outbox:
                self._outbox.put(0, _PONG_PAYLOAD)
        elif isinstance(frame, wire.Pong):
            if self._outbox.confirm():
                self._progress = self._heard
        else:
            raise ProtocolError(wire.Close.BAD_MESSAGE, "only ping and pong concern the connection itself")

    def _open(self, attachment: int, frame: wire.Open) -> None:
        if attachment in self._attachments:
            raise ProtocolError(wire.Close.BAD_MESSAGE, f"attachment {attachment} was opened before")
        present = sum(state is not State.ENDED for state in self._attachments.values())
        if present >= self._settings.attachments_per_connection:
            raise ProtocolError(wire.Close.BAD_MESSAGE, "too many documents ('attachments_per_connection')")
        if frame.protocol != wire.PROTOCOL_VERSION:
            raise ProtocolError(wire.Close.RELOAD, f"the browser speaks version {frame.protocol}")
        if (frame.ticket is None) == (frame.resume is None):
            raise ProtocolError(wire.Close.BAD_MESSAGE, "open needs either a ticket or a position to resume")
        self._attachments[attachment] = State.OPENING

    def _ended(self, attachment: int) -> None:
        self._attachments[attachment] = State.ENDED
        self._positions.pop(attachment, None)
        self._refused.discard(attachment)
        while len(self._attachments) > 4 * self._settings.attachments_per_connection:
            # Numbers are not used twice, so the oldest ended ones can be forgotten.
            oldest = next((n for n, state in self._attachments.items() if state is State.ENDED), None)
            if oldest is None:
                return
            del self._attachments[oldest]

    @property
    def _must_open(self) -> bool:
        """Whether it holds its place without a right to: no ticket was shown that is looked at, or good.

        Who has shown a good one and finds no room may wait.
        """
        return not (self.granted or self._was_busy or State.OPENING in self._attachments.values())

    @property
    def _silent_until(self) -> float:
        settings = self._settings
        return self._heard + settings.heartbeat + settings.heartbeat_timeout + self._transfer_time

    @property
    def _stalled_until(self) -> float:
        return self._progress + self._settings.send_timeout + self._transfer_time

    @property
    def _transfer_time(self) -> float:
        """What a slow link needs for what is under way; meanwhile no pong can come."""
        return self._outbox.underway / self._settings.slowest_link
