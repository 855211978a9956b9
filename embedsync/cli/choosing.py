"""Which of several processes a connection goes to, by how it begins."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from itertools import count

from embedsync.asgi.pages import ENDPOINT

__all__ = ["Chooser", "endpoint_of"]

_PLACE = re.compile(rf"/{ENDPOINT}-(\d+)/".encode())
_FILE = re.compile(rf" \S*/{ENDPOINT}/".encode())
_SESSION = re.compile(rb"[?&]bokeh-session-id=([^&\s]+)")
_TOKEN = re.compile(rb"^sec-websocket-protocol:\s*bokeh\s*,\s*([\w-]+)", re.IGNORECASE | re.MULTILINE)
_SOCKET = re.compile(rb"^upgrade:\s*websocket\s*\r$", re.IGNORECASE | re.MULTILINE)
_BROWSER = re.compile(rb"^(?:user-agent|x-forwarded-for|x-real-ip):.*$", re.IGNORECASE | re.MULTILINE)


def endpoint_of(number: int) -> str:
    """What the endpoint is called that pages of a process name, so that their sockets come back to it."""
    return f"{ENDPOINT}-{number}"


class Chooser:
    """Chooses among processes.

    Whose address names a process goes there: pages name the one that has made them. A session that is named,
    in the address or in the token of a stock client, has its process. Other sockets go where those of the
    same browser go. Pages take turns, and so does all else, but apart from them: a browser loads a page on
    one connection and its files on several others, and visitors would meet in one process if these counted.

    Args:
        processes: how many there are.
    """

    def __init__(self, processes: int) -> None:
        self._processes = processes
        self._pages = count()
        self._files = count()

    def choose(self, head: bytes, address: str) -> int:
        """The number of a process.

        Args:
            head: of the first request, as far as it is known; empty if it cannot be read.
            address: of the visitor.
        """
        first = head.partition(b"\r\n")[0]
        if (named := _PLACE.search(first)) is not None:
            return int(named[1]) % self._processes
        if (session := _SESSION.search(first)) is not None:
            return self._of(session[1])
        if (token := _TOKEN.search(head)) is not None and (named_there := _session_of(token[1])):
            return self._of(named_there)
        if not head or _SOCKET.search(head) is not None:
            return self._of(b"\n".join([address.encode(), *_BROWSER.findall(head)]))
        return next(self._files if _FILE.search(first) else self._pages) % self._processes

    def _of(self, name: bytes) -> int:
        return int.from_bytes(hashlib.sha256(name).digest()[:8]) % self._processes


def _session_of(token: bytes) -> bytes:
    """The session that a token of Bokeh's names. Whether it is authentic is for the process to see."""
    try:
        held = json.loads(base64.urlsafe_b64decode(token + b"=" * (-len(token) % 4)))
        return str(held["session_id"]).encode()
    except (ValueError, KeyError, TypeError):
        return b""
