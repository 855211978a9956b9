"""Requests as no browser would make them: every header as it is given, in order, once or twice."""

from __future__ import annotations

import base64
import os
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

__all__ = ["Answer", "Headers", "ask", "knock"]

TIMEOUT = 20.0

Headers = list[tuple[str, str]]


@dataclass(frozen=True)
class Answer:
    """What a server has answered."""

    status: int
    headers: Headers
    body: str

    def values(self, name: str) -> list[str]:
        """All headers of a name."""
        return [value for each, value in self.headers if each.lower() == name.lower()]

    def names(self, beginning: str) -> list[str]:
        """The headers whose names begin so."""
        return [each for each, _ in self.headers if each.lower().startswith(beginning.lower())]


def ask(url: str, method: str = "GET", headers: Headers | None = None, body: bytes = b"") -> Answer:
    """Ask, and read the answer to its end."""
    sent = [*(headers or []), ("Connection", "close")]
    if body or method == "POST":
        sent += [("Content-Length", str(len(body)))]
    return _answer(url, method, sent, body)


def knock(url: str, headers: Headers | None = None, protocols: str = "", timeout: float = TIMEOUT) -> int:
    """Ask for a WebSocket; the status: 101 if it opened, 0 if nobody answers. It is left at once."""
    key = base64.b64encode(os.urandom(16)).decode()
    sent = [
        *(headers or []),
        ("Connection", "Upgrade"),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Key", key),
        ("Sec-WebSocket-Version", "13"),
        *([("Sec-WebSocket-Protocol", protocols)] if protocols else []),
    ]
    try:
        return _answer(url, "GET", sent, b"", timeout).status
    except TimeoutError:
        return 0


def _answer(url: str, method: str, headers: Headers, body: bytes, timeout: float = TIMEOUT) -> Answer:
    parts = urlsplit(url)
    target = f"{parts.path}?{parts.query}" if parts.query else parts.path
    hosts = [] if any(name == "Host" for name, _ in headers) else [("Host", parts.netloc)]
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in [*hosts, *headers])]
    with socket.create_connection((parts.hostname or "", parts.port or 80), timeout) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode("latin-1") + body)
        head, rest = _read_head(connection)
        first, *fields = head.decode("latin-1").split("\r\n")
        status = int(first.split(" ")[1])
        length = _length(fields) if method != "HEAD" else 0
        while ("Connection", "close") in headers and len(rest) < length and (part := connection.recv(65536)):
            rest += part
    split = [each.partition(":") for each in fields]
    return Answer(
        status, [(name, value.strip()) for name, _, value in split], rest.decode("utf-8", "replace")
    )


def _length(fields: list[str]) -> float:
    """How long the body is; without end if only the end of the connection tells."""
    declared = [each.partition(":")[2] for each in fields if each.lower().startswith("content-length:")]
    return float(declared[0]) if declared else float("inf")


def _read_head(connection: socket.socket) -> tuple[bytes, bytes]:
    read = b""
    while b"\r\n\r\n" not in read:
        part = connection.recv(65536)
        if not part:
            return b"HTTP/1.1 0 it hung up", b""
        read += part
    head, _, rest = read.partition(b"\r\n\r\n")
    return head, rest
