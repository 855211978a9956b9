"""Memory that the C library keeps when it is free, given back to the machine.

What is larger than 512 bytes Python has from the C library: arrays, messages, dictionaries. glibc keeps a
heap for each thread, up to eight for each processor, and gives back only what is free at the end of a heap.
Sessions come and go on any thread, so each of these heaps grows to hold its part of them, and what ends
leaves holes.
"""

from __future__ import annotations

import ctypes
import os
from typing import Any, Self

__all__ = ["Heap"]

_M_ARENA_MAX = -8
"""The parameter of `mallopt` that says how many heaps there may be; from `malloc.h`."""


class Heap:
    """What glibc lets a process ask of it.

    Args:
        library: with ``mallopt`` and ``malloc_trim``.
    """

    def __init__(self, library: Any) -> None:
        self._library = library

    @classmethod
    def of_this_process(cls) -> Self | None:
        """That of glibc; ``None`` with any other C library."""
        try:
            library = ctypes.CDLL(None)
            known = library.gnu_get_libc_version, library.mallopt, library.malloc_trim
        except (OSError, TypeError, AttributeError):
            return None
        return cls(library) if all(known) else None

    def share(self) -> None:
        """Let all threads that begin from now on share one heap, unless the environment says how many.

        They hardly wait for each other: whoever has memory from Python holds the interpreter meanwhile. It
        cannot be taken back, for nobody tells how it was before.
        """
        if "MALLOC_ARENA_MAX" not in os.environ and "arena_max" not in os.environ.get("GLIBC_TUNABLES", ""):
            self._library.mallopt(_M_ARENA_MAX, 1)

    def trim(self) -> None:
        """Give back what is free. It takes a tenth of a second for half a gigabyte; others go on meanwhile,
        until they want memory."""
        self._library.malloc_trim(0)
