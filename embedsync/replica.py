"""What a session knows about one browser's replica of its document."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import msgspec

__all__ = ["Answer", "Replica", "Viewer"]


class Viewer(Protocol):
    """The way to a replica while it is connected: an attachment on a connection. Thread-safe."""

    def push(
        self,
        payload: bytes,
        *,
        seq: int | None = None,
        always: bool = False,
        snapshot: bool = False,
        more_follows: bool = False,
    ) -> bool:
        """Queue a payload for the browser.

        Args:
            payload: an encoded frame, without attachment number.
            seq: the replica's position once it has applied the payload.
            always: queue it even if much is waiting already.
            snapshot: it is a whole document, whose size says nothing of how slow the browser is.
            more_follows: it need not be sent before the next payload, or :meth:`wake`, which will come soon.

        Returns:
            False if too much is waiting; then nothing was queued, and
            :meth:`~embedsync.session.Session.drained` is to be called once the queue is short.
        """

    def wake(self) -> None:
        """Have all that is queued sent."""

    def call_on_writer(self, function: Callable[[], None]) -> bool:
        """Call a function soon on the thread that writes to the browser. Says whether there is such a thread.

        It may be on its way out, and not call.
        """

    def close(self, code: int, *, error: str = "", detail: str = "") -> None:
        """End the attachment, telling the browser why."""


class Answer(msgspec.Struct, frozen=True, gc=False):
    """An encoded result, kept until the replica has acknowledged it."""

    cseq: int
    seq: int
    payload: bytes


@dataclass(slots=True, eq=False)
class Replica:
    """One browser's replica: what it was sent, and what it sent.

    Attributes:
        id: names the replica through all its reconnects; ``origin`` of its ops.
        secret: what the browser must show to resume.
        previous_secret: also taken, until the browser has shown or used the new one: the frame
            that carried it may have been lost.
        viewer: the attachment while it is connected.
        sent: seq up to which ops were handed to the viewer.
        lagging: the viewer refused an op, so it gets none until it has drained.
        received: highest cseq that was accepted into the inbox.
        answered: highest cseq that was answered.
        delivered: highest cseq whose answer was handed to the viewer.
        answers: the answers that were not acknowledged, in order.
        answer_bytes: how large they are together.
        lacks_answers: it may have lost some that were handed to the viewer.
        absences: how often its connection was lost.
        snapshot_waits: a turn that sends it the whole document is waiting.
        snapshot_at: when it last asked for one.
        simple: its client follows none of the rules of a replica: it does not keep what others write from
            what it has just written, nor wait with edits until others are answered. So it is told the
            outcome of every write that others may have crossed.
    """

    id: str
    secret: str
    previous_secret: str = ""
    user_key: str = ""
    viewer: Viewer | None = None
    sent: int = 0
    lagging: bool = False
    received: int = 0
    answered: int = 0
    delivered: int = 0
    answers: deque[Answer] = field(default_factory=deque)
    answer_bytes: int = 0
    lacks_answers: bool = False
    absences: int = 0
    snapshot_waits: bool = False
    snapshot_at: float = float("-inf")
    simple: bool = False

    def keep(self, answer: Answer) -> None:
        """Keep an answer until the browser has seen it."""
        self.answers.append(answer)
        self.answer_bytes += len(answer.payload)
        self.answered = answer.cseq

    def acknowledge(self, cseq: int) -> None:
        """Let go of answers that the browser has seen."""
        while self.answers and self.answers[0].cseq <= cseq:
            self.answer_bytes -= len(self.answers.popleft().payload)

    @property
    def unanswered(self) -> int:
        """How many numbers of edits are accepted and not answered."""
        return self.received - self.answered
