"""A session: one document, its log, and the replicas that browsers have of it.

No thread, no clock, no socket. Methods that touch the document are *turns*: the caller runs one at
a time. The others (:meth:`Session.resume`, :meth:`~Session.accept`, :meth:`~Session.acknowledge`,
:meth:`~Session.distrust`, :meth:`~Session.drained`, :meth:`~Session.detach`) touch only the log and
the replicas, under the short lock that the caller supplies, so that they never wait for a running
callback.
"""

from __future__ import annotations

import enum
from collections.abc import Awaitable, Callable, Hashable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, ClassVar

import msgspec

from embedsync import wire
from embedsync.document import Buffer, Document, EventKind, Patch, Prepared, Snapshot
from embedsync.errors import ProtocolError, Refused
from embedsync.log import Log, Op, merge
from embedsync.replica import Answer, Replica, Viewer
from embedsync.settings import Settings

__all__ = ["Accepted", "CatchUp", "Session"]

_MOST_HELD = 4
"""Ops; with the next one, all are published."""
_HELD_FOR = 0.005
"""Seconds at the most."""
_BRIEF = 0.001
"""Seconds up to which callbacks are expected to be done as soon the next time."""
_SOON = 1.0
"""Seconds; an answer waits for callbacks only where browsers are told by then of one that takes long."""
_MOST_KNOWN = 1000
_MERGED = 16 * 1024
"""Bytes of ops up to which they are encoded once more, as one, or for whoever catches up. Larger ones are
sent as they are, and stay encoded, so that all who wait for them wait for the same bytes."""


class Accepted(enum.Enum):
    """What became of an edit at the door."""

    NEW = "new"
    """To be applied, by :meth:`Session.edit`."""
    SEEN = "seen"
    """It was taken before; its answer was sent again or will come."""


class CatchUp(enum.Enum):
    """What a replica that fell behind needs."""

    DONE = "done"
    SNAPSHOT = "snapshot"
    """The log does not reach back far enough: run :meth:`Session.send_snapshot` as a turn."""


