"""The log of a session: its committed ops, in order, as far back as its bounds reach."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterable, Sequence

import msgspec

from embedsync.document import Event, EventKind, Patch

__all__ = ["Log", "Op", "merge"]


class Op(msgspec.Struct, gc=False):
    """One committed patch.

    Attributes:
        seq: its number in the session's epoch, from 1.
        origin: id of the replica whose edit it is, or ``None`` for what the server did.
        patch: the changes.
        size: bytes of the changes.
        payload: the encoded frame, the same bytes for every viewer, while it is kept.
    """

    seq: int
    origin: str | None
    patch: Patch
    size: int
    payload: bytes | None = None


class Log:
    """A bounded list of ops that answers "everything since" or "lost", never a part.

    Args:
        max_ops: how many ops are kept.
        max_bytes: how many bytes of changes are kept.
    """

    def __init__(self, *, max_ops: int, max_bytes: int) -> None:
        self._max_ops = max_ops
        self._max_bytes = max_bytes
        self._ops: deque[Op] = deque()
        self._bytes = 0
        self.seq = 0

    @property
    def bytes(self) -> int:
        """Bytes of changes that are kept."""
        return self._bytes

    def append(self, op: Op) -> None:
        """Add the next op and let go of the oldest beyond the bounds."""
        if op.seq != self.seq + 1:
            raise ValueError(f"op {op.seq} cannot follow {self.seq}")
        self.seq = op.seq
        self._ops.append(op)
        self._bytes += op.size
        while len(self._ops) > self._max_ops or self._bytes > self._max_bytes:
            self._bytes -= self._ops.popleft().size

    def reaches(self, seq: int) -> bool:
        """Whether all ops after ``seq`` are here."""
        return 0 <= self.seq - seq <= len(self._ops)

    def since(self, seq: int) -> Sequence[Op] | None:
        """All ops after ``seq``, or ``None`` if they are not all here."""
        if not self.reaches(seq):
            return None
        missing = self.seq - seq
        return [self._ops[index] for index in range(len(self._ops) - missing, len(self._ops))]

    def written_since(self, seq: int, *, except_by: str) -> dict[Hashable, EventKind] | None:
        """How each key was last written after ``seq`` by others than the replica ``except_by``.

        ``DELTA`` stands if any of the writes was one. ``None`` if the log does not reach back.
        """
        if not self.reaches(seq):
            return None
        written: dict[Hashable, EventKind] = {}
        # From the last one back, which makes no difference: those in the middle of a deque take long to find.
        for op in reversed(self._ops):
            if op.seq <= seq:
                break
            if op.origin == except_by:
                continue
            for event in op.patch.events:
                if event.key is not None and written.get(event.key) is not EventKind.DELTA:
                    written[event.key] = event.kind
        return written


def merge(patches: Iterable[Patch]) -> Patch:
    """Make one patch of consecutive ones, without the writes, and parts, that a later one replaces.

    Events that define models are kept, because later events refer to those models. An id that
    left and came back is not gone.
    """
    events: list[Event] = []
    gone: dict[str, None] = {}
    scripts: dict[str, None] = {}
    for patch in patches:
        for event in patch.events:
            for identifier in event.defines:
                gone.pop(identifier, None)
            events.append(event)
        gone.update(dict.fromkeys(patch.gone))
        scripts.update(dict.fromkeys(patch.scripts))

    replaced: set[Hashable] = set()
    parts: dict[Hashable, list[frozenset[str]]] = {}
    kept: list[Event] = []
    for event in reversed(events):
        if event.key is not None:
            if event.key in replaced and not event.defines:
                continue
            if event.parts is not None and not event.defines:
                later = parts.setdefault(event.key, [])
                if any(event.parts <= each for each in later):
                    continue
                later.append(event.parts)
            elif event.kind is EventKind.WRITE:
                replaced.add(event.key)
            else:
                parts.pop(event.key, None)
                # A delta kept for its definitions still needs the value it was made upon.
                replaced.discard(event.key)
        kept.append(event)
    return Patch(tuple(reversed(kept)), tuple(gone), tuple(scripts))
