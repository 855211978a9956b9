"""Browsers without a window, one kind for each protocol. They decode what they count, and nothing else."""

from __future__ import annotations

import asyncio
import json
import re
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from html import unescape
from typing import Any, Self
from urllib.parse import urljoin

import msgspec

from benchmarks.websocket import WebSocket, encode, fetch
from embedsync import wire

PATIENCE = 60.0
"""Seconds after which an update that has not come is said to be missing."""


class MissingError(Exception):
    """An update did not come in time."""


class Visitor(ABC):
    """One page with one app, open."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.address = address
        self.document: bytes = b""
        self.updates = 0
        """Changes of the watched model that have come."""
        self.arrived = 0.0
        """When the last of them came."""
        self.last = b""
        """The last of them."""
        self.socket = WebSocket(self._take, lambda: self._changed.set())
        self._marker = b""
        self._on_update: Callable[[bytes], None] | None = None
        self._ids: dict[str, str] = {}
        self._changed = asyncio.Event()

    @classmethod
    async def visit(cls, address: tuple[str, int], app: str, shared: str = "") -> Self:
        """Open the page of an app, and its document; with those who gave the same ``shared`` name, if any."""
        visitor = cls(address)
        async with asyncio.timeout(120):
            await visitor._connect(app, shared)
            while not visitor.document:
                await visitor._wait()
        return visitor

    def watch(self, name: str, on_update: Callable[[bytes], None] | None = None) -> None:
        """Count changes of the model of this name from now on.

        Args:
            name: as the app calls it.
            on_update: called with each change, as it comes.
        """
        self._marker = self.id(name).encode()
        self.updates = 0
        self._on_update = on_update
        self.socket.keeps_all = False  # Which model has changed is said at the beginning.

    def id(self, name: str) -> str:
        """The id of the model that the app calls so."""
        if not self._ids:
            self._ids = dict(_names(json.loads(self.document)))
        return self._ids[name]

    def set(self, name: str, attribute: str, value: Any) -> None:
        """Change a property, as a person does."""
        model = {"id": self.id(name)}
        self._edit({"kind": "ModelChanged", "model": model, "attr": attribute, "new": value})

    def click(self, name: str) -> None:
        """Press a button."""
        values = {"type": "map", "entries": [["model", {"id": self.id(name)}]]}
        event = {"type": "event", "name": "button_click", "values": values}
        self._edit({"kind": "MessageSent", "msg_type": "bokeh_event", "msg_data": event})

    async def until(self, updates: int, patience: float = PATIENCE) -> None:
        """Wait until so many changes have come.

        Raises:
            MissingError: they have not.
        """
        if self.updates >= updates:
            return  # A hundred viewers are waited for, and most have it already.
        try:
            async with asyncio.timeout(patience):
                while self.updates < updates:
                    await self._wait()
        except TimeoutError:
            raise MissingError(f"{self.updates} of {updates} updates came within {patience} s") from None

    async def until_last(self, text: bytes, patience: float = PATIENCE) -> None:
        """Wait for a change that contains this.

        Raises:
            MissingError: it has not come.
        """
        try:
            async with asyncio.timeout(patience):
                while text not in self.last:
                    await self._wait()
        except TimeoutError:
            raise MissingError(f"{text!r} did not come within {patience} s") from None

    def leave(self) -> None:
        """Close the page."""
        self.socket.close()

    async def _wait(self) -> None:
        if self.socket.closed:
            raise MissingError("the server has closed the socket")
        self._changed.clear()
        await self._changed.wait()

    def _notice(self, content: bytes) -> None:
        """Count a change, if it is of the watched model."""
        if self._marker and self._marker in content:
            self.updates += 1
            self.last = content
            self.arrived = time.perf_counter()
            self._changed.set()
            if self._on_update is not None:
                self._on_update(content)

    def _loaded(self, document: bytes) -> None:
        self.document = document
        self._changed.set()

    @abstractmethod
    async def _connect(self, app: str, shared: str) -> None: ...

    @abstractmethod
    def _edit(self, event: dict[str, Any]) -> None: ...

    @abstractmethod
    def _take(self, message: bytes) -> None: ...


_OP, _RESULT, _SNAPSHOT = b'{"type":"op"', b'{"type":"result"', b'{"type":"snapshot"'
_OUR_ELEMENT = re.compile(rb'<embed-app[^>]* ticket="([^"]*)" endpoint="([^"]*)"')


class OurVisitor(Visitor):
    """Speaks frames; like our browser runtime, it acknowledges, and merges what it may not send yet."""

    def __init__(self, address: tuple[str, int]) -> None:
        super().__init__(address)
        self._opened: wire.Opened | None = None
        self._cseq = self._seq = self._answered = self._to_acknowledge = 0
        self._acknowledged = -1
        self._unsent: dict[tuple[str, str], dict[str, Any]] = {}

    async def _connect(self, app: str, shared: str) -> None:
        page = await fetch(self.address, f"/{app}-shared" if shared else f"/{app}")
        found = _OUR_ELEMENT.search(page)
        assert found is not None, "no app on the page"
        ticket, endpoint = (unescape(each.decode()) for each in found.groups())
        await self.socket.connect(self.address, urljoin(f"/{app}", f"{endpoint}/socket"))
        self._send(wire.Open(protocol=wire.PROTOCOL_VERSION, ticket=ticket))

    def _edit(self, event: dict[str, Any]) -> None:
        assert self._opened is not None
        if self._cseq - self._answered >= self._opened.limits.unanswered_edits:
            key = event["model"]["id"], event["attr"]  # Only values are sent so fast here, and no clicks.
            self._unsent[key] = event
            return
        self._cseq += 1
        self._send(wire.Edit(cseq=self._cseq, base=self._seq, epoch=self._opened.epoch, events=[event]))

    def _send(self, frame: wire.ClientFrame, attachment: int = 1) -> None:
        self.socket.send(wire.frame(attachment, wire.encode_payload(frame)))

    def _take(self, message: bytes) -> None:
        if message.startswith(_OP, 8):
            self._seq = int(_SEQ.search(message)[1])  # type: ignore[index]
            self._acknowledge()
            self._notice(message)
        elif message.startswith(_RESULT, 8):
            self._take_result(message)
        else:
            self._take_rare(message)

    def _take_result(self, message: bytes) -> None:
        frame = wire.decode_server_frame(message)[1]
        assert isinstance(frame, wire.Result)
        assert frame.commit, f"refused: {frame.code}"
        self._answered, self._seq = frame.cseq, frame.seq
        self._acknowledge()
        for key in list(self._unsent):
            self._edit(self._unsent.pop(key))

    def _take_rare(self, message: bytes) -> None:
        _, frame, _ = wire.decode_server_frame(message)
        match frame:
            case wire.Opened():
                self._opened = frame
            case wire.SnapshotFrame():
                self._seq = frame.seq
                self._loaded(bytes(frame.document))
            case wire.Ping():
                self._send(wire.Pong(), 0)
            case wire.Closed():
                self.leave()

    def _acknowledge(self) -> None:
        if self._acknowledged == self._answered:
            return
        self._to_acknowledge += 1
        if self._to_acknowledge >= 32:
            self._to_acknowledge = 0
            self._acknowledged = self._answered
            self._send(wire.Ack(seq=self._seq, cseq=self._answered))


_SEQ = re.compile(rb'"seq":(\d+)')
_BOKEH_TOKEN = re.compile(rb'"token":"([^"]+)"')


class BokehVisitor(Visitor):
    """Speaks the protocol of Bokeh's server: of each message a header, metadata, content, and buffers."""

    def __init__(self, address: tuple[str, int]) -> None:
        super().__init__(address)
        self._parts: list[bytes] = []
        self._kind = ""
        self._length = 0
        self._sent = 0

    async def _connect(self, app: str, shared: str) -> None:
        query = f"?bokeh-session-id={shared}" if shared else ""
        page = await fetch(self.address, f"/{app}{query}")
        found = _BOKEH_TOKEN.search(page)
        assert found is not None, "no token on the page"
        await self.socket.connect(self.address, f"/{app}/ws", ("bokeh", found[1].decode()))

    def _edit(self, event: dict[str, Any]) -> None:
        self._send("PATCH-DOC", {"events": [event]})

    def _send(self, kind: str, content: dict[str, Any]) -> None:
        self._sent += 1
        parts: list[dict[str, Any]] = [{"msgid": str(self._sent), "msgtype": kind}, {}, content]
        self.socket.write(b"".join(encode(msgspec.json.encode(each), text=True) for each in parts))

    def _take(self, part: bytes) -> None:
        if not self._parts:
            header = msgspec.json.decode(part)
            self._kind = header["msgtype"]
            self._length = 3 + 2 * header.get("num_buffers", 0)
        self._parts.append(part)
        if len(self._parts) < self._length:
            return
        content, self._parts = self._parts[2], []
        if self._kind == "PATCH-DOC":
            self._notice(content)
        elif self._kind == "ACK":
            self._send("PULL-DOC-REQ", {})
        elif self._kind == "PULL-DOC-REPLY":
            self._loaded(content)
        elif self._kind == "ERROR":
            raise AssertionError(content.decode())


def _names(value: Any) -> list[tuple[str, str]]:
    """Name and id of each model in the JSON of a document."""
    found: list[tuple[str, str]] = []
    if isinstance(value, dict):
        if "id" in value and isinstance(name := value.get("attributes", {}).get("name"), str):
            found.append((name, value["id"]))
        for each in value.values():
            found += _names(each)
    elif isinstance(value, list):
        for each in value:
            found += _names(each)
    return found
