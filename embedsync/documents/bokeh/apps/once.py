"""Something that the first session of a process does for all of them."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable, Generator
from typing import Any

from embedsync.errors import BuildError

__all__ = ["Once"]

_TIMEOUT = 60.0


class Once:
    """Runs steps one time; if they raise, the next one tries again."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.done = False

    def run(
        self, steps: Callable[[], Generator[Awaitable[Any], Any, None]]
    ) -> Generator[Awaitable[Any], Any, None]:
        """Run the steps unless they have run, or wait for who runs them.

        Raises:
            BuildError: they did not come to an end.
        """
        if self.done:
            return
        if not self._lock.acquire(timeout=_TIMEOUT):
            raise BuildError(f"waited {_TIMEOUT:.0f} s for the app's on_server_loaded hook")
        try:
            if not self.done:
                yield from steps()
                self.done = True
        finally:
            self._lock.release()
