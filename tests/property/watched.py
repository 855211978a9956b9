"""A toy document that notes what becomes of each change of a browser, and what it was like at each seq."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Generator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from embedsync.app import SessionInfo, Traits
from embedsync.document import DocumentHost, Patch, Prepared
from embedsync.errors import Refused
from tests.property.toy import Node, ToyDocument

__all__ = ["Pause", "WatchedRecipe", "WatchedToy"]


class Pause:
    """What app code awaits: it ends when the test says so."""

    def __await__(self) -> Generator[Any, Any, None]:
        raise AssertionError("nobody awaits this")


class WatchedToy(ToyDocument):
    """A toy in a live session.

    Besides what :class:`ToyDocument` says: a callback for the values 4 to 6 publishes an ``echo`` of 1,
    waits, and goes on then; a raising callback is reported; a script is named with each ``echo`` of 16.

    Args:
        host: the session.
        slow_end: the hook for the session's end waits for something.

    Attributes:
        epoch: names this build of the document, once its session has begun.
        states: what the document was like after each op, by its seq.
        applied: how often each change of a browser was applied, by its number.
        refused: those that were refused.
        skipped: those that met a model that is gone.
        called: how often the callback of each change ran.
        raised: how often a callback raised.
    """

    def __init__(self, host: DocumentHost, *, slow_end: bool) -> None:
        super().__init__()
        self.host = host
        self.epoch = ""
        self.states = [self.state()]
        self.applied: Counter[int] = Counter()
        self.refused: set[int] = set()
        self.skipped: set[int] = set()
        self.called: Counter[int] = Counter()
        self.refusals = 0
        self.ended = False
        self._slow_end = slow_end

    def prepare(self, events: Sequence[Any], buffers: dict[str, bytes], client: str) -> Prepared:
        try:
            return super().prepare(events, buffers, client)
        except Refused:
            self.refusals += 1
            self.refused.update(each["number"] for each in events)
            raise

    def apply(self, prepared: Prepared, client: str) -> Patch:
        _, events = prepared.payload
        self.skipped.update(events[at]["number"] for at in prepared.skipped)
        made = [each for at, each in enumerate(events) if at not in prepared.skipped]
        self.applied.update(each["number"] for each in made)
        patch = super().apply(prepared, client)
        with_callback = [each["number"] for each in made if _has_callback(each)]
        self.queued = [self._noted(*each) for each in zip(with_callback, self.queued, strict=True)]
        return patch

    def drain(self) -> Patch:
        patch = super().drain()
        if patch:
            if any(b'"echo", "new": 16' in each.content for each in patch.events):
                patch = Patch(patch.events, patch.gone, ("sixteen.js",))
            self.states.append(self.state())
        return patch

    def end(self) -> Iterator[Awaitable[Any]]:
        self.ended = True
        if self._slow_end:
            yield Pause()

    def _noted(
        self, number: int, call: Callable[[], Iterator[Awaitable[Any]] | None]
    ) -> Callable[[], Iterator[Awaitable[Any]] | None]:
        def noted() -> Iterator[Awaitable[Any]]:
            self.called[number] += 1
            try:
                yield from call() or ()
            except ZeroDivisionError as error:
                self.raised += 1
                self.host.report(error, "callback")

        return noted

    def _valued(self, node: Node, value: int) -> Iterator[Awaitable[Any]] | None:
        if 4 <= value <= 6:
            return self._waits(node, value)
        return super()._valued(node, value)

    def _waits(self, node: Node, value: int) -> Iterator[Awaitable[Any]]:
        self.set(node, "echo", 1)
        self.host.flush()
        yield Pause()
        self.set(node, "echo", value * 2)


def _has_callback(event: dict[str, Any]) -> bool:
    return event["kind"] == "click" or event.get("attr") == "value"


class WatchedRecipe:
    """Makes such documents.

    Args:
        made: told of each, with its session.

    Attributes:
        slow: building a document waits for something.
        slow_end: so does ending a session.
        fails: building the next document raises.
    """

    kind = "toy"

    def __init__(self, made: Callable[[DocumentHost, WatchedToy], None]) -> None:
        self.slow = self.slow_end = self.fails = False
        self._made = made
        self.traits = Traits(own_page=False)

    def check(self) -> None:
        pass

    def load(self) -> None:
        return None

    def scripts(self) -> Mapping[str, Path]:
        return {}

    def build(self, host: DocumentHost, session: SessionInfo) -> Generator[Awaitable[Any], Any, WatchedToy]:
        if self.slow:
            yield Pause()
        if self.fails:
            self.fails = False
            raise RuntimeError("this app cannot be built")
        document = WatchedToy(host, slow_end=self.slow_end)
        self._made(host, document)
        return document

    def close(self) -> None:
        pass
