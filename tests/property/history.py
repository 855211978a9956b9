"""What became of each change that a browser made, as the browsers, the frames and the documents tell it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from embedsync import wire

__all__ = ["Change", "History", "Told"]


@dataclass(slots=True)
class Change:
    """One change, by a person or a page script.

    Attributes:
        number: names it.
        replica: where it was made.
        load: how often the page of that replica had been loaded.
        at: what had happened before, as a number that grows.
        client: the replica's id at the server.
        epoch: the document that it was made on.
        state: of the replica then.
        kind: ``write``, ``delta`` or ``signal``.
        key: what it writes.
        content: the event.
        input: what it is for form recovery, if a person put it in.
        cseq: number of the edit that it was sent in.
        too_big: it was never sent, and the person was told.
    """

    number: int
    replica: int
    load: int
    at: int
    client: str
    epoch: str
    state: str
    kind: str
    key: str | None
    content: dict[str, Any] = field(repr=False)
    input: dict[str, Any] | None
    cseq: int | None = None
    too_big: bool = False

    @property
    def mergeable(self) -> bool:
        """Whether a later write of the same key may stand for it."""
        new = self.content.get("new")
        return self.kind == "write" and not (isinstance(new, dict) and "define" in new)


@dataclass(slots=True)
class Told:
    """What a replica told its page."""

    at: int
    load: int
    name: str
    what: Any


@dataclass
class History:
    """Everything that happened.

    Attributes:
        changes: all of them, by number.
        told: what each replica told its page.
        settled: number of the last change that each client has seen settled.
        given_up: number of the last change that each client has given up. What was made before and not
            sent was merged into something later: edits are sent in order.
        superseded: numbers of edits that results named as superseded, by client.
    """

    changes: dict[int, Change] = field(default_factory=dict)
    told: dict[int, list[Told]] = field(default_factory=lambda: defaultdict(list))
    settled: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    given_up: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    superseded: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    edits: dict[tuple[str, int], wire.Edit] = field(default_factory=dict)
    at: int = 0

    def made(self, load: int, told: dict[str, Any]) -> None:
        """A browser has changed something."""
        self.at += 1
        change = Change(at=self.at, load=load, **told)
        self.changes[change.number] = change

    def was_told(self, replica: int, load: int, name: str, what: Any) -> None:
        """A replica has told its page something."""
        self.at += 1
        self.told[replica].append(Told(self.at, load, name, what))

    def sent(self, edit: wire.Edit) -> None:
        """An edit was sent, perhaps again: then it is the same as before."""
        numbers = [each["number"] for each in edit.events]
        for number in numbers:
            change = self.changes[number]
            assert change.cseq in (None, edit.cseq), "an edit changed its number"
            assert change.epoch == edit.epoch, "a change is sent to another document than it was made on"
            change.cseq = edit.cseq
        if numbers:
            key = (self.changes[numbers[0]].client, edit.cseq)
            assert self.edits.setdefault(key, edit) == edit, "an edit was sent again and is another"

    def gave_up(self, numbers: list[int]) -> None:
        """A browser has given up an edit that was next to be sent, for it is too big."""
        for number in numbers:
            self.changes[number].too_big = True
        client = self.changes[numbers[0]].client
        self.given_up[client] = max(numbers)

    def answered(self, client: str, cseq: int) -> None:
        """A browser has received the answer to an edit, or a snapshot that accounts for it."""
        for change in reversed(self.changes.values()):
            if change.client == client and change.cseq is not None and change.cseq <= cseq:
                self.settled[client] = max(self.settled[client], change.number)
                return

    def pending(self, client: str, epoch: str) -> list[Change]:
        """Changes of a client to a document that were not settled when the browser last heard of it.

        A client that is let in changes what it still shows of the old document until the new one has come.
        """
        found = []
        for change in reversed(self.changes.values()):
            if change.client == client and change.epoch == epoch:
                if change.number <= self.settled[client]:
                    break
                if change.cseq is not None or change.number > self.given_up[client]:
                    found.append(change)
        return found
