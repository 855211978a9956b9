"""What happened, written down as it happened, and the checker that judges it.

The oracle is Jepsen's: each edit is invoked and then *ok*, *refused*, *superseded* or *unknown*; the app
keeps a journal of its own of the callbacks that ran, beside everything that is under test. An ok edit ran
once, a refused or superseded one never, an unknown one at most once, and nothing else ran at all.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["History", "check_callbacks"]


@dataclass(frozen=True)
class Step:
    """How a replica got from one position to another.

    Attributes:
        kind: ``op`` or ``snapshot``.
        epoch: which build of the document.
        start: the position it needs; for a snapshot the one before.
        seq: the position after it.
    """

    kind: str
    epoch: str
    start: int
    seq: int


class History:
    """The history of one replica. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.outcomes: dict[Any, str] = {}
        """By name of the edit, in the order of invocation."""
        self.steps: list[Step] = []
        self.notes: list[tuple[str, Any]] = []
        """Connections that were lost, codes, and what the server said of each."""

    def invoke(self, name: Any) -> None:
        with self._lock:
            assert name not in self.outcomes, f"{name!r} was invoked before"
            self.outcomes[name] = "unknown"

    def outcome(self, name: Any, outcome: str) -> None:
        """``ok``, ``refused`` or ``superseded``; what never gets one stays ``unknown``."""
        if name is None:
            return
        with self._lock:
            before = self.outcomes[name]
            assert before in ("unknown", outcome), f"{name!r} was {before}, and is {outcome} now"
            self.outcomes[name] = outcome

    def step(self, kind: str, epoch: str, start: int, seq: int) -> None:
        with self._lock:
            self.steps.append(Step(kind, epoch, start, seq))

    def note(self, what: str, detail: Any) -> None:
        with self._lock:
            self.notes.append((what, detail))

    def named(self, outcome: str) -> list[Any]:
        """The edits that came to this."""
        with self._lock:
            return [name for name, each in self.outcomes.items() if each == outcome]

    def check_no_gap(self) -> int:
        """Each op was applied on the position before it, each position once. Returns how many ops came."""
        at: dict[str, int] = {}
        ops = 0
        for step in self.steps:
            position = at.get(step.epoch)
            if step.kind == "op":
                ops += 1
                assert step.start == position, f"op {step.start}–{step.seq} was applied at {position}"
                assert step.seq > step.start
            else:
                assert step.seq >= (position or 0), f"a snapshot led back from {position} to {step.seq}"
            at[step.epoch] = step.seq
        return ops


def check_callbacks(histories: Iterable[History], runs: Sequence[Any], *, deaths: int = 0) -> int:
    """Judge the callbacks that ran, which the app itself has written down, by all histories.

    Args:
        histories: of all replicas.
        runs: the names of the edits whose callbacks ran, in order.
        deaths: how often the process was killed; each may have come between an answer and its callback.

    Returns:
        How many edits were ok.
    """
    outcomes: dict[Any, str] = {}
    histories, count = list(histories), Counter(runs)
    for history in histories:
        overlap = outcomes.keys() & history.outcomes.keys()
        assert not overlap, f"two replicas use the same names: {list(overlap)[:3]}"
        outcomes.update(history.outcomes)
    doubled = [name for name, times in count.items() if times > 1]
    assert not doubled, f"callbacks ran more than once: {doubled[:5]}"
    foreign = count.keys() - outcomes.keys()
    assert not foreign, f"callbacks ran that nobody asked for: {list(foreign)[:5]}"
    lost = [name for name, each in outcomes.items() if each == "ok" and not count[name]]
    assert len(lost) <= deaths, f"edits were answered as committed whose callbacks never ran: {lost[:5]}"
    ghosts = [name for name, each in outcomes.items() if each in ("refused", "superseded") and count[name]]
    assert not ghosts, f"callbacks of edits ran that did not count: {ghosts[:5]}"
    for history in histories:
        in_order = [name for name in runs if history.outcomes.get(name) == "ok"]
        expected = [name for name in history.named("ok") if name not in lost]
        assert in_order == expected, "callbacks ran in another order"
    return sum(each == "ok" for each in outcomes.values())
