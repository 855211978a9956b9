"""A client that speaks Bokeh's protocol by hand, as rudely as a test wants it."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from typing import Any, NamedTuple, Self

from bokeh.util.token import generate_jwt_token
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from tests.contract.client import origin_of

TIMEOUT = 20


class Said(NamedTuple):
    """A message of the server."""

    kind: str
    answers: str | None
    content: Any
    buffers: dict[str, bytes]


def parts(identifier: str, kind: str, content: Any, buffers: Sequence[bytes] = ()) -> list[str | bytes]:
    """The WebSocket messages of a message."""
    header: dict[str, Any] = {"msgid": identifier, "msgtype": kind}
    if buffers:
        header["num_buffers"] = len(buffers)
    found: list[str | bytes] = [json.dumps(header), "{}", json.dumps(content)]
    for number, data in enumerate(buffers):
        found += [json.dumps({"id": str(number)}), data]
    return found


def assembled(messages: Iterable[str | bytes]) -> Iterable[Said]:
    """Put what a server has sent together."""
    rest = iter(messages)
    for first in rest:
        header, _, content = json.loads(first), next(rest), json.loads(next(rest))
        buffers = {}
        for _ in range(header.get("num_buffers", 0)):
            name, data = json.loads(next(rest))["id"], next(rest)
            assert isinstance(data, bytes)
            buffers[name] = data
        yield Said(header["msgtype"], header.get("reqid"), content, buffers)


class Stock:
    """One socket."""

    def __init__(self, url: str, token: str | None = None, **headers: str) -> None:
        self.token = generate_jwt_token("by-hand", signed=False) if token is None else token
        self._stack = ExitStack()
        self.socket: ClientConnection = self._stack.enter_context(
            connect(
                url.replace("http", "ws", 1),
                subprotocols=[Subprotocol("bokeh"), Subprotocol(self.token)],
                additional_headers={"Origin": origin_of(url), **headers},
                proxy=None,
                compression=None,
                ping_interval=None,
                max_size=None,
                close_timeout=1,
            )
        )
        self._numbers = itertools.count(1)
        self._is_greeted = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def send(self, kind: str, content: Any = None, buffers: Sequence[bytes] = ()) -> str:
        identifier = f"m{next(self._numbers)}"
        for each in parts(identifier, kind, content if content is not None else {}, buffers):
            self.socket.send(each)
        return identifier

    def write(self, model: str, attribute: str, value: Any) -> str:
        event = {"kind": "ModelChanged", "model": {"id": model}, "attr": attribute, "new": value}
        return self.send("PATCH-DOC", {"events": [event]})

    def next(self) -> Said:
        def come() -> Iterable[str | bytes]:
            while True:
                yield self.socket.recv(timeout=TIMEOUT)

        return next(iter(assembled(come())))

    def wait_for(self, kind: str) -> Said:
        while (said := self.next()).kind != kind:
            pass
        return said

    def greeted(self) -> Self:
        """Wait for the message that has to be the first."""
        if not self._is_greeted:
            assert self.next().kind == "ACK"
            self._is_greeted = True
        return self

    def pull(self) -> dict[str, Any]:
        self.greeted().send("PULL-DOC-REQ")
        found: dict[str, Any] = self.wait_for("PULL-DOC-REPLY").content["doc"]
        return found

    def close_code(self) -> int:
        """With which code the server closes the socket, whatever it says before."""
        try:
            for _ in self.socket:
                pass
        except ConnectionClosed:
            pass
        code = self.socket.close_code
        assert code is not None, "the socket was cut without a word"
        return code


def model_named(document: dict[str, Any], name: str) -> str:
    """Id of the model of this name in the JSON of a document."""
    below: list[Any] = [document]
    while below:
        each = below.pop()
        if isinstance(each, dict):
            if each.get("type") == "object" and each.get("attributes", {}).get("name") == name:
                found: str = each["id"]
                return found
            below.extend(each.values())
        elif isinstance(each, list):
            below.extend(each)
    raise AssertionError(f"there is no model {name!r}")
