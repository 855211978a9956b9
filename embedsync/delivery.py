"""What browsers are sent of a session: ops, and the answers to their edits. Each once, and in order."""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

import msgspec

from embedsync import wire
from embedsync.document import Buffer, Patch
from embedsync.log import Log, Op, merge
from embedsync.replica import Answer, Replica, Viewer

__all__ = ["CatchUp", "Delivery", "parts"]

_MOST_HELD = 4
"""Ops; with the next one, all are published."""
_HELD_FOR = 0.005
"""Seconds at the most."""
_MERGED = 16 * 1024
"""Bytes of ops up to which they are encoded once more, as one, or for whoever catches up. Larger ones are
sent as they are, and stay encoded, so that all who wait for them wait for the same bytes."""


class CatchUp(enum.Enum):
    """What a replica that fell behind needs."""

    DONE = "done"
    SNAPSHOT = "snapshot"
    """The log does not reach back far enough: run :meth:`Session.send_snapshot` as a turn."""


class Delivery:
    """Hands ops and answers to the viewers of a session's replicas.

    Whoever calls holds ``lock``, but for :meth:`release`, :meth:`callbacks_are_done` and :meth:`wake`.

    Args:
        log: of the session.
        lock: of the session.
        script_url: makes the URL of a script that the document names.
        call_later: calls a function after some seconds, on any thread. Without it no op is held.

    Attributes:
        replicas: by their ids.
        many: replicas from which ops are held; see :meth:`release`.
        more_follows: what is pushed now need not be sent before :meth:`wake`, for more is about to come.
    """

    many = 8

    def __init__(
        self,
        log: Log,
        lock: AbstractContextManager[Any],
        script_url: Callable[[str], str],
        call_later: Callable[[float, Callable[[], None]], object] | None,
    ) -> None:
        self.replicas: dict[str, Replica] = {}
        self.more_follows = False
        self._log = log
        self._lock = lock
        self._script_url = script_url
        self._call_later = call_later
        self._unwoken: list[Viewer] = []
        self._held: list[Op] = []
        self._timed = False
        self._asked = False

    def urls(self, scripts: Sequence[str]) -> list[str]:
        """Where browsers find scripts."""
        return [self._script_url(each) for each in scripts] if scripts else []

    # Ops.

    def publish(self, op: Op, *, callbacks_follow: bool = False) -> None:
        """Hand an op to all but its author, at once or soon."""
        call_later = self._call_later if len(self.replicas) >= self.many else None
        if call_later is None and not self._held:
            self._push_alone(op)
            return
        self._held.append(op)
        if call_later is None or len(self._held) > _MOST_HELD:
            self.publish_held()
            return
        if not self._timed:
            self._timed = True
            call_later(_HELD_FOR, self._release_in_time)
        if not callbacks_follow:
            self._release_soon()

    def release(self) -> None:
        """Publish the ops that are held.

        Where many look on, an op waits until the callbacks of its turn are done, so that both go out as one,
        and is then handed to the viewers on the thread that writes to them, which spares two processors the
        same memory. It never waits for long.
        """
        with self._lock:
            self._asked = False
            self.publish_held()

    def callbacks_are_done(self) -> None:
        """No more follows what is held."""
        if self._held:
            with self._lock:
                self._release_soon()

    def publish_held(self) -> None:
        """Publish what is held, now."""
        ops = self._held
        if not ops:
            return
        self._held = []
        start, seq = ops[0].seq - 1, ops[-1].seq
        merged = None
        if len(ops) > 1 and sum(op.size for op in ops) <= _MERGED:
            merged = self._op_payload(start, seq, merge(op.patch for op in ops))
        authors = {op.origin for op in ops}
        for replica in self.replicas.values():
            viewer = replica.viewer
            if viewer is None or replica.lagging:
                continue
            if merged is None or replica.sent > start or replica.id in authors:
                self._push_each(replica, viewer, ops)
            else:
                self._push_op(replica, viewer, merged, seq)
        for op in ops:
            self._was_sent(op)

    def wake(self) -> None:
        """Have sent what was pushed while more was to follow."""
        if self._unwoken:
            with self._lock:
                unwoken, self._unwoken = self._unwoken, []
            for viewer in unwoken:
                viewer.wake()

    # Answers.

    def answer(self, replica: Replica, result: wire.Result, buffers: Sequence[Buffer]) -> None:
        """Answer an edit; later, if its author is not here or lags behind."""
        answer = Answer(result.cseq, result.seq, wire.encode_payload(result, buffers))
        replica.keep(answer)
        if replica.viewer is None or replica.lagging:
            return  # It will come with the replay, at its place among the ops.
        self._push_answer(replica, replica.viewer, answer)

    def answer_again(self, replica: Replica, viewer: Viewer) -> None:
        """Hand over the answers that the viewer was not handed yet, or may have lost."""
        for answer in replica.answers:
            if answer.cseq > replica.delivered and not self._push_answer(
                replica, viewer, answer, always=False
            ):
                return

    # Whoever has missed something.

    def replay(self, replica: Replica, viewer: Viewer) -> CatchUp:
        """Hand over what the replica misses: merged ops, cut where its own answers belong."""
        ops = self._log.since(replica.sent)
        if ops is None:
            return CatchUp.SNAPSHOT
        replica.lagging = False
        waiting = [each for each in replica.answers if each.cseq > replica.delivered]
        waiting.reverse()
        stretch: list[Op] = []
        for op in ops:
            while waiting and waiting[-1].seq < op.seq:
                if not self._push_stretch(replica, viewer, stretch):
                    return CatchUp.DONE
                if not self._push_answer(replica, viewer, waiting.pop(), always=False):
                    return CatchUp.DONE
            if op.origin != replica.id:
                stretch.append(op)
            elif not waiting or waiting[-1].seq != op.seq:
                replica.lagging = True
                return CatchUp.SNAPSHOT  # Its answer was acknowledged: the position is not credible.
            else:
                if not self._push_stretch(replica, viewer, stretch):
                    return CatchUp.DONE
                if not self._push_answer(replica, viewer, waiting.pop(), always=False):
                    return CatchUp.DONE
        if self._push_stretch(replica, viewer, stretch):
            while waiting and self._push_answer(replica, viewer, waiting.pop(), always=False):
                pass
        return CatchUp.DONE

    # Inside.

    def _release_soon(self) -> None:
        """Have the ops that are held published by a thread that writes to sockets."""
        if self._asked:
            return
        for replica in self.replicas.values():
            if replica.viewer is not None and replica.viewer.call_on_writer(self.release):
                self._asked = True
                return
        self.publish_held()

    def _release_in_time(self) -> None:
        with self._lock:
            self._timed = False
            # Who was asked may have been on the way out, and would be waited for each time.
            self._asked = False
            self.publish_held()

    def _push_alone(self, op: Op) -> None:
        """Push an op, before which none is held, to all that do not have it yet."""
        for replica in self.replicas.values():
            if replica.viewer is not None and not replica.lagging:
                self._push_each(replica, replica.viewer, (op,))
        self._was_sent(op)

    def _push_each(self, replica: Replica, viewer: Viewer, ops: Sequence[Op]) -> None:
        """Push those of the ops that a replica does not have yet. An author has its own with the answers."""
        for op in ops:
            is_missing = op.seq > replica.sent and op.origin != replica.id
            if is_missing and not self._push_op(replica, viewer, self._encoded(op), op.seq):
                return

    def _encoded(self, op: Op) -> bytes:
        """An op as a frame; not before somebody is to have it, for often its author is the only one here."""
        if op.payload is None:
            op.payload = self._op_payload(op.seq - 1, op.seq, op.patch)
        return op.payload

    def _was_sent(self, op: Op) -> None:
        """Whoever needs a small op again has it encoded again: the log holds what is in it already."""
        if op.size <= _MERGED:
            op.payload = None

    def _push_op(self, replica: Replica, viewer: Viewer, payload: bytes, seq: int) -> bool:
        if not self._push(replica, viewer, payload, seq, always=False):
            return False
        replica.sent = seq
        return True

    def _push_answer(self, replica: Replica, viewer: Viewer, answer: Answer, *, always: bool = True) -> bool:
        if not self._push(replica, viewer, answer.payload, answer.seq, always=always):
            return False
        replica.delivered = answer.cseq
        replica.sent = max(replica.sent, answer.seq)
        return True

    def _push(self, replica: Replica, viewer: Viewer, payload: bytes, seq: int, *, always: bool) -> bool:
        if not viewer.push(payload, seq=seq, always=always, more_follows=self.more_follows):
            replica.lagging = True
            return False
        if self.more_follows:
            self._unwoken.append(viewer)
        return True

    def _push_stretch(self, replica: Replica, viewer: Viewer, stretch: list[Op]) -> bool:
        if not stretch:
            return True
        last = stretch[-1].seq
        if len(stretch) == 1:
            payload = self._encoded(stretch[0])
            self._was_sent(stretch[0])
        else:
            payload = self._op_payload(stretch[0].seq - 1, last, merge(op.patch for op in stretch))
        stretch.clear()
        return self._push_op(replica, viewer, payload, last)

    def _op_payload(self, start: int, seq: int, patch: Patch) -> bytes:
        events, buffers = parts(patch)
        op = wire.Op(
            from_=start,
            seq=seq,
            scripts=self.urls(patch.scripts),
            events=events,
            gone=list(patch.gone),
        )
        return wire.encode_payload(op, buffers)


def parts(patch: Patch) -> tuple[list[msgspec.Raw], list[Buffer]]:
    """The events of a patch, and the buffers that they refer to."""
    events: list[msgspec.Raw] = []
    buffers: list[Buffer] = []
    for event in patch.events:
        events.append(msgspec.Raw(event.content))
        buffers += event.buffers
    return events, buffers
