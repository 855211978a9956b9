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
from typing import Any

import msgspec

from embedsync import wire
from embedsync.brevity import Brevity
from embedsync.delivery import CatchUp, Delivery, parts
from embedsync.document import Buffer, Document, EventKind, Patch, Prepared, Snapshot
from embedsync.errors import ProtocolError, Refused
from embedsync.log import Log, Op
from embedsync.replica import Replica, Viewer
from embedsync.settings import Settings

__all__ = ["Accepted", "CatchUp", "Session"]

_SOON = 1.0
"""Seconds; an answer waits for callbacks only where browsers are told by then of one that takes long."""


class Accepted(enum.Enum):
    """What became of an edit at the door."""

    NEW = "new"
    """To be applied, by :meth:`Session.edit`."""
    SEEN = "seen"
    """It was taken before; its answer was sent again or will come."""


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
        expect_long: told, without a lock, that callbacks begin that may take long.
    """

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
        expect_long: Callable[[], None] = lambda: None,
    ) -> None:
        self.id = session_id
        self.epoch = epoch
        self.document = document
        self._settings = settings
        self._recover = recover
        self._on_refused = on_refused
        self._lock = lock if lock is not None else nullcontext()
        self._brevity = Brevity(clock)
        self._expect_long = expect_long
        self._log = Log(max_ops=settings.log_ops, max_bytes=settings.log_bytes)
        self.delivery = Delivery(self._log, self._lock, script_url, call_later)
        self.replicas = self.delivery.replicas
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
        is_brief = self._more_follows(keys)
        self._answer_commit(replica, edit, merged, prepared, patch, more_follows=is_brief)
        if not is_brief:
            self._expect_long()
        begun = self._brevity.begin()
        try:
            yield from self.document.run_callbacks()
            self.commit()
        finally:
            self._brevity.note(keys, begun)
            self.delivery.wake()

    def commit(self) -> None:
        """Publish what the document has changed since the last commit, as an op of no origin."""
        patch = self.document.drain()
        if patch:
            with self._lock:
                self.delivery.publish(self._append(patch, None))
        else:
            self.delivery.callbacks_are_done()

    def forget_snapshot(self) -> None:
        """App code has run, or the document has changed: whole it has to be encoded anew."""
        self._ready_snapshot = None

    # Not turns: the lock is enough.

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
            reachable = position.epoch == self.epoch and self._log.reaches(position.seq)
            viewer.push(self._opened(replica, recovered=reachable, grace=grace), always=True)
            return self.delivery.replay(replica, viewer) if reachable else CatchUp.SNAPSHOT

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
            return self.delivery.replay(replica, replica.viewer)

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
            self.delivery.publish_held()
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
        events, buffers = parts(values)
        with self._lock:
            delivery = self.delivery
            delivery.publish_held()
            delivery.more_follows = more_follows
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
                    scripts=delivery.urls(values.scripts),
                )
                delivery.answer(replica, result, buffers)
                if op is not None:
                    delivery.publish(op, callbacks_follow=True)
            finally:
                delivery.more_follows = False

    def _answer_refusal(
        self, replica: Replica, edit: wire.Edit, merged: Sequence[int], refused: Refused
    ) -> None:
        outline = self.document.outline(edit.events)
        touched = dict.fromkeys(each.key for each in outline if each is not None)
        values = self.document.values(tuple(touched)) if edit.epoch == self.epoch else Patch()
        events, buffers = parts(values)
        with self._lock:
            self.delivery.publish_held()
            result = wire.Result(
                cseq=edit.cseq,
                seq=self.seq,
                own=False,
                commit=False,
                code=refused.code,
                values=events,
                supersedes=list(merged),
                previous=replica.answered,
                scripts=self.delivery.urls(values.scripts),
            )
            self.delivery.answer(replica, result, buffers)
        self._on_refused(replica, refused)

    def _more_follows(self, keys: Sequence[Hashable]) -> bool:
        """Whether the callbacks for these keys are likely to be done soon.

        Then the answer goes out with what they change: to wake the thread that writes to sockets before
        would only stop the turn. Should they take long for once, whoever is told that the session is busy
        is sent the answer as well.
        """
        return self._settings.busy_after <= _SOON and self._brevity.expected(keys)

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
        op = Op(seq, origin, patch, patch.size)
        self._log.append(op)
        self.forget_snapshot()
        if patch.scripts:
            self._scripts.update(dict.fromkeys(patch.scripts))
        return op

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
            scripts=self.delivery.urls(scripts),
            document=document,
        )
        viewer.push(wire.encode_payload(header, buffers), seq=self.seq, always=True, snapshot=True)
        replica.sent = self.seq
        replica.lagging = False
        if replica.lacks_answers:
            replica.delivered, replica.lacks_answers = 0, False
        self.delivery.answer_again(replica, viewer)

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
            scripts=self.delivery.urls(tuple(self._scripts)),
            heartbeat=self._settings.heartbeat,
            grace=grace,
            recover=self._recover,
            limits=self._limits,
        )
        return wire.encode_payload(opened)


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
