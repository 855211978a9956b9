"""Smaller forms of files: gzip, which is there at once, and brotli, which is made in the background.

Brotli makes BokehJS a fifth smaller than gzip does, but takes most of a second for it. So a thread does it
once, when a file is first asked for, and browsers are given gzip until it is done. It needs the package
``brotli``; without it, gzip is all there is.
"""

from __future__ import annotations

import gzip
import importlib
import sys
from collections.abc import Callable
from typing import cast

__all__ = ["accepts", "brotli_compressor", "gzipped"]

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
