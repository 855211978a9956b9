"""The faults, by number: what they are, and who proves those that are not proved here."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ELSEWHERE", "FAULTS", "WAITING", "Elsewhere"]

FAULTS: dict[int, str] = {
    1: "The connection is cut in the middle of a message",
    2: "Frames come twice, in another order, or not at all",
    3: "The connection is cut after an edit was sent and before it was answered",
    4: "The network swallows everything without a word (half-open connection)",
    5: "A laptop sleeps for an hour",
    6: "The server is told to stop (rolling deploy)",
    7: "The server is killed",
    8: "Redis is down, restarts empty, or fails over",
    9: "Redis is slow",
    10: "A subscriber of Redis is silently detached",
    11: "A command to Redis is cancelled",
    12: "A browser reads nothing while much is sent to it",
    13: "Very many sockets at once",
    14: "The clock of the browser is wrong",
    15: "A callback raises",
    16: "A callback never returns",
    17: "A callback blocks for long",
    18: "The app raises while it is built",
    19: "Sessions are greedy for memory",
    20: "Sessions leak, or stall others when they end",
    21: "The server forks after the site was imported",
    22: "The code is changed and the server reloads",
    23: "The page goes into the back/forward cache, the tab is restored or duplicated",
    24: "Two tabs",
    25: "A proxy cuts idle connections, or knows no WebSockets",
    26: "Malformed WebSocket frames",
    27: "200,000 fragments of one byte",
    28: "A message larger than the limit",
    29: "Malformed envelopes",
    30: "Binary buffers that are truncated, missing, or too many",
    31: "Arrays that are not what they say: type, shape, byte order",
    32: "NaN, infinity, huge and tiny numbers, −0",
    33: "NaN is not equal to itself",
    34: "Difficult text: halves of surrogate pairs, NUL, right-to-left, four-byte characters",
    35: "JSON that nests very deep",
    36: "An old page meets a new server",
    37: "Arrays after a reconnect",
    38: "Recovery fails silently and the page starts afresh",
    39: "Callbacks use up the database's connections (Django)",
    40: "The log is stuck",
}


@dataclass(frozen=True)
class Elsewhere:
    """Which tests prove it, and what they do."""

    tests: str
    done: str


ELSEWHERE: dict[int, Elsewhere] = {
    5: Elsewhere("tests/browser", "needs a real page: Chromium is frozen, or stopped, and wakes up"),
    14: Elsewhere(
        "tests/javascript/socket.test.js, tests/browser/test_hardships.py",
        "what a page sends is compared, with its clock right and wrong by a day; in Chromium such a page "
        "loses its connection and comes back; a clock that jumps costs one reconnect",
    ),
    23: Elsewhere("tests/browser", "needs a real page: back and forward, a window that is duplicated"),
    24: Elsewhere(
        "tests/browser/test_sharing.py, tests/property",
        "two tabs with sessions of their own, and two on one; random edits of both converge",
    ),
    25: Elsewhere(
        "tests/browser/test_states.py, tests/javascript/socket.test.js",
        "in Chromium, behind nginx that lets no WebSockets through, the page and its console name the cause",
    ),
    36: Elsewhere(
        "tests/browser/test_states.py, tests/javascript/reload.test.js",
        "a page of another version loads itself again, once, and ten times at most; then it asks the person",
    ),
    39: Elsewhere(
        "tests of embedsync_django", "500 callbacks that use the database; connections are counted"
    ),
}

WAITING: dict[int, str] = {
    6: "three workers that restart one by one need sessions that find their worker: the issue on several "
    "workers. What one worker does when it is told to stop is proved above.",
    8: "no part of embedsync uses Redis yet",
    9: "no part of embedsync uses Redis yet",
    10: "no part of embedsync uses Redis yet",
    11: "no part of embedsync uses Redis yet",
}
