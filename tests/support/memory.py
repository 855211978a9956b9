"""A hub without sockets: toy apps, and browsers in memory."""

from __future__ import annotations

import threading
import time
from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from pathlib import Path
from typing import Any

from embedsync import wire
from embedsync.app import SessionInfo, Traits
from embedsync.document import Buffer, Document, DocumentHost
from embedsync.hub import Hub
from embedsync.request import Request
from tests.property.toy import ToyDocument

WAIT = 20.0


class ToyRecipe:
    """Makes toy documents; ``build`` may be given, to wait, fail or look at the session."""

    kind = "toy"

    def __init__(self, begin: Callable[[SessionInfo], Any] | None = None) -> None:
        self.documents: list[ToyDocument] = []
        self.hosts: list[DocumentHost] = []
        self.closed = False
        self._begin = begin
        self.traits = Traits(own_page=False)

    def check(self) -> None:
        pass

    def load(self) -> None:
        return None

    def scripts(self) -> Mapping[str, Path]:
        return {}

    def build(self, host: DocumentHost, session: SessionInfo) -> Generator[Awaitable[Any], Any, Document]:
        if self._begin is not None:
            awaitable = self._begin(session)
            if awaitable is not None:
                yield awaitable
        document = ToyDocument()
        self.documents.append(document)
        self.hosts.append(host)
        return document

    def close(self) -> None:
        self.closed = True


class MemoryBrowser:
    """One socket in memory, with one attachment; frames are collected as they come."""

    def __init__(self, hub: Hub, **request: Any) -> None:
        self.frames: list[wire.ServerFrame] = []
        self._changed = threading.Condition()
        self.endpoint = hub.connect(Request(**request))
        self.endpoint.on_ready = self._take

    def open(self, ticket: str) -> MemoryBrowser:
        self.send(wire.Open(protocol=1, ticket=ticket))
        return self

    def resume(self, opened: wire.Opened, seq: int = 0, cseq: int = 0) -> MemoryBrowser:
        position = wire.Resume(
            session=opened.session,
            client=opened.client,
            secret=opened.secret,
            epoch=opened.epoch,
            seq=seq,
            cseq=cseq,
        )
        self.send(wire.Open(protocol=1, resume=position))
        return self

    def send(self, frame: wire.ClientFrame, buffers: Sequence[Buffer] = ()) -> None:
        self.endpoint.receive(wire.frame(1, wire.encode_payload(frame, buffers)))

    def edit(self, cseq: int, *events: dict[str, Any], buffers: Sequence[Buffer] = ()) -> None:
        opened = self.wait_for(wire.Opened)
        self.send(wire.Edit(cseq=cseq, base=0, epoch=opened.epoch, events=list(events)), buffers)

    def wait_for(self, kind: type[Any], count: int = 1) -> Any:
        """Wait for the frame number ``count`` of a kind."""

        def found() -> Any:
            ofkind = [each for each in self.frames if isinstance(each, kind)]
            return ofkind[count - 1] if len(ofkind) >= count else None

        with self._changed:
            assert self._changed.wait_for(found, WAIT), f"no {kind.__name__} came: {self.frames}"
            return found()

    def _take(self) -> None:
        frames = [wire.decode_server_frame(each)[1] for each in self.endpoint.take()]
        with self._changed:
            self.frames += frames
            self._changed.notify_all()


def change(name: str, value: Any, node: str = "root") -> dict[str, Any]:
    return {"kind": "set", "id": node, "attr": name, "new": value}


def wait_until(condition: Callable[[], Any]) -> None:
    """Wait for a state that nothing announces."""
    deadline = time.monotonic() + WAIT
    while not condition():
        assert time.monotonic() < deadline, "the state did not come"
        time.sleep(0.005)
