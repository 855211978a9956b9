"""A process in miniature: a host that runs turns when told to, and a browser that only remembers."""

from __future__ import annotations

import asyncio
import contextvars
import itertools
import json
import math
from collections import deque
from collections.abc import Awaitable, Callable, Generator, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from embedsync.app import Recipe, SessionInfo
from embedsync.authority import Authority
from embedsync.document import Patch, Prepared, Snapshot
from embedsync.documents import load
from embedsync.documents.bokeh.document import BokehDocument
from embedsync.request import Request

Turn = Callable[[], Iterator[Awaitable[Any]] | None]


@dataclass(order=True)
class Due:
    at: float
    number: int
    call: Callable[[], None] = field(compare=False)
    cancelled: bool = field(default=False, compare=False)


class Host:
    """A :class:`embedsync.document.DocumentHost` whose clock stands still until it is moved."""

    def __init__(self) -> None:
        self.turns: deque[Turn] = deque()
        self.reports: list[tuple[BaseException, str]] = []
        self.due: list[Due] = []
        self.now = 0.0
        self._number = itertools.count()

    def post(self, turn: Turn) -> None:
        self.turns.append(turn)

    def call_later(self, seconds: float, call: Callable[[], None]) -> Callable[[], None]:
        due = Due(self.now + seconds, next(self._number), call)
        self.due.append(due)

        def cancel() -> None:
            due.cancelled = True

        return cancel

    def clock(self) -> float:
        return self.now

    def flush(self) -> None:
        raise AssertionError("nothing here flushes")

    def progress(self) -> None:
        pass

    superseded = False

    def report(self, error: BaseException, what: str) -> None:
        self.reports.append((error, what))


def run_steps(steps: Generator[Awaitable[Any], Any, Any] | Iterator[Awaitable[Any]] | None) -> Any:
    """Advance a turn to its end, awaiting what it yields."""
    if steps is None:
        return None
    value: Any = None
    while True:
        try:
            awaitable = steps.send(value) if isinstance(steps, Generator) else next(steps)
        except StopIteration as ended:
            return ended.value

        async def wait(awaitable: Awaitable[Any] = awaitable) -> Any:
            return await awaitable

        value = asyncio.run(wait())


def info(
    name: str = "session", arguments: dict[str, list[bytes]] | None = None, **request: Any
) -> SessionInfo:
    return SessionInfo(name, "app", arguments or {}, Request(**request), authority="compat")


class Live:
    """A document with its host, and a mirror of what browsers would hold."""

    def __init__(
        self,
        source: Any,
        *,
        authority: str | Authority | None = None,
        read_only: bool = False,
        session: SessionInfo | None = None,
        host: Host | None = None,
    ):
        self.host = host if host is not None else Host()
        self.recipe: Recipe = load(source, authority=authority, read_only=read_only)
        context = contextvars.copy_context()
        steps = self.recipe.build(self.host, session or info())
        document = context.run(run_steps, steps)
        assert isinstance(document, BokehDocument)
        self.document = document
        self.doc = document.bokeh
        self.patches: list[Patch] = []
        self.mirror = Mirror(document.snapshot())

    def turn(self, work: Turn) -> Patch:
        """Run a turn and drain what it changed."""

        def whole() -> Patch:
            with self.document.context():
                run_steps(work())
                return self.drain()

        return contextvars.copy_context().run(whole)

    def drain(self) -> Patch:
        patch = self.document.drain()
        self.mirror.apply(patch)
        if patch:
            self.patches.append(patch)
        return patch

    def do(self, change: Callable[[], Any]) -> list[dict[str, Any]]:
        """Let app code change something in a turn; returns the events of it."""

        def work() -> None:
            change()

        return events(self.turn(work))

    def settle(self) -> None:
        """Run all turns that wait."""
        while self.host.turns:
            self.turn(self.host.turns.popleft())

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        end = self.host.now + seconds
        while due := min((each for each in self.host.due if each.at <= end), default=None):
            self.host.due.remove(due)
            self.host.now = max(self.host.now, due.at)
            if not due.cancelled:
                due.call()
            self.settle()
        self.host.now = end

    def edit(self, *edits: dict[str, Any], buffers: dict[str, bytes] | None = None) -> Edited:
        """Take an edit as the engine does: prepare, apply, callbacks, drain."""
        document = self.document

        def whole() -> Edited:
            with ExitStack() as stack:
                stack.enter_context(document.context())
                before = self.drain()
                prepared = document.prepare(list(edits), buffers or {}, "client")
                patch = document.apply(prepared, "client")
                self.mirror.apply(patch)
                differs = list(document.differs(prepared))
                run_steps(document.run_callbacks())
                effects = self.drain()
            return Edited(before, prepared, patch, differs, effects)

        return contextvars.copy_context().run(whole)

    def check_mirror(self) -> None:
        """The browsers hold what a fresh one would be shown."""
        fresh = Mirror(self.document.snapshot())
        fresh.forget_unreachable()
        self.mirror.forget_unreachable()
        assert self.mirror.title == fresh.title
        assert self.mirror.roots == fresh.roots
        assert self.mirror.models == fresh.models

    def value_of(self, model: Any, attribute: str) -> Any:
        """What the browsers hold for a property."""
        return self.mirror.models[model.id]["attributes"].get(attribute)


@dataclass
class Edited:
    before: Patch
    prepared: Prepared
    patch: Patch
    differs: list[Any]
    effects: Patch


def events(patch: Patch) -> list[dict[str, Any]]:
    return [json.loads(each.content) for each in patch.events]


