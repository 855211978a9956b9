"""Smaller forms of files: gzip, which is there at once, and brotli, which is made in the background.

Brotli makes BokehJS a fifth smaller than gzip does, but takes most of a second for it. So a thread does it
once, when a file is first asked for, and browsers are given gzip until it is done. It needs the package
``brotli``; without it, gzip is all there is.
"""

from __future__ import annotations

import gzip
import importlib
import logging
import sys
import threading
from collections import deque
from collections.abc import Callable
from typing import cast

__all__ = ["Background", "accepts", "brotli_compressor", "gzipped"]

logger = logging.getLogger("embedsync.assets")

Compress = Callable[[bytes], bytes]

_QUALITY = 10
"""One more makes files a fiftieth smaller, and takes more than twice as long."""


def gzipped(content: bytes) -> bytes:
    """As small as gzip makes it; the same bytes each time."""
    return gzip.compress(content, compresslevel=9, mtime=0)


def brotli_compressor() -> Compress | None:
    """What compresses by brotli, or ``None`` where that is not possible.

    Under gevent it is not: its threads take turns, and all of them would wait for the compression.
    """
    monkey = sys.modules.get("gevent.monkey")
    if monkey is not None and monkey.is_module_patched("threading"):
        return None
    try:
        brotli = importlib.import_module("brotli")
    except ImportError:
        return None
    return lambda content: cast(bytes, brotli.compress(content, mode=brotli.MODE_TEXT, quality=_QUALITY))


def accepts(accepted: str, encoding: str) -> bool:
    """Whether an ``Accept-Encoding`` header names an encoding, and not to refuse it."""
    for each in accepted.split(","):
        name, _, parameters = each.strip().partition(";")
        if name.strip().lower() == encoding:
            return parameters.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


class Background:
    """Does one thing after the other on a thread that is there only while there is something to do."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[Callable[[], None]] = deque()
        self._running = False

    def submit(self, work: Callable[[], None]) -> None:
        """Do this after what was submitted before. What it raises is logged."""
        with self._lock:
            self._waiting.append(work)
            if self._running:
                return
            self._running = True
        threading.Thread(target=self._run, name="embedsync-brotli", daemon=True).start()

    def _run(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._running = False
                    return
                work = self._waiting.popleft()
            try:
                work()
            except Exception:
                logger.exception("a file could not be compressed by brotli; browsers are given it by gzip")
