"""Stands in for an endpoint, for tests of what carries messages to one."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Any

__all__ = ["Hearing"]


class Hearing:
    """Says what the test has it say to each message.

    Args:
        answers: what is said to a message.
    """

    def __init__(self, answers: Callable[[bytes], list[bytes]]) -> None:
        self._answers: deque[bytes] = deque()
        self._answer = answers
        self.threads: set[int] = set()
        self.on_ready: Callable[[], None] = lambda: None
        self.call_on_writer: Any = None
        self.close_code: int | None = None
        self.has_left = threading.Event()

    def receive(self, message: bytes | str) -> None:
        self.threads.add(threading.get_ident())
        self.say(*self._answer(message.encode() if isinstance(message, str) else bytes(message)))

    def say(self, *messages: bytes) -> None:
        self._answers.extend(messages)
        self.on_ready()

    @property
    def ready(self) -> bool:
        return bool(self._answers) or self.close_code is not None

    def take(self) -> list[bytes]:
        taken = []
        while self._answers:
            taken.append(self._answers.popleft())
        return taken

    def close(self, code: int, reason: str = "") -> None:
        self.close_code = code
        self.on_ready()

    def lost(self) -> None:
        self.has_left.set()
