"""The endpoint: all that an adapter holds of a socket.

An adapter reads messages and hands them to :meth:`Endpoint.receive`, waits for ``on_ready``, then
sends what :meth:`Endpoint.take` gives, and says :meth:`Endpoint.lost` when the socket is gone. It
knows its framework and these four things, and nothing of the protocol.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from embedsync import wire
from embedsync.connection import Conversation, Received
from embedsync.request import Request

if TYPE_CHECKING:
    from embedsync.app import App
    from embedsync.scheduler import Timer

__all__ = ["Attachment", "Endpoint", "Receiver"]

logger = logging.getLogger("embedsync.endpoint")

_MOST_HELD = 256
"""Frames of one attachment that may wait for it to be let in. A browser sends fewer."""
_MOST_HELD_BYTES = 32 * 1024 * 1024
_STANDSTILL = 0.5
"""Seconds. A timer that comes so late says that the process was stopped, or busy with one thing only."""

Receiver = Callable[["Attachment", Received], None]
"""Takes a frame that arrived for an attachment."""


class Attachment:
    """One replica's place on a connection; the :class:`~embedsync.replica.Viewer` of the session.

    Attributes:
        endpoint: the socket it is on.
        number: the number that the browser gave it.
        on_frame: takes the frames that arrive once the attachment was opened.
        on_drained: called, on the writer's thread, when a refused payload may be tried again.
        on_lost: called once when the socket, or the attachment, is gone.
        on_dismissed: called with a close code when its visitor may no longer be here.
        lost: whether the socket is gone.
        app: what it shows, once it was let in.
    """

    def __init__(self, endpoint: Endpoint, number: int) -> None:
        self.endpoint = endpoint
        self.number = number
        self.on_frame: Callable[[Received], None] = _ignore
        self.on_drained: Callable[[], None] = _nothing
        self.on_lost: Callable[[], None] = _nothing
        self.on_dismissed: Callable[[int], None] = self.close
        self.lost = False
        self.app: App | None = None
        self._lock = threading.Lock()
        self._held: list[Received] | None = None
        self._held_bytes = 0

    @property
    def request(self) -> Request:
        """The handshake of the socket."""
        return self.endpoint.request

    def push(
        self,
        payload: bytes,
        *,
        seq: int | None = None,
        always: bool = False,
        snapshot: bool = False,
        more_follows: bool = False,
    ) -> bool:
        """See :meth:`embedsync.replica.Viewer.push`."""
        # A hundred viewers make a hundred of these for each change: no call of another method but must be.
        endpoint = self.endpoint
        connection = endpoint._connection
        with endpoint._lock:
            queued = connection.push(
                self.number, payload, endpoint._clock(), seq=seq, always=always, snapshot=snapshot
            )
            if connection.is_simple:
                endpoint._hasten()
        # What is refused may have been what was to take along all that waits.
        if not (queued and more_follows) and connection.ready:
            endpoint._on_ready()
        return queued

    def wake(self) -> None:
        """See :meth:`embedsync.replica.Viewer.wake`."""
        self.endpoint._wake()

    def call_on_writer(self, function: Callable[[], None]) -> bool:
        """See :meth:`embedsync.replica.Viewer.call_on_writer`."""
        call = self.endpoint.call_on_writer
        if call is None:
            return False
        call(function)
        return True

    def close(self, code: int, *, error: str = "", detail: str = "") -> None:
        """See :meth:`embedsync.replica.Viewer.close`."""
        self.endpoint.end(self.number, code, error=error, detail=detail)

    def grant(self) -> None:
        """Let the attachment in."""
        self.endpoint.grant(self.number)

    def receive(self, received: Received) -> None:
        """Take a frame that arrived."""
        with self._lock:
            if self._held is not None:
                self._hold(received)
                return
        self.on_frame(received)

    def hold(self) -> None:
        """Keep what arrives until :meth:`release`."""
        with self._lock:
            self._held, self._held_bytes = [], 0

    def release(self) -> None:
        """Hand over what was kept, in order, and that the socket was lost meanwhile."""
        with self._lock:
            held, self._held = self._held or [], None
            for each in held:
                self.on_frame(each)
        if self.lost:
            self.on_lost()

    def _hold(self, received: Received) -> None:
        self._held_bytes += received.size
        if self._held is not None and len(self._held) < _MOST_HELD and self._held_bytes < _MOST_HELD_BYTES:
            self._held.append(received)
        else:
            self.endpoint.close(wire.Close.TOO_MANY_EDITS, "too much came before it was let in")


class Endpoint:
    """A thread-safe :class:`~embedsync.connection.Conversation` with a clock and callbacks.

    Args:
        connection: the protocol of this socket.
        request: its handshake.
        receiver: takes what arrives for attachments; called on the thread that reads the socket.
        clock: seconds that never go back.
        call_later: the scheduler, for heartbeats and deadlines.
        on_closed: told once that the socket is gone.
    """

    def __init__(
        self,
        connection: Conversation,
        request: Request,
        receiver: Receiver,
        *,
        clock: Callable[[], float],
        call_later: Callable[[float, Callable[[], None]], Timer],
        on_closed: Callable[[Endpoint], None],
    ) -> None:
        self.request = request
        self._connection = connection
        self._receiver = receiver
        self._clock = clock
        self.began = clock()
        """When the socket was taken."""
        self._call_later = call_later
        self._on_closed = on_closed
        self._lock = threading.Lock()
        self._attachments: dict[int, Attachment] = {}
        self._on_ready: Callable[[], None] = _nothing
        self.call_on_writer: Callable[[Callable[[], None]], None] | None = None
        """Calls a function soon on the thread that writes to sockets. Adapters set it."""
        self._lost = False
        self._timer: Timer | None = None
        self._due = 0.0
        self._schedule()

    # For the adapter.

    @property
    def on_ready(self) -> Callable[[], None]:
        """Called, from any thread, when there is something to take; must only wake the writer."""
        return self._on_ready

    @on_ready.setter
    def on_ready(self, wake: Callable[[], None]) -> None:
        self._on_ready = wake
        self._wake()

    def receive(self, message: bytes | str) -> None:
        """Take a message from the browser; what is wrong with it closes the socket."""
        with self._lock:
            received = self._connection.receive(message, self._clock())
            arrived = [(self._attachment(each.attachment), each) for each in received]
            if self._connection.is_simple:
                self._hasten()
        for attachment, each in arrived:
            self._receiver(attachment, each)
        self._wake()

    def take(self) -> Sequence[bytes | str]:
        """Messages to send now, in order. Call again after sending them, if it is still :attr:`ready`."""
        with self._lock:
            messages = self._connection.take(self._clock())
            numbers = self._connection.drained()
            drained = [self._attachments[n] for n in numbers if n in self._attachments] if numbers else ()
        for attachment in drained:
            attachment.on_drained()
        return messages

    @property
    def ready(self) -> bool:
        """Whether there is something to take, or the socket is to be closed."""
        return self._connection.ready

    @property
    def attachments(self) -> Sequence[Attachment]:
        """The attachments that are here now."""
        with self._lock:
            return list(self._attachments.values())

    @property
    def is_lost(self) -> bool:
        """Whether the socket is gone."""
        return self._lost

    @property
    def is_simple(self) -> bool:
        """Whether its client follows none of the rules of a replica."""
        return self._connection.is_simple

    @property
    def is_open(self) -> bool:
        """Whether anything was granted to it."""
        return self._connection.granted

    @property
    def close_code(self) -> int | None:
        """With which code to close the socket, once all was taken; ``None`` to go on."""
        return self._connection.closed

    @property
    def abandoned(self) -> bool:
        """Whether the socket is to be cut at once: the browser takes nothing, or is gone."""
        return self._connection.abandoned

    @property
    def close_reason(self) -> str:
        """Why the socket is closed. For the log, not for the browser."""
        return self._connection.reason

    def lost(self) -> None:
        """The socket is gone, for whatever reason. Safe to call twice."""
        with self._lock:
            if self._lost:
                return
            self._lost = True
            self._connection.abandon(1006, "the socket is gone")
            attachments, self._attachments = list(self._attachments.values()), {}
            if self._timer is not None:
                self._timer.cancel()
        for attachment in attachments:
            attachment.lost = True
            try:
                attachment.on_lost()
            except Exception:
                logger.exception("a session could not be told that its socket is gone")
        self._on_closed(self)

    # For attachments and the hub.

    def attachment(self, number: int) -> Attachment:
        """The attachment of this number; a new one, if there is none."""
        with self._lock:
            return self._attachment(number)

    def grant(self, number: int) -> None:
        """Let an attachment in."""
        with self._lock:
            self._connection.grant(number)

    def end(self, number: int, code: int, *, error: str = "", detail: str = "") -> None:
        """End one attachment."""
        with self._lock:
            self._connection.end(number, code, error=error, detail=detail)
            self._attachments.pop(number, None)
        self._wake()

    def forget(self, number: int) -> None:
        """The browser has closed an attachment."""
        with self._lock:
            self._attachments.pop(number, None)

    def notify(self, notice: wire.Notice) -> None:
        """Tell the page something that concerns the socket itself."""
        with self._lock:
            self._connection.notify(wire.encode_payload(notice), self._clock())
        self._wake()

    def close(self, code: int, reason: str = "") -> None:
        """Close the socket, after what waits was sent."""
        with self._lock:
            self._connection.close(code, reason, self._clock())
        self._wake()

    # Inside.

    def _attachment(self, number: int) -> Attachment:
        if number not in self._attachments:
            self._attachments[number] = Attachment(self, number)
        return self._attachments[number]

    def _wake(self) -> None:
        if self._connection.ready:
            self._on_ready()

    def _schedule(self) -> None:
        now = self._clock()
        delay = max(0.05, self._connection.deadline() - now)
        self._due = now + delay
        self._timer = self._call_later(delay, self._tick)

    def _hasten(self) -> None:
        """What came has made something due that was not; with our own protocol that is never in a hurry."""
        if not self._lost and self._connection.deadline() < self._due:
            if self._timer is not None:
                self._timer.cancel()
            self._schedule()

    def _tick(self) -> None:
        with self._lock:
            if self._lost:
                return
            now = self._clock()
            if now > self._due + _STANDSTILL:
                self._connection.excuse(now - self._due)
            self._connection.tick(now)
            if not self._connection.abandoned:
                self._schedule()
        self._wake()


def _nothing() -> None:
    """Stand in for a callback that nobody has set."""


def _ignore(received: Received) -> None:
    """Stand in for whoever takes frames, before anybody does."""