class Session:
    """Keeps one document and its replicas the same.

    Args:
        session_id: names the session.
        epoch: names this build of the document.
        document: what is kept in sync.
        settings: bounds.
        script_url: makes the URL of a script that the document names.
        on_refused: told of each refusal, for counting and logging.
        recover: browsers may put a person's inputs into a new session, should this one be lost.
        snapshot: the document as it is now, if it was encoded already.
        lock: guards log and replicas where several threads come near; entered briefly, and
            never while application code runs.
        call_later: calls a function after some seconds, on any thread. Without it no op is held.
        clock: seconds that never go back. Without it each answer is sent at once.
    """

    many: ClassVar[int] = 8
    """Replicas from which ops are held; see :meth:`release`."""

    def __init__(
        self,
        session_id: str,
        epoch: str,
        document: Document,
        settings: Settings,
        *,
        script_url: Callable[[str], str] = str,
        on_refused: Callable[[Replica, Refused], None] = lambda replica, refused: None,
        recover: bool = False,
        snapshot: Snapshot | None = None,
        lock: AbstractContextManager[Any] | None = None,
        call_later: Callable[[float, Callable[[], None]], object] | None = None,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self.id = session_id
        self.epoch = epoch
        self.document = document
        self.replicas: dict[str, Replica] = {}
        self._settings = settings
        self._recover = recover
        self._script_url = script_url
        self._on_refused = on_refused
        self._lock = lock if lock is not None else nullcontext()
        self._call_later = call_later
        self._clock = clock
        self._brief: set[Hashable] = set()
        self._more_follows = False
        self._unwoken: list[Viewer] = []
        self._held: list[Op] = []
        self._timed = False
        self._asked = False
        self._log = Log(max_ops=settings.log_ops, max_bytes=settings.log_bytes)
        self._scripts: dict[str, None] = {}
        self._ready_snapshot = snapshot
        self.snapshot_bytes = snapshot.size if snapshot is not None else 0
        """Bytes of the document when it was last encoded whole."""
        self._limits = wire.Limits(
            message_bytes=settings.message_bytes,
            unanswered_edits=settings.unanswered_edits,
            edits_per_second=settings.edits_per_second,
        )

    @property
    def seq(self) -> int:
        """Number of the last committed op."""
        return self._log.seq

    @property
    def log_bytes(self) -> int:
        """Bytes kept for those who come back."""
        return self._log.bytes

    # Turns: one at a time, and with the document's context entered.

    def attach(self, replica: Replica, viewer: Viewer, *, grace: float) -> None:
        """Let a replica in at the present position: ``opened`` and the whole document."""
        if replica.simple:
            self.document.send_whole()
        self.commit()
        snapshot = self._snapshot()
        with self._lock:
            self.replicas[replica.id] = replica
            replica.viewer = viewer
            viewer.push(self._opened(replica, recovered=False, grace=grace), always=True)
            self._push_snapshot(replica, viewer, *snapshot)

    def send_snapshot(self, replica: Replica) -> None:
        """Bring a replica up to date with the whole document; nothing if it has left."""
        replica.snapshot_waits = False
        if replica.viewer is None:
            return
        self.commit()
        snapshot = self._snapshot()
        with self._lock:
            if replica.viewer is not None:
                self._push_snapshot(replica, replica.viewer, *snapshot)

    def edit(
        self, replica: Replica, edit: wire.Edit, buffers: dict[str, bytes], merged: Sequence[int] = ()
    ) -> Iterator[Awaitable[Any]]:
        """Take an edit: check it whole, apply it, commit it, answer it, run callbacks, commit those.

        Args:
            replica: whose edit it is.
            edit: the edit, which :meth:`accept` has let in.
            buffers: its buffers by id.
            merged: numbers of waiting edits that were dropped for this one.

        Yields:
            Asynchronous callbacks, to be awaited in order.
        """
        self.commit()  # What has changed before belongs to nobody's edit.
        try:
            if edit.epoch != self.epoch:
                raise Refused(wire.Refusal.EPOCH, "made on an earlier build of the document")
            prepared = self.document.prepare(edit.events, buffers, replica.id)
            patch = self.document.apply(prepared, replica.id)
        except Refused as refused:
            self._answer_refusal(replica, edit, merged, refused)
            return
        keys = [each.key for each in prepared.written]
        self._answer_commit(replica, edit, merged, prepared, patch, more_follows=self._are_brief(keys))
        begun = self._clock() if self._clock is not None else 0.0
        try:
            yield from self.document.run_callbacks()
            self.commit()
        finally:
            self._note_brevity(keys, begun)
            self.wake()

    def commit(self) -> None:
        """Publish what the document has changed since the last commit, as an op of no origin."""
        patch = self.document.drain()
        if patch:
            with self._lock:
                self._publish(self._append(patch, None))
        elif self._held:
            with self._lock:
                self._release_soon()

    def forget_snapshot(self) -> None:
        """App code has run, or the document has changed: whole it has to be encoded anew."""
        self._ready_snapshot = None

    # Not turns: the lock is enough.

    def wake(self) -> None:
        """Have sent what was pushed in the expectation of more: callbacks are done, or await something."""
        if self._unwoken:
            with self._lock:
                unwoken, self._unwoken = self._unwoken, []
            for viewer in unwoken:
                viewer.wake()

    def release(self) -> None:
        """Publish the ops that are held.

        Where many look on, an op waits until the callbacks of its turn are done, so that both go out as one,
        and is then handed to the viewers on the thread that writes to them, which spares two processors the
        same memory. It never waits for long.
        """
        with self._lock:
            self._asked = False
            self._release()

    def resume(
        self, replica: Replica, viewer: Viewer, position: wire.Resume, secret: str, *, grace: float
    ) -> CatchUp:
        """Let a replica go on from where it was, with a new secret.

        A viewer that it still had is closed as superseded: it is a ghost of the same replica.
        """
        with self._lock:
            if replica.viewer is not None and replica.viewer is not viewer:
                replica.viewer.close(wire.Close.SUPERSEDED)
            replica.viewer = viewer
            replica.previous_secret, replica.secret = position.secret, secret
            # Edits follow at once, and there may be no room for them before these are let go.
            replica.acknowledge(position.cseq)
            replica.lagging = True
            replica.sent = position.seq
            replica.delivered = 0
            reachable = position.epoch == self.epoch and self._log.since(position.seq) is not None
            viewer.push(self._opened(replica, recovered=reachable, grace=grace), always=True)
            return self._replay(replica, viewer) if reachable else CatchUp.SNAPSHOT

    def accept(self, replica: Replica, edit: wire.Edit, take: Callable[[], None] = lambda: None) -> Accepted:
        """Let an edit in, each number once and none left out.

        Args:
            replica: whose edit it is.
            edit: the edit.
            take: takes it over, under the lock; what it raises leaves the edit to be sent again.

        Raises:
            ProtocolError: a number is missing, or too many edits are under way.
        """
        with self._lock:
            if edit.cseq <= replica.received:
                return Accepted.SEEN
            if edit.cseq != replica.received + 1:
                raise ProtocolError(
                    wire.Close.BAD_MESSAGE, f"edit {edit.cseq} came, but edit {replica.received + 1} did not"
                )
            self._check_room(replica)
            take()
            replica.received = edit.cseq
            return Accepted.NEW

    def acknowledge(self, replica: Replica, cseq: int) -> None:
        """The replica has seen all results up to ``cseq``; a sign that it has its newest secret."""
        with self._lock:
            replica.acknowledge(cseq)
            replica.previous_secret = ""

    def distrust(self, replica: Replica, cseq: int) -> None:
        """The replica asks for a snapshot: it has seen all results up to ``cseq``, others may be lost."""
        with self._lock:
            replica.acknowledge(cseq)
            replica.lacks_answers = True

    def drained(self, replica: Replica) -> CatchUp:
        """The viewer that refused an op can take some again: send what it has missed, merged."""
        with self._lock:
            if not replica.lagging or replica.viewer is None:
                return CatchUp.DONE
            return self._replay(replica, replica.viewer)

    def detach(self, replica: Replica, viewer: Viewer) -> int | None:
        """The replica's connection is lost. Numbers the absence; ``None`` if it has another connection."""
        with self._lock:
            if replica.viewer is not viewer:
                return None
            replica.viewer = None
            replica.absences += 1
            return replica.absences

    def forget(self, replica: Replica, absence: int) -> bool:
        """The replica has not come back: remove it, unless it has. Says whether it was removed."""
        with self._lock:
            if replica.viewer is not None or replica.absences != absence:
                return False
            self.replicas.pop(replica.id, None)
            return True

    def remove(self, replica: Replica) -> None:
        """The replica will not come back."""
        with self._lock:
            replica.viewer = None
            self.replicas.pop(replica.id, None)

    def notify(self, notice: wire.Notice) -> None:
        """Tell all connected browsers; those with much waiting are not told."""
        payload = wire.encode_payload(notice)
        with self._lock:
            for replica in self.replicas.values():
                if replica.viewer is not None:
                    replica.viewer.push(payload)

    def close(self, code: int, *, error: str = "", detail: str = "") -> None:
        """End all attachments."""
        with self._lock:
            self._release()
            for replica in self.replicas.values():
                viewer, replica.viewer = replica.viewer, None
                if viewer is not None:
                    viewer.close(code, error=error, detail=detail)
            self.replicas.clear()

    @property
    def viewers(self) -> int:
        """How many replicas are connected."""
        with self._lock:
            return sum(replica.viewer is not None for replica in self.replicas.values())

    # Below, `_lock` is held wherever the log or a replica is touched.

    def _check_room(self, replica: Replica) -> None:
        settings = self._settings
        most = settings.stock_unanswered_edits if replica.simple else settings.unanswered_edits
        if replica.unanswered >= most:
            full = "stock_unanswered_edits" if replica.simple else "unanswered_edits"
        elif len(replica.answers) > settings.unacknowledged_results:
            full = "unacknowledged_results"
        elif replica.answer_bytes > settings.unacknowledged_bytes:
            full = "unacknowledged_bytes"
        else:
            return
        raise ProtocolError(wire.Close.TOO_MANY_EDITS, f"too much is under way ({full!r})")

    def _answer_commit(
        self,
        replica: Replica,
        edit: wire.Edit,
        merged: Sequence[int],
        prepared: Prepared,
        patch: Patch,
        *,
        more_follows: bool,
    ) -> None:
        keys = self._to_correct(replica, edit, prepared)
        values = self.document.values(keys) if keys else Patch()
        events, buffers = _parts(values)
        with self._lock:
            if self._held:
                self._release()
            self._more_follows = more_follows
            try:
                op = self._append(patch, replica.id) if patch else None
                result = wire.Result(
                    cseq=edit.cseq,
                    seq=self._log.seq,
                    own=op is not None,
                    commit=True,
                    values=events,
                    skipped=list(prepared.skipped),
                    gone=list(patch.gone),
                    supersedes=list(merged),
                    previous=replica.answered,
                    scripts=self._urls(values.scripts) if values.scripts else [],
                )
                self._answer(replica, result, buffers)
                if op is not None:
                    self._publish(op, callbacks_follow=True)
            finally:
                self._more_follows = False

    def _answer_refusal(
        self, replica: Replica, edit: wire.Edit, merged: Sequence[int], refused: Refused
    ) -> None:
        outline = self.document.outline(edit.events)
        touched = dict.fromkeys(each.key for each in outline if each is not None)
        values = self.document.values(tuple(touched)) if edit.epoch == self.epoch else Patch()
        events, buffers = _parts(values)
        with self._lock:
            self._release()
            result = wire.Result(
                cseq=edit.cseq,
                seq=self.seq,
                own=False,
                commit=False,
                code=refused.code,
                values=events,
                supersedes=list(merged),
                previous=replica.answered,
                scripts=self._urls(values.scripts),
            )
            self._answer(replica, result, buffers)
        self._on_refused(replica, refused)

    def _are_brief(self, keys: Sequence[Hashable]) -> bool:
        """Whether the callbacks for these keys are likely to be done soon.

        Then the answer goes out with what they change: to wake the thread that writes to sockets before
        would only stop the turn. Should they take long for once, whoever is told that the session is busy
        is sent the answer as well.
        """
        return (
            self._clock is not None
            and self._settings.busy_after <= _SOON
            and bool(keys)
            and self._brief.issuperset(keys)
        )

    def _note_brevity(self, keys: Sequence[Hashable], begun: float) -> None:
        if self._clock is None:
            return
        if self._clock() - begun > _BRIEF:
            self._brief.difference_update(keys)
        elif not self._brief.issuperset(keys):
            if len(self._brief) >= _MOST_KNOWN:
                self._brief.clear()
            self._brief.update(keys)

    def _to_correct(self, replica: Replica, edit: wire.Edit, prepared: Prepared) -> Sequence[Hashable]:
        """Keys whose outcome the author cannot know: coerced, or a delta that met another write."""
        keys: dict[Hashable, None] = dict.fromkeys(self.document.differs(prepared))
        if prepared.skipped:
            # Its author shows what a skipped event does to a key, and holds back what others do to it.
            for outlined in self.document.outline([edit.events[each] for each in prepared.skipped]):
                if outlined is not None:
                    keys[outlined.key] = None
        with self._lock:
            met = self._log.written_since(edit.base, except_by=replica.id)
        for each in prepared.written:
            crossed = replica.simple and (met is None or each.key in met)
            if crossed or _is_uncertain(each.kind, edit.whole, met, each.key):
                keys[each.key] = None
        return tuple(keys)

    def _append(self, patch: Patch, origin: str | None) -> Op:
        seq = self._log.seq + 1
        op = Op(seq, origin, patch, _size(patch))
        self._log.append(op)
        self._ready_snapshot = None
        if patch.scripts:
            self._scripts.update(dict.fromkeys(patch.scripts))
        return op

    def _publish(self, op: Op, *, callbacks_follow: bool = False) -> None:
        """Hand an op to all but its author, at once or soon."""
        call_later = self._call_later if len(self.replicas) >= self.many else None
        if call_later is None and not self._held:
            self._push_alone(op)
            return
        self._held.append(op)
        if call_later is None or len(self._held) > _MOST_HELD:
            self._release()
            return
        if not self._timed:
            self._timed = True
            call_later(_HELD_FOR, self._release_in_time)
        if not callbacks_follow:
            self._release_soon()

    def _release_soon(self) -> None:
        """Have the ops that are held published by a thread that writes to sockets."""
        if self._asked:
            return
        for replica in self.replicas.values():
            if replica.viewer is not None and replica.viewer.call_on_writer(self.release):
                self._asked = True
                return
        self._release()

    def _release_in_time(self) -> None:
        with self._lock:
            self._timed = False
            # Who was asked may have been on the way out, and would be waited for each time.
            self._asked = False
            self._release()

    def _release(self) -> None:
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

    def _push_alone(self, op: Op) -> None:
        """Push an op, before which none is held, to all that do not have it yet."""
        for replica in self.replicas.values():
            viewer = replica.viewer
            if viewer is None or replica.lagging or op.origin == replica.id or op.seq <= replica.sent:
                continue
            self._push_op(replica, viewer, self._encoded(op), op.seq)
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
        if viewer.push(payload, seq=seq, more_follows=self._more_follows):
            if self._more_follows:
                self._unwoken.append(viewer)
            replica.sent = seq
            return True
        replica.lagging = True
        return False

    def _answer(self, replica: Replica, result: wire.Result, buffers: Sequence[Buffer]) -> None:
        answer = Answer(result.cseq, result.seq, wire.encode_payload(result, buffers))
        replica.keep(answer)
        if replica.viewer is None or replica.lagging:
            return  # It will come with the replay, at its place among the ops.
        self._push_answer(replica, replica.viewer, answer)

    def _push_answer(self, replica: Replica, viewer: Viewer, answer: Answer, *, always: bool = True) -> bool:
        more_follows = self._more_follows
        if not viewer.push(answer.payload, seq=answer.seq, always=always, more_follows=more_follows):
            replica.lagging = True
            return False
        if more_follows:
            self._unwoken.append(viewer)
        replica.delivered = answer.cseq
        replica.sent = max(replica.sent, answer.seq)
        return True

    def _replay(self, replica: Replica, viewer: Viewer) -> CatchUp:
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
        events, buffers = _parts(patch)
        op = wire.Op(
            from_=start,
            seq=seq,
            scripts=self._urls(patch.scripts) if patch.scripts else [],
            events=events,
            gone=list(patch.gone),
        )
        return wire.encode_payload(op, buffers)

    def _snapshot(self) -> tuple[msgspec.Raw, Sequence[Buffer], Sequence[str]]:
        snapshot = self._ready_snapshot or self.document.snapshot()
        self.forget_snapshot()
        self._scripts.update(dict.fromkeys(snapshot.scripts))
        self.snapshot_bytes = snapshot.size
        return msgspec.Raw(snapshot.content), snapshot.buffers, snapshot.scripts

    def _push_snapshot(
        self,
        replica: Replica,
        viewer: Viewer,
        document: msgspec.Raw,
        buffers: Sequence[Buffer],
        scripts: Sequence[str],
    ) -> None:
        header = wire.SnapshotFrame(
            epoch=self.epoch,
            seq=self.seq,
            cseq=replica.answered,
            scripts=self._urls(scripts),
            document=document,
        )
        viewer.push(wire.encode_payload(header, buffers), seq=self.seq, always=True, snapshot=True)
        replica.sent = self.seq
        replica.lagging = False
        if replica.lacks_answers:
            replica.delivered, replica.lacks_answers = 0, False
        for answer in replica.answers:
            if answer.cseq > replica.delivered and not self._push_answer(
                replica, viewer, answer, always=False
            ):
                return

    def _opened(self, replica: Replica, *, recovered: bool, grace: float) -> bytes:
        opened = wire.Opened(
            session=self.id,
            client=replica.id,
            secret=replica.secret,
            epoch=self.epoch,
            seq=self.seq,
            cseq=replica.answered,
            recovered=recovered,
            kind=self.document.kind,
            scripts=self._urls(tuple(self._scripts)),
            heartbeat=self._settings.heartbeat,
            grace=grace,
            recover=self._recover,
            limits=self._limits,
        )
        return wire.encode_payload(opened)

    def _urls(self, scripts: Sequence[str]) -> list[str]:
        return [self._script_url(each) for each in scripts]


def _parts(patch: Patch) -> tuple[list[msgspec.Raw], list[Buffer]]:
    """The events of a patch, and the buffers that they refer to."""
    events: list[msgspec.Raw] = []
    buffers: list[Buffer] = []
    for event in patch.events:
        events.append(msgspec.Raw(event.content))
        buffers += event.buffers
    return events, buffers


def _size(patch: Patch) -> int:
    size = 0
    for event in patch.events:
        size += len(event.content)
        for buffer in event.buffers:
            size += len(buffer.data)
    return size


def _is_uncertain(
    kind: EventKind, unsettled: bool, met: dict[Hashable, EventKind] | None, key: Hashable
) -> bool:
    """Whether the author of a write cannot know what has come of it.

    Args:
        kind: of the write.
        unsettled: it was made on a value that was not settled.
        met: what others have written since; ``None`` if that is not known any more.
        key: what it writes.
    """
    if kind is EventKind.DELTA and (unsettled or met is None or key in met):
        return True
    return met is not None and met.get(key) is EventKind.DELTA
