"""A browser without a window: fetches a page, opens its documents over one socket, speaks frames."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from html import unescape
from socket import IPPROTO_TCP, TCP_NODELAY
from typing import Any
from urllib.parse import urljoin, urlsplit

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from embedsync import wire
from embedsync.document import Buffer
from tests.support import canaries

TIMEOUT = 30.0


@dataclass
class Element:
    """An ``<embed-app>`` that was found in a page."""

    page: str
    attributes: dict[str, str]

    @property
    def ticket(self) -> str:
        return self.attributes["ticket"]

    @property
    def endpoint(self) -> str:
        return urljoin(self.page, self.attributes["endpoint"].rstrip("/") + "/")


def fetch(url: str, headers: dict[str, str] | None = None) -> str:
    request = urllib.request.Request(url, headers=headers or {})
    with urllib.request.urlopen(request, timeout=TIMEOUT) as response:
        return response.read().decode()


def elements_of(url: str, headers: dict[str, str] | None = None) -> list[Element]:
    found = re.findall(r"<embed-app((?:\s+[\w-]+=\"[^\"]*\")*)\s*>", fetch(url, headers))
    elements = [
        Element(url, {n: unescape(v) for n, v in re.findall(r"([\w-]+)=\"([^\"]*)\"", each)})
        for each in found
    ]
    for each in elements:
        canaries.plant("a ticket", each.attributes.get("ticket", ""))
    return elements


@dataclass
class Attached:
    """One document of a client: where it stands, and all frames that came for it."""

    number: int
    opened: wire.Opened | None = None
    document: dict[str, Any] = field(default_factory=dict)
    buffers: dict[str, bytes] = field(default_factory=dict)
    seq: int = 0
    cseq: int = 0
    frames: list[wire.ServerFrame] = field(default_factory=list)

    @property
    def ops(self) -> list[wire.Op]:
        return [each for each in self.frames if isinstance(each, wire.Op)]

    def model(self, name: str) -> dict[str, Any]:
        """The definition of the model that the app calls ``name``."""
        found = [each for each in _objects(self.document) if each.get("attributes", {}).get("name") == name]
        assert len(found) == 1, f"{len(found)} models are named {name!r}"
        return found[0]


class Client:
    """One socket. Frames are taken when they are waited for."""

    def __init__(self, endpoint: str, **headers: str) -> None:
        self.endpoint = endpoint
        # As browsers do; a test that is none says so by an empty one.
        named = {"Origin": origin_of(endpoint), **headers}
        self._headers = {name: value for name, value in named.items() if value}
        canaries.plant_cookies(headers.get("Cookie", ""))
        self._stack = ExitStack()
        self.socket = self._connect()
        self.attached: dict[int, Attached] = {}
        self.pings = 0

    def _connect(self) -> ClientConnection:
        url = re.sub("^http", "ws", urljoin(self.endpoint, "socket"))
        socket = connect(
            url,
            additional_headers=self._headers,
            max_size=None,
            max_queue=None,  # Like a browser, it reads whether anybody waits for it or not.
            open_timeout=TIMEOUT,
            ping_interval=None,
        )
        # As browsers do; otherwise an answer to a ping holds up the edit that follows it.
        socket.socket.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
        return self._stack.enter_context(socket)

    @classmethod
    def visit(cls, url: str, **headers: str) -> tuple[Client, Attached]:
        """Open a page and its first document."""
        element = elements_of(url, headers)[0]
        client = cls(element.endpoint, **headers)
        return client, client.open(element.ticket)

    def open(self, ticket: str) -> Attached:
        """Trade a ticket for a document, and wait for it."""
        attached = self.begin(wire.Open(protocol=1, ticket=ticket))
        self.wait(lambda: bool(attached.document) or self.closed_with(attached) is not None)
        return attached

    def begin(self, frame: wire.Open) -> Attached:
        attached = Attached(len(self.attached) + 1)
        self.attached[attached.number] = attached
        self.send(attached, frame)
        return attached

    def resume(self, earlier: Attached) -> Attached:
        """Go on, on this new socket, where a document of another socket was."""
        assert earlier.opened is not None
        attached = Attached(len(self.attached) + 1, document=earlier.document, buffers=earlier.buffers)
        attached.seq, attached.cseq = earlier.seq, earlier.cseq
        self.attached[attached.number] = attached
        resume = wire.Resume(
            session=earlier.opened.session,
            client=earlier.opened.client,
            secret=earlier.opened.secret,
            epoch=earlier.opened.epoch,
            seq=earlier.seq,
        )
        self.send(attached, wire.Open(protocol=1, resume=resume))
        self.wait(lambda: attached.opened is not None or self.closed_with(attached) is not None)
        return attached

    def send(self, attached: Attached, frame: wire.ClientFrame, buffers: list[Buffer] | None = None) -> None:
        self.socket.send(wire.frame(attached.number, wire.encode_payload(frame, buffers or [])))

    def edit(self, attached: Attached, *events: dict[str, Any], buffers: list[Buffer] | None = None) -> int:
        """Send an edit; returns its number."""
        assert attached.opened is not None
        attached.cseq += 1
        edit = wire.Edit(
            cseq=attached.cseq, base=attached.seq, epoch=attached.opened.epoch, events=list(events)
        )
        self.send(attached, edit, buffers)
        return attached.cseq

    def set(self, attached: Attached, name: str, attribute: str, value: Any) -> int:
        """Change a property of the model that the app calls ``name``."""
        return self.edit(attached, change(attached.model(name)["id"], attribute, value))

    def result(self, attached: Attached, cseq: int) -> wire.Result:
        """Wait for the answer to an edit."""

        def answer() -> wire.Result | None:
            answers = [each for each in attached.frames if isinstance(each, wire.Result)]
            return next((each for each in answers if each.cseq >= cseq), None)

        return self.wait(answer)

    def value(self, attached: Attached, name: str, attribute: str) -> Any:
        """The last value of a property that an op or a result has brought, else the document's."""
        model = attached.model(name)
        value = model["attributes"].get(attribute)
        for frame in attached.frames:
            if isinstance(frame, wire.Op | wire.Result):
                for raw in frame.events if isinstance(frame, wire.Op) else frame.values:
                    event = json.loads(bytes(raw))
                    if event["kind"] == "ModelChanged" and event["model"]["id"] == model["id"]:
                        value = event["new"] if event["attr"] == attribute else value
        return value

    def wait_for_value(self, attached: Attached, name: str, attribute: str, value: Any) -> None:
        self.wait(lambda: self.value(attached, name, attribute) == value)

    def wait(self, condition: Callable[[], Any], timeout: float = TIMEOUT) -> Any:
        """Take frames until ``condition`` returns something true; returns that."""
        while not (outcome := condition()):
            self._take(timeout)
        return outcome

    def wait_closed(self) -> int:
        """Take frames until the server closes the socket; returns the code."""
        try:
            while True:
                self._take(TIMEOUT)
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd is not None else 1006

    def closed_with(self, attached: Attached) -> int | None:
        """The code with which a document was closed or refused."""
        return next((each.code for each in attached.frames if isinstance(each, wire.Closed)), None)

    def cut(self) -> None:
        """Lose the connection, without goodbye."""
        self.socket.socket.shutdown(2)
        self.socket.close_socket()

    def close(self) -> None:
        self._stack.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _take(self, timeout: float) -> None:
        message = self.socket.recv(timeout=timeout)
        assert isinstance(message, bytes), "all frames are binary"
        number, frame, buffers = wire.decode_server_frame(message)
        if number == 0:
            if isinstance(frame, wire.Ping):
                self.pings += 1
                self.socket.send(wire.frame(0, wire.encode_payload(wire.Pong())))
            return
        attached = self.attached[number]
        attached.frames.append(frame)
        attached.buffers.update(buffers)
        match frame:
            case wire.Opened():
                attached.opened = frame
                canaries.plant("the secret of a session", frame.secret)
            case wire.SnapshotFrame():
                attached.document, attached.seq = json.loads(bytes(frame.document)), frame.seq
            case wire.Op():
                assert frame.from_ == attached.seq, "no gap"
                attached.seq = frame.seq
            case wire.Result() if frame.own and frame.seq > attached.seq:
                # Others are answers to edits that a snapshot has shown already.
                assert frame.seq == attached.seq + 1, "no gap"
                attached.seq = frame.seq


def origin_of(url: str) -> str:
    """The origin of a page of the site that has this URL, be it that of a socket."""
    parts = urlsplit(url)
    return f"{parts.scheme.replace('ws', 'http')}://{parts.netloc}"


def change(model_id: str, attribute: str, value: Any) -> dict[str, Any]:
    return {"kind": "ModelChanged", "model": {"id": model_id}, "attr": attribute, "new": value}


def press(button_id: str) -> dict[str, Any]:
    """A person presses a button."""
    values = {"type": "map", "entries": [["model", {"id": button_id}]]}
    data = {"type": "event", "name": "button_click", "values": values}
    return {"kind": "MessageSent", "msg_type": "bokeh_event", "msg_data": data}


def _objects(value: Any) -> list[dict[str, Any]]:
    """All definitions of models inside a JSON value."""
    found: list[dict[str, Any]] = []
    if isinstance(value, dict):
        if value.get("type") == "object" and "id" in value:
            found.append(value)
        for each in value.values():
            found += _objects(each)
    elif isinstance(value, list):
        for each in value:
            found += _objects(each)
    return found
