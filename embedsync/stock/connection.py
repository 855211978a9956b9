"""One socket of a stock client as a state machine. No I/O, no clock.

It speaks Bokeh's protocol on the side of the socket and ours on the side of the session: what the
client sends becomes our edits, our ops and results become patches and answers.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from embedsync import wire
from embedsync.bucket import bursting
from embedsync.connection import Received
from embedsync.errors import ProtocolError
from embedsync.settings import Settings
from embedsync.stock.known import buffers_of, with_buffers_inside
from embedsync.stock.messages import Assembler, Message, encode
from embedsync.stock.view import Made, View

__all__ = ["ATTACHMENT", "StockConnection"]

ATTACHMENT = 1
"""A stock client has one document, so this is the number of its only attachment."""

_UNCERTAIN = -1
"""A position that no log reaches back to: what was written since is not known."""

_PAUSE = 0.3
"""Seconds without a further write after which a client is told what has become of the last one."""

_encode = msgspec.json.Encoder().encode


class _Waiting(NamedTuple):
    parts: list[bytes | str]
    size: int
    pressing: int
    is_document: bool


class _Asked(NamedTuple):
    """A message of the client that became an edit."""

    message: str
    made: Made


class StockConnection:
    """The protocol of one socket; a :class:`~embedsync.connection.Conversation`.

    Args:
        settings: bounds and waits.
        now: the present, in seconds of any clock that never goes back; so are all other ``now``.
        version: of the Bokeh that documents are made with.
    """

    is_simple = True

    def __init__(self, settings: Settings, now: float, *, version: str) -> None:
        self._settings = settings
        self._version = version
        self._assembler = Assembler(settings)
        self._view = View()
        self._numbers = itertools.count(1)
        self._edits = bursting(settings.stock_edits_per_second, now)
        self._queue: deque[_Waiting] = deque()
        self._waiting = 0
        self._documents = 0
        # Bytes that wait, of each message half of the limit at the most, and none of documents.
        self._pressing = 0
        self._underway = 0
        self._behind = False
        self._progress = now
        self._sent_at = now
        self._heard = self._looked_at = now
        self.granted = False
        self.closed: int | None = None
        self.reason = ""
        self.abandoned = False

        self._greeted: float | None = None
        self._has_asked = False
        self._is_live = False
        self._epoch = ""
        self._seq = 0
        self._cseq = 0
        self._answered = 0
        self._acknowledged = 0
        self._asked: dict[int, _Asked] = {}
        self._pulls: list[str] = []
        self._awaits_document = True
        self._held: bytes | None = None
        self._correct_at = now

    # From the socket.

    def receive(self, message: bytes | str, now: float) -> list[Received]:
        """Take a WebSocket message of the client. Never raises: what is wrong closes the connection."""
        if self.closed is not None:
            return []
        self._heard = now
        try:
            if self._greeted is None:
                raise ProtocolError(wire.Close.BAD_MESSAGE, "a message came before its acknowledgement")
            whole = self._assembler.receive(message)
            return self._received(whole, now) if whole is not None else []
        except ProtocolError as error:
            self.close(error.code, str(error))
            return []

    def take(self, now: float) -> Sequence[bytes | str]:
        """Hand out WebSocket messages that wait, and no more than a part of what may wait."""
        parts: list[bytes | str] = []
        self._underway = 0
        while self._queue and self._underway < self._settings.queue_bytes_hard:
            each = self._queue.popleft()
            parts += each.parts
            self._underway += each.size
            self._waiting -= each.size
            self._pressing -= each.pressing
            self._documents -= each.is_document
        if parts:
            self._progress = self._sent_at = now
        return parts

    def drained(self) -> Sequence[int]:
        """Whether it was refused a payload and may be sent some again."""
        if not self._behind or self._waiting > self._settings.queue_bytes // 2:
            return ()
        self._behind = False
        return (ATTACHMENT,)

    def tick(self, now: float) -> None:
        """Do what is due: keep the socket in use, or close it for silence or stalling."""
        settings = self._settings
        self._looked_at = now
        if self.closed is not None:
            if now >= self._stalled_until:
                self.abandon(self.closed, self.reason)
        elif self._queue and now >= self._stalled_until:
            self.abandon(wire.Close.SLOW, "the client takes nothing ('send_timeout')")
        elif self._asks_nothing_until is not None and now >= self._asks_nothing_until:
            self.close(wire.Close.HANDSHAKE_TIMEOUT, "the client asks for nothing ('handshake_timeout')")
        elif not self._assembler.is_between and now >= self._heard + settings.send_timeout:
            self.close(wire.Close.HEARTBEAT_LOST, "a message does not end ('send_timeout')")
        elif self._view.put_off and now >= self._correct_at:
            self._changes(self._view.corrections(), (), {}, now)
        elif self._is_live and not self._queue and now >= self._sent_at + settings.heartbeat:
            # The protocol knows no pings. Proxies want to see something, and a peer that is gone shows.
            self._put("PATCH-DOC", b'{"events":[]}', now)

    def excuse(self, seconds: float) -> None:
        """The process stood still for so long: nobody was heard, because nobody listened."""
        self._heard += seconds
        self._progress += seconds
        if self._greeted is not None:
            self._greeted += seconds

    def deadline(self) -> float:
        """When :meth:`tick` has something to do next."""
        settings = self._settings
        if self.closed is not None:
            return self._stalled_until
        wait = settings.heartbeat if self._has_asked else min(settings.heartbeat, settings.handshake_timeout)
        due = [self._looked_at + wait]
        if self._queue:
            due.append(self._stalled_until)
        if self._view.put_off:
            due.append(self._correct_at)
        if not self._assembler.is_between:
            due.append(self._heard + settings.send_timeout)
        return min(due)

    # From the session.

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
        """Queue what a payload of ours says; see :meth:`embedsync.replica.Viewer.push`."""
        if self.closed is not None or not self.granted:
            return True  # Nobody is there to miss it.
        room = self._settings.queue_bytes
        if not always and self._is_live and self._queue and self._waiting + len(payload) > room:
            self._behind = True
            return False
        if self._pressing > self._settings.queue_bytes_hard:
            self._cut("too much waits for the client ('queue_bytes_hard')")
            return True
        frame, buffers = wire.decode_payload(payload)
        match frame:
            case wire.SnapshotFrame():
                self._document(frame, buffers, now)
            case wire.Op():
                self._changes(frame.events, frame.gone, buffers, now)
            case wire.Result():
                self._result(frame, buffers, now)
            case _:
                pass  # Nothing that its protocol has a word for.
        if seq is not None:
            self._seq = seq
        return True

    def notify(self, payload: bytes, now: float) -> None:
        """Its protocol has no word for what we tell pages."""

    def grant(self, attachment: int) -> None:
        """The client is let in."""
        self.granted = True

    def end(self, attachment: int, code: int, *, error: str = "", detail: str = "") -> None:
        """The session is over for it, and so is the socket."""
        self.close(code, f"its session is over {error}".rstrip())

    @property
    def ready(self) -> bool:
        """Whether there is something to send, or the socket is to be closed."""
        return bool(self._queue) or self.closed is not None

    def close(self, code: int, reason: str = "", now: float | None = None) -> None:
        """Close the socket after what still waits was sent."""
        if self.closed is None:
            if now is not None and not self._queue:
                self._progress = now
            self.closed = code
            self.reason = reason

    def abandon(self, code: int, reason: str) -> None:
        """Close the socket and forget what waits: nobody takes it."""
        self._forget()
        self.abandoned = True
        self.close(code, reason)

    # What the client asks.

    def _received(self, message: Message, now: float) -> list[Received]:
        self._has_asked = True
        if not self._edits.take(now):
            raise ProtocolError(wire.Close.TOO_MANY_EDITS, "too many messages ('stock_edits_per_second')")
        match message.kind:
            case "PATCH-DOC":
                return self._patch(message, now)
            case "PULL-DOC-REQ":
                return self._pull(message, now)
            case "PUSH-DOC":
                return self._replace(message, now)
            case "SERVER-INFO-REQ":
                version = {"bokeh": self._version, "server": self._version}
                self._answer("SERVER-INFO-REPLY", message.id, _encode({"version_info": version}), now)
                return []
        raise ProtocolError(wire.Close.BAD_MESSAGE, "a message of a kind that servers do not take")

    def _pull(self, message: Message, now: float) -> list[Received]:
        if self._documents or len(self._pulls) >= self._settings.stock_requests:
            raise ProtocolError(
                wire.Close.TOO_MANY_EDITS,
                "the document is asked for while it is on its way ('stock_requests')",
            )
        self._pulls.append(message.id)
        if self._held is not None:
            self._give(self._held, now)
            return []
        if self._awaits_document:
            return []
        self._awaits_document = True
        self._acknowledged = self._answered
        asks = wire.Resync(epoch=self._epoch, seq=self._seq, cseq=self._answered)
        return [Received(ATTACHMENT, asks)]

    def _patch(self, message: Message, now: float) -> list[Received]:
        events = _field(message, "events", list)
        if not all(isinstance(each, dict) for each in events):
            raise ProtocolError(wire.Close.BAD_MESSAGE, "an event is not an object")
        kept = [each for each in events if not self._view.is_echo(each)]
        buffers = message.buffers
        if len(kept) < len(events):
            used = set(buffers_of(kept))
            buffers = {name: data for name, data in buffers.items() if name in used}
        if not kept:
            self._answer("OK", message.id, b"{}", now)
            return []
        base = _UNCERTAIN if self._view.crosses(kept, now) else self._seq
        return self._edit(message, kept, buffers, base, Made.of(kept))

    def _replace(self, message: Message, now: float) -> list[Received]:
        """Its document takes the place of the session's."""
        document = _field(message, "doc", dict)
        roots, title = document.get("roots"), document.get("title")
        if not isinstance(roots, list) or not all(isinstance(each, dict) for each in roots):
            raise ProtocolError(wire.Close.BAD_MESSAGE, "a document without roots")
        removed = [{"kind": "RootRemoved", "model": {"id": each}} for each in self._view.roots]
        added = [{"kind": "RootAdded", "model": each} for each in roots]
        named = [{"kind": "TitleChanged", "title": title}] if title is not None else []
        used = set(buffers_of(roots))
        buffers = {name: data for name, data in message.buffers.items() if name in used}
        made = Made.of(added)
        whole = Made(made.defined, made.roots, whole=True)
        return self._edit(message, [*removed, *added, *named], buffers, self._seq, whole)

    def _edit(
        self, message: Message, events: list[Any], buffers: Mapping[str, bytes], base: int, made: Made
    ) -> list[Received]:
        received: list[Received] = []
        if self._answered > self._acknowledged:
            # It took the answers in order, as far as anybody can know.
            self._acknowledged = self._answered
            received.append(Received(ATTACHMENT, wire.Ack(seq=self._seq, cseq=self._answered)))
        self._cseq += 1
        self._asked[self._cseq] = _Asked(message.id, made)
        edit = wire.Edit(cseq=self._cseq, base=base, epoch=self._epoch, events=events)
        return [*received, Received(ATTACHMENT, edit, dict(buffers), message.size)]

    # What the session says.

    def _document(self, frame: wire.SnapshotFrame, buffers: dict[str, bytes], now: float) -> None:
        if self._is_live and not self._pulls:
            # It lags so far behind that only a whole document helps, and it takes none that it did not
            # ask for. It asks when it comes again.
            self._cut("the client does not keep up ('queue_bytes', 'log_ops')")
            return
        self._epoch = frame.epoch
        self._awaits_document = False
        content = bytes(frame.document)
        self._view.shows(content, now)
        self._held = with_buffers_inside(content, buffers)
        if self._greeted is None:
            self._greeted = now
            self._put("ACK", b"{}", now)
        if self._pulls:
            self._give(self._held, now)

    def _give(self, document: bytes, now: float) -> None:
        content = b'{"doc":' + document + b"}"
        self._held = None
        self._is_live = True
        pulls, self._pulls = self._pulls, []
        for each in pulls:
            self._answer("PULL-DOC-REPLY", each, content, now, is_document=True)

    def _changes(
        self, events: Sequence[msgspec.Raw], gone: Sequence[str], buffers: dict[str, bytes], now: float
    ) -> None:
        told = self._view.tell(events, gone, now)
        if not self._is_live:
            self._held = None  # It is not what the document is any more.
            return
        if told:
            content = b'{"events":[' + b",".join(told) + b"]}"
            self._put("PATCH-DOC", content, now, buffers=list(buffers.items()))

    def _result(self, result: wire.Result, buffers: dict[str, bytes], now: float) -> None:
        self._answered = result.cseq
        for cseq in [each for each in self._asked if each <= result.cseq]:
            asked = self._asked.pop(cseq)
            if cseq < result.cseq or result.commit:
                self._view.made(asked.made)
                if asked.made.whole:
                    self._is_live, self._held = True, None
                self._answer("OK", asked.message, b"{}", now)
            else:
                text = f"the change was refused: {result.code}"
                self._answer("ERROR", asked.message, _encode({"text": text, "traceback": None}), now)
        if result.commit and self._is_live:
            at_once = self._view.correct(result.values)
            self._correct_at = now + _PAUSE
            self._changes(at_once, result.gone, buffers, now)
        else:
            self._changes(result.values, result.gone, buffers, now)

    # The way out.

    def _answer(
        self, kind: str, message: str, content: bytes, now: float, *, is_document: bool = False
    ) -> None:
        self._put(kind, content, now, answers=message, is_document=is_document)

    def _put(
        self,
        kind: str,
        content: bytes,
        now: float,
        *,
        answers: str | None = None,
        buffers: Sequence[tuple[str, bytes]] = (),
        is_document: bool = False,
    ) -> None:
        if self.closed is not None:
            return
        if self._pressing > self._settings.queue_bytes_hard:
            self._cut("too much waits for the client ('queue_bytes_hard')")
            return
        parts = encode(f"s{next(self._numbers)}", kind, content, answers=answers, buffers=buffers)
        size = sum(len(each) for each in parts)
        if not self._queue:
            self._progress = now
        pressing = 0 if is_document else min(size, self._settings.queue_bytes_hard // 2)
        self._queue.append(_Waiting(parts, size, pressing, is_document))
        self._waiting += size
        self._pressing += pressing
        self._documents += is_document

    def _cut(self, reason: str) -> None:
        """It is told why, if it still listens, but nothing else of what waits."""
        self._forget()
        self.close(wire.Close.SLOW, reason)

    def _forget(self) -> None:
        self._queue.clear()
        self._waiting = self._documents = self._pressing = 0
        self._held = None

    @property
    def _asks_nothing_until(self) -> float | None:
        if self._greeted is None or self._has_asked:
            return None
        return self._greeted + self._settings.handshake_timeout

    @property
    def _stalled_until(self) -> float:
        return self._progress + self._settings.send_timeout + self._underway / self._settings.slowest_link


def _field(message: Message, name: str, kind: type) -> Any:
    value = message.content.get(name) if isinstance(message.content, dict) else None
    if not isinstance(value, kind):
        raise ProtocolError(wire.Close.BAD_MESSAGE, f"a {message.kind} without {name!r}")
    return value
