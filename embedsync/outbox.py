"""What is on its way to one browser: what waits here, and what it has not confirmed yet."""

from __future__ import annotations

from collections import deque

from embedsync import wire

__all__ = ["Outbox"]

_APART = -1
_MARK = wire.encode_payload(wire.Ping())


class Outbox:
    """A queue of payloads that hands out no more than the browser has room for.

    Some servers take whatever they are given, however slowly the browser reads (daphne does), so that
    to hand it out would only move the queue out of sight. Therefore a ping follows each stretch of
    what is handed out; its pong says that everything before it has arrived.

    Args:
        window: bytes that may be under way unconfirmed; one payload more is let through.
    """

    def __init__(self, window: int) -> None:
        self._window = window
        # Attachment, payload, whether a pong will answer it, what it adds to `pressing`; of a snapshot that
        # adds nothing, `_APART`. Plain tuples: a hundred viewers make a hundred of these for each change.
        self._queue: deque[tuple[int, bytes, bool, int]] = deque()
        self._snapshots: set[int] = set()
        self._marks: deque[int] = deque()
        self._unmarked = 0
        self.waiting = 0
        """Bytes that wait here."""
        self.pressing = 0
        """Bytes that wait here and could not be refused, of each payload half of the window at the most; one
        snapshot of each attachment is left out."""
        self.underway = 0
        """Bytes that were handed out and are not confirmed."""

    def __bool__(self) -> bool:
        return bool(self._queue)

    def __contains__(self, payload: bytes) -> bool:
        return any(waiting is payload for _, waiting, _, _ in self._queue)

    def put(
        self,
        attachment: int,
        payload: bytes,
        *,
        ping: bool = False,
        snapshot: bool = False,
        refusable: bool = False,
    ) -> None:
        """Add a payload.

        Args:
            attachment: whose it is.
            payload: without attachment number.
            ping: the browser will answer it with a pong.
            snapshot: it is a whole document.
            refusable: it was only let in because there was room.
        """
        size = len(payload)
        pressing = 0 if refusable else min(size, self._window // 2)
        if snapshot and attachment not in self._snapshots:
            self._snapshots.add(attachment)
            pressing = _APART
        else:
            self.pressing += pressing
        self._queue.append((attachment, payload, ping, pressing))
        self.waiting += size

    def drop(self, attachment: int) -> None:
        """Nobody wants any more what waits for an attachment."""
        kept = [each for each in self._queue if each[0] != attachment]
        if len(kept) == len(self._queue):
            return
        self._queue = deque(kept)
        self._snapshots.discard(attachment)
        self.waiting = sum(len(payload) for _, payload, _, _ in kept)
        self.pressing = sum(pressing for _, _, _, pressing in kept if pressing != _APART)

    @property
    def is_open(self) -> bool:
        """Whether something can be taken now."""
        return self.underway < self._window and bool(self._queue)

    def take(self) -> list[bytes]:
        """Hand out WebSocket messages in order, as many as the browser has room for."""
        messages: list[bytes] = []
        queue, window = self._queue, self._window
        while queue and self.underway < window:
            attachment, payload, ping, pressing = queue.popleft()
            messages.append(wire.frame(attachment, payload))
            size = len(payload)
            if pressing == _APART:
                self._snapshots.discard(attachment)
            else:
                self.pressing -= pressing
            self.waiting -= size
            self.underway += size
            self._unmarked += size
            if ping:
                self._mark()
            elif self._unmarked >= window // 4:
                messages.append(wire.frame(0, _MARK))
                self._mark()
        return messages

    @property
    def awaits_pong(self) -> bool:
        """Whether a ping was handed out that has no pong yet."""
        return bool(self._marks)

    def confirm(self) -> bool:
        """A pong has come: what went before its ping has arrived. Says whether there was such a ping."""
        if not self._marks:
            return False
        self.underway -= self._marks.popleft()
        return True

    def clear(self) -> None:
        """Forget everything: nobody takes it."""
        self._queue.clear()
        self._snapshots.clear()
        self._marks.clear()
        self.waiting = self.pressing = self.underway = self._unmarked = 0

    def _mark(self) -> None:
        self._marks.append(self._unmarked)
        self._unmarked = 0
