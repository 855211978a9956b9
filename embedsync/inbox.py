"""What waits for a session: turns in order, waiting edits merged where nothing is lost by it."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from embedsync import wire
from embedsync.document import EventKind, Written
from embedsync.replica import Replica

__all__ = ["Inbox", "WaitingEdit"]

Turn = TypeVar("Turn")


@dataclass(slots=True, eq=False)
class WaitingEdit:
    """An edit that was let in and waits for its turn.

    Attributes:
        keys: what it writes, if it consists of whole-value writes only; otherwise ``None``, and it
            is never merged nor passed by another edit.
        merged: numbers of earlier edits that were dropped for this one.
        size: bytes of its message.
    """

    replica: Replica
    edit: wire.Edit
    buffers: dict[str, bytes]
    keys: frozenset[Hashable] | None
    merged: list[int] = field(default_factory=list)
    size: int = 0


class Inbox(Generic[Turn]):
    """A queue of edits and other turns.

    Of waiting edits of one replica to the same keys only the last is kept, at its own, later
    place: a person who drags a slider over a slow callback gets the last value, not each. It
    drops nothing across a click, a stream or any other turn, and never reorders what it keeps.
    """

    def __init__(self) -> None:
        self._waiting: deque[WaitingEdit | Turn] = deque()
        self.bytes = 0
        """Bytes of the edits that wait."""

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, turn: Turn) -> None:
        """Add a turn that is no edit."""
        self._waiting.append(turn)

    def put_edit(
        self,
        replica: Replica,
        edit: wire.Edit,
        buffers: dict[str, bytes],
        outline: Sequence[Written | None],
        size: int = 0,
    ) -> None:
        """Add an edit of so many bytes; ``outline`` is what the document says of it."""
        written = [each.key for each in outline if each is not None and each.kind is EventKind.WRITE]
        keys = frozenset(written) if written and len(written) == len(outline) else None
        waiting = WaitingEdit(replica, edit, buffers, keys, size=size)
        if keys is not None and self._waiting:
            self._drop_covered(waiting, keys)
        self._waiting.append(waiting)
        self.bytes += size

    def take(self) -> WaitingEdit | Turn | None:
        """Remove and return what has waited longest."""
        if not self._waiting:
            return None
        taken = self._waiting.popleft()
        if isinstance(taken, WaitingEdit):
            self.bytes -= taken.size
        return taken

    def supersedes(self, edit: WaitingEdit) -> bool:
        """Whether a later edit of the same replica waits that writes everything that ``edit`` wrote."""
        return edit.keys is not None and any(
            isinstance(each, WaitingEdit)
            and each.replica is edit.replica
            and each.keys is not None
            and edit.keys <= each.keys
            for each in self._waiting
        )

    def clear(self) -> None:
        """Forget everything that waits."""
        self._waiting.clear()
        self.bytes = 0

    def _drop_covered(self, new: WaitingEdit, keys: frozenset[Hashable]) -> None:
        covered: list[WaitingEdit] = []
        for earlier in reversed(self._waiting):
            if not isinstance(earlier, WaitingEdit) or earlier.keys is None:
                break
            mine = earlier.replica is new.replica and earlier.edit.epoch == new.edit.epoch
            if mine and earlier.keys <= keys:
                covered.append(earlier)
        for earlier in reversed(covered):
            self._waiting.remove(earlier)
            self.bytes -= earlier.size
            new.merged += [*earlier.merged, earlier.edit.cseq]
