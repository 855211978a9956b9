"""A replica in Python: the rules of PROTOCOL.md, "What a replica does", over the toy document.

It is to `session.js` what `toy.py` is to Bokeh: small enough to be checked by eye.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

from embedsync import wire
from tests.property.toy import DEFAULTS

Key = tuple[str, str]


@dataclass(eq=False)
class PendingEdit:
    keys: tuple[Key, ...]
    mergeable: bool
    events: list[dict[str, Any]]
    cseq: int = 0  # Given when it is sent for the first time.
    base: int = 0
    whole: bool = False
    epoch: str = ""

    @property
    def sent(self) -> bool:
        return self.cseq > 0


@dataclass
class Held:
    seq: int
    event: dict[str, Any]


class Peer:
    """One browser replica; frames come in through :meth:`receive`, go out through ``outbox``."""

    def __init__(self, window: int = 4) -> None:
        self.models: dict[str, dict[str, Any]] = {}
        self.seq = 0
        self.epoch = ""
        self.cseq = 0
        self.opened: wire.Opened | None = None
        self.live = False
        self.pending: deque[PendingEdit] = deque()
        self.held: dict[Key, list[Held]] = {}
        self.doomed: set[str] = set()
        self.outbox: list[wire.ClientFrame] = []
        self.refusals = 0
        self.merged = 0
        self.poisoned: str | None = None
        self.answered = 0
        self.settled = 0
        self.made = 0
        self.window = window

    # The person's side.

    def change(self, identifier: str, name: str, value: Any) -> None:
        self.models[identifier][name] = value
        key = (identifier, name)
        self._edit([{"kind": "set", "id": identifier, "attr": name, "new": value}], (key,), True)

    def append(self, identifier: str, numbers: list[int]) -> None:
        model = self.models[identifier]
        model["items"] = [*model["items"], *numbers]
        event = {"kind": "append", "id": identifier, "items": numbers}
        self._edit([event], ((identifier, "items"),), False)

    def click(self, identifier: str) -> None:
        self._edit([{"kind": "click", "id": identifier}], (), False)

    def adopt(self, identifier: str, value: int) -> None:
        """Put a new node of the browser's own under a node."""
        self.made += 1
        child = f"{self.opened.client if self.opened else ''}-{self.made}"
        self.models[child] = {**DEFAULTS, "value": value}
        self.models[identifier]["child"] = child
        new = {"define": child, "attributes": {"value": value}}
        event = {"kind": "set", "id": identifier, "attr": "child", "new": new}
        self._edit([event], ((identifier, "child"),), False)

    def reachable(self) -> list[str]:
        found: list[str] = []
        at: str | None = "root" if "root" in self.models else None
        while at is not None and at not in found:
            found.append(at)
            at = self.models[at]["child"]
        return found

    def state(self) -> dict[str, dict[str, Any]]:
        return {each: dict(self.models[each]) for each in self.reachable()}

    # The wire's side.

    def resume(self) -> wire.Open | None:
        if self.opened is None:
            return None
        return wire.Open(
            protocol=1,
            resume=wire.Resume(
                session=self.opened.session,
                client=self.opened.client,
                secret=self.opened.secret,
                epoch=self.epoch,
                seq=self.seq,
            ),
        )

    def resend(self) -> None:
        """After ``open`` with ``resume``: every edit that was sent and not answered, unchanged."""
        for edit in self.pending:
            if edit.sent:
                self.outbox.append(self._frame(edit))

    def receive(self, frame: wire.ServerFrame) -> None:
        import json

        match frame:
            case wire.Opened():
                self.opened = frame
                self.live = True
                if frame.recovered:
                    self.poisoned = None
            case wire.SnapshotFrame():
                self._snapshot(frame, json.loads(bytes(frame.document)))
            case wire.Op() if self.poisoned is None:
                self._op(frame, [json.loads(bytes(each)) for each in frame.events])
            case wire.Result() if self.poisoned is None:
                self._result(frame, [json.loads(bytes(each)) for each in frame.values])
        self._send()

    def acknowledge(self) -> None:
        if self.live:
            self.outbox.append(wire.Ack(seq=self.seq, cseq=self.answered))

    def _edit(self, events: list[dict[str, Any]], keys: tuple[Key, ...], mergeable: bool) -> None:
        edit = PendingEdit(keys, mergeable, events, base=self.seq, epoch=self.epoch)
        edit.whole = not mergeable and any(self._is_pending(key) for key in keys)
        for earlier in reversed(self.pending):
            if earlier.sent or not earlier.mergeable or not mergeable:
                break
            if set(earlier.keys) <= set(keys):
                self.pending.remove(earlier)
                self.merged += 1
                break
        self.pending.append(edit)
        self._send()

    def _send(self) -> None:
        if not self.live or self.poisoned is not None:
            return
        under_way = sum(each.sent for each in self.pending)
        for edit in self.pending:
            if edit.sent:
                continue
            if under_way >= self.window:
                return
            self.cseq += 1
            edit.cseq, edit.epoch = self.cseq, self.epoch
            under_way += 1
            self.outbox.append(self._frame(edit))

    def _frame(self, edit: PendingEdit) -> wire.Edit:
        return wire.Edit(
            cseq=edit.cseq,
            base=edit.base,
            epoch=edit.epoch,
            whole=edit.whole,
            events=edit.events,
        )

    def _is_pending(self, key: Key) -> bool:
        return any(key in each.keys for each in self.pending)

    def _op(self, op: wire.Op, events: list[dict[str, Any]]) -> None:
        if op.seq <= self.seq:
            return
        if op.from_ != self.seq:
            self._poison(f"gap: at {self.seq}, op from {op.from_}")
            return
        for event in events:
            self._write(event, op.seq)
        self.seq = op.seq
        self._evict(op.gone)

    def _write(self, event: dict[str, Any], seq: int) -> None:
        """Introduce what the event defines; hold or make the write."""
        if event["kind"] == "set" and event["attr"] == "child":
            event = {**event, "new": self._introduce(event["new"], seq)}
        name = "items" if event["kind"] == "append" else event["attr"]
        key = (event["id"], name)
        if self._is_pending(key):
            self.held.setdefault(key, []).append(Held(seq, event))
        else:
            self._make(event)

    def _make(self, event: dict[str, Any]) -> None:
        model = self.models[event["id"]]
        if event["kind"] == "append":
            model["items"] = [*model["items"], *event["items"]]
        else:
            model[event["attr"]] = event["new"]

    def _introduce(self, new: Any, seq: int) -> str | None:
        if new is None:
            return None
        if "ref" in new:
            assert new["ref"] in self.models, f"{new['ref']} isn't known"
            return str(new["ref"])
        identifier = str(new["define"])
        self.doomed.discard(identifier)
        attributes = dict(new["attributes"])
        if identifier in self.models:
            for name, value in attributes.items():
                self._write({"kind": "set", "id": identifier, "attr": name, "new": value}, seq)
        else:
            self.models[identifier] = dict(DEFAULTS)
            child = self._introduce(attributes.pop("child", None), seq)
            self.models[identifier].update(attributes, child=child)
        return identifier

    def _result(self, result: wire.Result, values: list[dict[str, Any]]) -> None:
        if result.cseq <= self.answered:
            return
        if result.own and result.seq > self.seq:
            if result.seq != self.seq + 1:
                self._poison(f"gap: at {self.seq}, own op {result.seq}")
                return
            self.seq = result.seq
        self.answered = result.cseq
        self.refusals += not result.commit
        if result.cseq <= self.settled:
            return  # A snapshot came first, and it is newer.
        settled = [each for each in self.pending if 0 < each.cseq <= result.cseq]
        for edit in settled:
            self.pending.remove(edit)
            self.doomed.update(_unreached(edit, result))
        keys = {key for edit in settled for key in edit.keys}
        for key in keys:
            self.held[key] = [each for each in self.held.get(key, []) if each.seq > result.seq]
        for event in values:
            if event["kind"] == "set" and event["attr"] == "child":
                event = {**event, "new": self._introduce(event["new"], result.seq)}
            key = (event["id"], event["attr"])
            if event["id"] not in self.models:
                continue
            later = [each for each in self.held.get(key, []) if each.seq > result.seq]
            self.held[key] = [Held(result.seq, event), *later]
            keys.add(key)
        for key in keys:
            if not self._is_pending(key):
                for each in self.held.pop(key, []):
                    if key[0] in self.models:
                        self._make(each.event)
        self._evict(result.gone)

    def _snapshot(self, frame: wire.SnapshotFrame, document: dict[str, Any]) -> None:
        self.poisoned = None
        self.epoch, self.seq, self.settled = frame.epoch, frame.seq, frame.cseq
        self.held.clear()
        self.doomed.clear()
        settled = [each for each in self.pending if 0 < each.cseq <= frame.cseq]
        for edit in settled:
            self.pending.remove(edit)
        browser_made = {name: model for name, model in self.models.items() if "-" in name}
        self.models = {}
        self._introduce(document, frame.seq)
        for edit in self.pending:
            for event in edit.events:
                self._reapply(event, browser_made)

    def _reapply(self, event: dict[str, Any], browser_made: dict[str, dict[str, Any]]) -> None:
        if event["id"] not in self.models or event["kind"] == "click":
            return
        if event["kind"] == "set" and isinstance(event["new"], dict):
            child = event["new"]["define"]
            self.models.setdefault(child, {**DEFAULTS, **event["new"]["attributes"]})
            event = {**event, "new": child}
        self._make(event)

    def _evict(self, gone: list[str]) -> None:
        self.doomed.update(gone)
        for identifier in list(self.doomed):
            if not any(identifier == key[0] for edit in self.pending for key in edit.keys):
                self.doomed.discard(identifier)
                if identifier not in self.reachable():
                    self.models.pop(identifier, None)

    def _poison(self, reason: str) -> None:
        self.poisoned = reason
        self.outbox.append(wire.Resync(epoch=self.epoch, seq=self.seq, cseq=self.answered, reason=reason))


def _unreached(edit: PendingEdit, result: wire.Result) -> list[str]:
    """Ids of the browser's own models that an edit defines, where the server has not taken them."""
    new = [
        event.get("new")
        for position, event in enumerate(edit.events)
        if not result.commit or position in result.skipped
    ]
    return [each["define"] for each in new if isinstance(each, dict) and "define" in each]