def write(model: Any, attribute: str, value: Any, **more: Any) -> dict[str, Any]:
    """A browser's write of a property."""
    return {"kind": "ModelChanged", "model": {"id": model.id}, "attr": attribute, "new": value, **more}


def click(model: Any) -> dict[str, Any]:
    """A browser's click on a button."""
    values = {"type": "map", "entries": [["model", {"id": model.id}]]}
    event = {"type": "event", "name": "button_click", "values": values}
    return {"kind": "MessageSent", "msg_type": "bokeh_event", "msg_data": event}


class Mirror:
    """What a browser knows: models by id, with their attributes as they came over the wire.

    Buffers are put in the place of the references to them. Definitions of known models update.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        content = json.loads(snapshot.content)
        self.models: dict[str, dict[str, Any]] = {}
        self.messages: list[Any] = []
        self._buffers = {each.id: each.data for each in snapshot.buffers}
        self.title = content["title"]
        self.roots = [self._value(each)["id"] for each in content["roots"]]
        self._value(content["config"])
        self.config: str = content["config"]["id"]
        self._used: set[str] = set()

    def apply(self, patch: Patch) -> None:
        for each in patch.events:
            self._buffers = {buffer.id: buffer.data for buffer in each.buffers}
            self._apply(json.loads(each.content))
        for each in patch.gone:
            self.models.pop(each)

    def forget_unreachable(self) -> None:
        reached: set[str] = set()
        todo = list(self.roots)
        while todo:
            each = todo.pop()
            if each not in reached:
                reached.add(each)
                todo.extend(_ids(self.models[each]["attributes"]))
        self.models = {each: self.models[each] for each in reached}

    def _apply(self, event: dict[str, Any]) -> None:
        match event["kind"]:
            case "ModelChanged":
                self._attributes(event)[event["attr"]] = self._value(event["new"])
            case "ColumnDataChanged":
                self._columns(event).update(self._value(event["data"]))
            case "ColumnsStreamed":
                columns = self._columns(event)
                for name, values in self._value(event["data"]).items():
                    column = [*columns[name], *values]
                    rollover = event["rollover"]
                    columns[name] = column if rollover is None else column[max(0, len(column) - rollover) :]
            case "ColumnsPatched":
                columns = self._columns(event)
                for name, patches in self._value(event["patches"]).items():
                    column = list(columns[name])
                    for index, value in patches:
                        column[index] = value
                    columns[name] = column
            case "RootAdded":
                self.roots.append(self._value(event["model"])["id"])
            case "RootRemoved":
                self.roots.remove(event["model"]["id"])
            case "TitleChanged":
                self.title = event["title"]
            case "MessageSent":
                self.messages.append((event["msg_type"], self._value(event["msg_data"])))
            case other:
                raise AssertionError(other)

    def _attributes(self, event: dict[str, Any]) -> dict[str, Any]:
        assert event["model"].keys() == {"id"}
        attributes: dict[str, Any] = self.models[event["model"]["id"]]["attributes"]
        return attributes

    def _columns(self, event: dict[str, Any]) -> dict[str, Any]:
        columns: dict[str, Any] = self._attributes(event).setdefault(event["attr"], {})
        return columns

    def _value(self, rep: Any) -> Any:
        import numpy as np

        if isinstance(rep, list):
            return [self._value(each) for each in rep]
        if not isinstance(rep, dict):
            return rep
        match rep.get("type"):
            case "object" if "id" in rep:
                known = self.models.setdefault(rep["id"], {"name": rep["name"], "attributes": {}})
                known["attributes"].update(
                    {name: self._value(each) for name, each in rep.get("attributes", {}).items()}
                )
                return {"id": rep["id"]}
            case "map":
                return {_key(self._value(key)): self._value(each) for key, each in rep.get("entries", [])}
            case "set":
                return {"set": sorted(map(str, rep.get("entries", [])))}
            case "slice":
                return slice(rep["start"], rep["stop"], rep["step"])
            case "number":
                return {"number": rep["value"]}
            case "bytes":
                return self._buffers[rep["data"]["id"]]
            case "typed_array":
                return _numbers(np.frombuffer(self._value(rep["array"]), dtype=rep["dtype"]).tolist())
            case "ndarray":
                array = self._value(rep["array"])
                if isinstance(array, bytes):
                    return _numbers(np.frombuffer(array, dtype=rep["dtype"]).reshape(rep["shape"]).tolist())
                return array
            case None if rep.keys() == {"id"}:
                assert rep["id"] in self.models, f"{rep['id']} is not known to the browser"
                return rep
        return {name: self._value(each) for name, each in rep.items()}


def _key(key: Any) -> Any:
    if isinstance(key, dict):
        return tuple(key.items())
    return tuple(map(_key, key)) if isinstance(key, list) else key


def _numbers(found: Any) -> Any:
    """Those that JSON does not know as they are outside of arrays, where each is equal to itself."""
    if isinstance(found, list):
        return [_numbers(each) for each in found]
    if isinstance(found, float) and not math.isfinite(found):
        return {"number": "nan" if math.isnan(found) else f"{found:+}"}
    return found


def _ids(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if value.keys() == {"id"} and isinstance(value["id"], str):
            yield value["id"]
        for each in value.values():
            yield from _ids(each)
    elif isinstance(value, list):
        for each in value:
            yield from _ids(each)


def kinds(found: Sequence[dict[str, Any]]) -> list[str]:
    return [each["kind"] for each in found]
