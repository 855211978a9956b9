"""Sets the interpreter of this process up for many live documents, and back.

Two of its habits stall all sessions at once. A thread that computes is asked to let others run only after
5 ms, and each event of somebody else changes threads a few times. And now and then the garbage collector
walks through everything that the process holds, which with many documents takes tenths of a second. What
sessions leave behind needs no collector here; what app code leaves behind can wait until nobody else does.

And memory that sessions have left stays with the process, though it is free; see :mod:`embedsync.heap`.
"""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from embedsync.heap import Heap
from embedsync.scheduler import Timer

__all__ = ["Interpreter"]

SWITCH_INTERVAL = 0.001
"""Seconds after which a thread that computes lets another one run."""
INTERVAL = 0.5
"""Seconds between looks at what there is to collect, or to give back."""
_NEVER = 1_000_000_000
_WORTHWHILE = 0.25
"""The part of all objects that must be new for a full collection: that of Python itself."""
_URGENT = 2
"""So many times the objects that the collector knows of, for a collection that no longer waits until nobody
is served. They are counted, which itself takes hundredths of a second, when the memory for small objects has
grown as much, and then once more with each quarter that comes to it."""
_MOST = 4
"""So many times the memory for small objects, for one that waits for nothing, whatever they are."""
_LOOKS = 120
"""Looks after which memory that sessions have left is given back, though somebody is served."""


class Interpreter:
    """Looks after thread switches, garbage collections and free memory of the process, from :meth:`start` to
    :meth:`stop`.

    Args:
        call_later: the scheduler.
        submit: runs a function on a thread that does not serve sockets.
        is_idle: whether nobody has been served for a while.
        heap: gives free memory back, where that can be had.
    """

    def __init__(
        self,
        call_later: Callable[[float, Callable[[], None]], Timer],
        submit: Callable[[Callable[[], None]], None],
        is_idle: Callable[[], bool],
        heap: Heap | None = None,
    ) -> None:
        self._call_later = call_later
        self._submit = submit
        self._is_idle = is_idle
        self._heap = heap
        self._lock = threading.Lock()
        self._before: tuple[float, tuple[int, int, int]] | None = None
        self._timer: Timer | None = None
        self._collects = False
        self._objects = 1
        self._extent_before = 1.0
        self._worth_counting = 0.0
        self._apps: set[str] = set()
        self._rounds = 0
        self._collections = 0
        self._has_ended = False
        self._looks = 0
        if heap is not None:
            heap.share()  # Now: threads that serve pages begin before the first session does.

    def start(self) -> None:
        """Begin; nothing if it has begun."""
        with self._lock:
            if self._before is not None:
                return
            self._before = sys.getswitchinterval(), gc.get_threshold()
            sys.setswitchinterval(min(SWITCH_INTERVAL, sys.getswitchinterval()))
            young, middle, full = gc.get_threshold()
            # Otherwise somebody else looks after it.
            self._collects = gc.isenabled() and young > 0 and full < _NEVER
            if self._collects:
                gc.set_threshold(young, middle, _NEVER)
                self._count()
            if self._collects or self._heap is not None:
                self._timer = self._call_later(INTERVAL, self._look)

    def stop(self) -> None:
        """Leave the interpreter as it was found, but for how many heaps there may be."""
        with self._lock:
            before, self._before = self._before, None
            timer, self._timer = self._timer, None
        if before is None:
            return
        switch_interval, threshold = before
        sys.setswitchinterval(switch_interval)
        if timer is not None:
            timer.cancel()
        if self._collects:
            gc.set_threshold(*threshold)

    @contextmanager
    def building(self, app: str) -> Iterator[None]:
        """While a document of this app is built: what the first one brings along, such as modules, stays.

        It may be more than all that was there before, and is no reason to look at everything.
        """
        if not self._collects or app in self._apps:
            yield
            return
        self._apps.add(app)
        before, collections = self._extent(), self._collections
        try:
            yield
        except BaseException:
            self._apps.discard(app)
            raise
        if collections == self._collections:
            growth = 1 + max(0, self._extent() - before) / self._extent_before
            self._extent_before *= growth
            self._objects = round(self._objects * growth)

    def session_ended(self) -> None:
        """A session has left memory behind."""
        self._has_ended = True

    @property
    def growth(self) -> float:
        """By which part the objects of the process may have become more since the last full collection.

        The interpreter counts those that were made, and not how many of these are gone again.
        """
        young, middle, _ = gc.get_threshold()
        return (gc.get_count()[2] - self._rounds) * young * max(middle, 1) / self._objects

    def _is_worth_counting(self) -> bool:
        """Whether there is so much that some of it may be garbage.

        Who is served makes objects and lets go of them again, and logs fill with what the collector does not
        know of: to walk through all that a process holds because of that would stop everybody for nothing.
        """
        extent = self._extent()
        if extent < _URGENT * self._extent_before:
            self._worth_counting = 0.0
            return False
        return extent >= self._worth_counting or self._is_most()

    def _extent(self) -> float:
        """How much memory small objects take, in blocks of the interpreter.

        Where it has none, as with ``PYTHONMALLOC=malloc``, how many objects there may be at the most.
        """
        return sys.getallocatedblocks() or self._objects * (1 + self.growth)

    def _is_most(self) -> bool:
        return sys.getallocatedblocks() >= max(1, _MOST * self._extent_before)

    def _count(self) -> None:
        self._objects = _known_objects()
        self._rounds = gc.get_count()[2]
        self._extent_before = self._extent()
        self._collections += 1
        self._worth_counting = 0.0

    def _look(self) -> None:
        self._looks = self._looks + 1 if self._has_ended else 0
        is_idle = self._is_idle()
        has_grown = self._collects and self.growth >= _WORTHWHILE
        if has_grown and is_idle:
            self._submit(self._collect)
        elif has_grown and self._is_worth_counting():
            self._submit(self._collect_if_urgent)
        elif self._heap is not None and self._has_ended and (is_idle or self._looks >= _LOOKS):
            self._submit(self._trim)
        else:
            self._again()

    def _collect_if_urgent(self) -> None:
        self._worth_counting = self._extent() * (1 + _WORTHWHILE)
        if self._is_most() or _known_objects() >= _URGENT * self._objects:
            self._collect()
        else:
            self._again()

    def _collect(self) -> None:
        try:
            gc.collect()
            self._count()
        finally:
            self._trim()

    def _trim(self) -> None:
        self._has_ended = False
        try:
            if self._heap is not None:
                self._heap.trim()
        finally:
            self._again()

    def _again(self) -> None:
        with self._lock:
            if self._timer is not None:
                self._timer = self._call_later(INTERVAL, self._look)


def _known_objects() -> int:
    """How many objects the collector knows of."""
    # In one go: `len(gc.get_objects())` lets other threads run while the list holds everything, and whoever
    # looks then whether an object is held elsewhere finds that it is.
    return next(map(len, map(gc.get_objects, (None,))))
