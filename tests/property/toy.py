"""A toy document with everything that makes synchronisation hard, and nothing else.

Nodes form a graph under one root. A node has

- ``value``: an integer, clamped to 0–10 by the server, refused below 0; its callback sets ``echo``
  of the same node to twice the value, and raises afterwards when the value is 7;
- ``items``: a list of numbers, to which both sides append (a delta) or which they replace; numbers
  below 0 are refused;
- ``child``: another node, or none. A node that is reachable no more is gone; it may come back.

A click on a node gives it a new child, or takes the child away.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Hashable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

from embedsync.document import Event, EventKind, PageParts, Patch, Prepared, Snapshot, Written
from embedsync.errors import Refused

DEFAULTS: dict[str, Any] = {"value": 0, "echo": 0, "items": [], "child": None}


@dataclass
class Node:
    id: str
    attributes: dict[str, Any] = field(default_factory=dict)

    def get(self, name: str) -> Any:
        return self.attributes.get(name, DEFAULTS[name])


class ToyDocument:
    """The server's half, an implementation of :class:`embedsync.document.Document`."""

    kind = "toy"
    remembered_bytes = 0

    def __init__(self) -> None:
        self.root = Node("root")
        self.nodes: dict[str, Node] = {"root": self.root}
        self.known: set[str] = set()
        self.ever_sent: dict[str, set[str]] = {}
        self.pending: list[tuple[str, str, EventKind, Any]] = []
        self.queued: list[Callable[[], Iterator[Awaitable[Any]] | None]] = []
        self.callback_runs = 0
        self.raised = 0
        self._made = 0

    # Python code of an "app".

    def set(self, node: Node, name: str, value: Any) -> None:
        node.attributes[name] = value
        if name == "child" and value is not None:
            self.nodes[value.id] = value
        if node.id in self.reachable():
            self.pending.append((node.id, name, EventKind.WRITE, None))

    def append(self, node: Node, numbers: list[int]) -> None:
        node.attributes["items"] = [*node.get("items"), *numbers]
        if node.id in self.reachable():
            self.pending.append((node.id, "items", EventKind.DELTA, list(numbers)))

    def new_node(self, **attributes: Any) -> Node:
        self._made += 1
        node = Node(f"n{self._made}", dict(attributes))
        self.nodes[node.id] = node
        return node

    def reachable(self) -> dict[str, Node]:
        found: dict[str, Node] = {}
        node: Node | None = self.root
        while node is not None and node.id not in found:
            found[node.id] = node
            node = node.get("child")
        return found

    def state(self) -> dict[str, dict[str, Any]]:
        return {
            identifier: {
                name: (node.get("child").id if node.get("child") else None)
                if name == "child"
                else node.get(name)
                for name in DEFAULTS
            }
            for identifier, node in self.reachable().items()
        }

    # The port.

    def snapshot(self) -> Snapshot:
        self.known = set()
        encoded, _ = self._encode(self.root)
        return Snapshot(json.dumps(encoded).encode())

    def outline(self, events: Sequence[Any]) -> Sequence[Written | None]:
        return [self._outline(each) for each in events]

    def prepare(self, events: Sequence[Any], buffers: dict[str, bytes], client: str) -> Prepared:
        try:
            return self._prepare(events)
        except (LookupError, TypeError, AttributeError) as error:
            raise Refused("malformed", repr(error)) from error

    def _prepare(self, events: Sequence[Any]) -> Prepared:
        steps: list[tuple[str, Node, Any]] = []
        written: list[Written] = []
        skipped: list[int] = []
        present = self.reachable()
        for position, event in enumerate(events):
            node = present.get(event["id"]) or self.nodes.get(event["id"])
            if node is None:
                raise Refused("unknown-model", event["id"])
            if node.id not in present:
                skipped.append(position)
                continue
            if event["kind"] == "click":
                steps.append(("click", node, None))
                continue
            if event["kind"] == "append":
                steps.append(("append", node, _numbers(event["items"])))
                written.append(Written((node.id, "items"), EventKind.DELTA))
                continue
            name, new = event["attr"], event["new"]
            if name == "value":
                new = _number(new)
            elif name == "items":
                new = _numbers(new)
            elif new is not None:
                new = self._decode(new, present)
                present[new.id] = new  # What comes after it in the edit may speak of it.
            steps.append((name, node, new))
            written.append(Written((node.id, name), EventKind.WRITE))
        return Prepared((steps, list(events)), tuple(written), tuple(skipped))

    def apply(self, prepared: Prepared, client: str) -> Patch:
        steps, _ = prepared.payload
        assert not self.pending, "drained before each edit"
        for name, node, new in steps:
            if name == "click":
                self.queued.append(lambda node=node: self._clicked(node))  # type: ignore[misc]
            elif name == "append":
                self.append(node, new)
            elif name == "value":
                clamped = min(new, 10)
                self.set(node, "value", clamped)
                self.queued.append(lambda node=node, value=clamped: self._valued(node, value))  # type: ignore[misc]
            else:
                self.set(node, name, new)
        return self.drain()

    def run_callbacks(self) -> Iterator[Awaitable[Any]]:
        queued, self.queued = self.queued, []
        for each in queued:
            self.callback_runs += 1
            try:
                yield from each() or ()
            except ZeroDivisionError:
                self.raised += 1

    def visit(self, function: Callable[[Any], Any]) -> Iterator[Awaitable[Any]]:
        result = function(self)
        if result is not None:
            yield result

    def page(self, parts: PageParts) -> str | None:
        return None

    @property
    def hears_of_losses(self) -> bool:
        return True

    def viewer_lost(self) -> Iterator[Awaitable[Any]]:
        yield from ()

    def drain(self) -> Patch:
        pending, self.pending = self.pending, []
        reachable = self.reachable()
        wholes = {(i, name): at for at, (i, name, kind, _) in enumerate(pending) if kind is EventKind.WRITE}
        events: list[Event] = []
        for at, (identifier, name, kind, data) in enumerate(pending):
            if identifier not in reachable or (identifier not in self.known and identifier != "root"):
                continue  # Gone, or its definition carries it.
            last = wholes.get((identifier, name))
            if kind is EventKind.WRITE and at == last:
                events.append(self._write(reachable[identifier], name))
            elif kind is EventKind.DELTA and last is None:
                content = {"kind": "append", "id": identifier, "items": data}
                events.append(Event(json.dumps(content).encode(), kind, (identifier, "items")))
        gone = tuple(sorted(self.known - set(reachable)))
        self.known -= set(gone)
        return Patch(tuple(events), gone)

    def values(self, keys: Sequence[Hashable]) -> Patch:
        reachable = self.reachable()
        return Patch(tuple(self._write(reachable[i], name) for i, name in keys if i in reachable))  # type: ignore[misc]

    def differs(self, prepared: Prepared) -> Sequence[Hashable]:
        steps, _ = prepared.payload
        return [(node.id, "value") for name, node, new in steps if name == "value" and new > 10]

    def send_whole(self) -> None:
        pass

    def context(self) -> AbstractContextManager[Any]:
        return nullcontext()

    def end(self) -> Iterator[Awaitable[Any]]:
        yield from ()

    def destroy(self) -> None:
        self.nodes.clear()

    # Inside.

    def _clicked(self, node: Node) -> None:
        if node.get("child") is None:
            self.set(node, "child", self.new_node(value=3))
        else:
            self.set(node, "child", None)

    def _valued(self, node: Node, value: int) -> Iterator[Awaitable[Any]] | None:
        self.set(node, "echo", value * 2)
        if value == 7:
            raise ZeroDivisionError
        return None

    def _outline(self, event: Any) -> Written | None:
        try:
            written = self._written(event)
            hash(written and written.key)
        except (LookupError, TypeError):
            return None
        return written

    def _written(self, event: dict[str, Any]) -> Written | None:
        if event["kind"] == "click":
            return None
        if event["kind"] == "append":
            return Written((event["id"], "items"), EventKind.DELTA)
        brings = isinstance(event["new"], dict) and "define" in event["new"]
        return Written((event["id"], event["attr"]), EventKind.DELTA if brings else EventKind.WRITE)

    def _decode(self, new: dict[str, Any], present: dict[str, Node]) -> Node:
        if "ref" in new:
            if new["ref"] not in present:
                raise Refused("unknown-model", "refers to what is gone")
            return present[new["ref"]]
        node = Node(new["define"], {"value": _number(new["attributes"]["value"])})
        if node.id in self.nodes:
            raise Refused("malformed", "defined twice")
        return node

    def _write(self, node: Node, name: str) -> Event:
        value, defines = node.get(name), ()
        if name == "child" and value is not None:
            value, defines = self._encode(value)
        self.ever_sent.setdefault(node.id, set()).add(name)
        content = {"kind": "set", "id": node.id, "attr": name, "new": value}
        return Event(json.dumps(content).encode(), EventKind.WRITE, (node.id, name), tuple(defines))

    def _encode(self, node: Node) -> tuple[dict[str, Any], tuple[str, ...]]:
        if node.id in self.known:
            return {"ref": node.id}, ()
        self.known.add(node.id)
        sent = self.ever_sent.setdefault(node.id, set())
        sent.update(node.attributes)
        attributes: dict[str, Any] = {}
        defines: tuple[str, ...] = (node.id,)
        for name in sorted(sent):
            value = node.get(name)
            if name == "child" and value is not None:
                value, below = self._encode(value)
                defines += below
            attributes[name] = value
        return {"define": node.id, "attributes": attributes}, defines


def _number(value: Any) -> int:
    if not isinstance(value, int) or value < 0:
        raise Refused("bad-value", "no number from 0")
    return value


def _numbers(value: Any) -> list[int]:
    if not isinstance(value, list):
        raise Refused("bad-value", "no list")
    return [_number(each) for each in value]
