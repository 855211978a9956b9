"""What part of a processor this process takes."""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["ProcessorUse"]


class ProcessorUse:
    """Tells it from one look to the next.

    Args:
        processor_time: seconds of processors that this process has taken.
    """

    def __init__(self, processor_time: Callable[[], float] = time.process_time) -> None:
        self._processor_time = processor_time
        self._seen: tuple[float, float] | None = None

    def look(self, now: float) -> float | None:
        """The part that was taken since the last look; more than 1 where several processors were.

        ``None`` if there was no look before, or no time has passed since.

        Args:
            now: seconds that never go back.
        """
        before, self._seen = self._seen, (now, self._processor_time())
        if before is None or before[0] == now:
            return None
        return (self._seen[1] - before[1]) / (now - before[0])

    def forget(self) -> None:
        """There was no look before the next one."""
        self._seen = None
