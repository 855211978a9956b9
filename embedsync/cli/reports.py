"""What a server says of itself from time to time: ``--stats-log-frequency``, ``--mem-log-frequency``."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import logging
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from embedsync.errors import ConfigurationError
from embedsync.hub import Hub

__all__ = ["Reports"]

logger = logging.getLogger("embedsync.cli")

_MIB = 1024 * 1024


class Reports:
    """Writes reports into the log while a server runs.

    Args:
        hub: whose numbers are told.
        stats_every: seconds between its numbers, at level ``DEBUG``.
        memory_every: seconds between what memory is used, at level ``INFO``; never if 0.

    Raises:
        ConfigurationError: ``psutil`` is missing, and memory is to be told.
    """

    def __init__(self, hub: Hub, stats_every: float, memory_every: float) -> None:
        self._hub = hub
        self._stats_every = stats_every
        self._memory_every = memory_every
        self._process = _this_process() if memory_every else None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Write reports until the end of the context."""
        tasks = [asyncio.create_task(_every(self._stats_every, self._tell_numbers))]
        if self._memory_every:
            tasks.append(asyncio.create_task(_every(self._memory_every, self._tell_memory)))
        try:
            yield
        finally:
            for each in tasks:
                each.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await each

    def _tell_numbers(self) -> None:
        status, counts = self._hub.status(), self._hub.counters.read()
        faults = ", ".join(f"{name} {count}" for name, count in sorted(counts.items())) or "no faults"
        logger.debug("%d sessions, %d sockets; %s", status["sessions"], status["sockets"], faults)

    def _tell_memory(self) -> None:
        if self._process is not None:
            used = self._process.memory_info().rss / _MIB
            logger.info("%.1f MiB of memory, for %d sessions", used, self._hub.status()["sessions"])


async def _every(seconds: float, tell: Callable[[], None]) -> None:
    while True:
        await asyncio.sleep(seconds)
        tell()


def _this_process() -> Any:
    try:
        return importlib.import_module("psutil").Process(os.getpid())
    except ModuleNotFoundError as error:
        raise ConfigurationError("--mem-log-frequency needs 'psutil': pip install psutil") from error
