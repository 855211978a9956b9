"""Documents that are built in idle time, for whoever comes next."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from embedsync.app import App
from embedsync.document import Cancel

__all__ = ["Parked", "Prebuilt"]

logger = logging.getLogger("embedsync.hub")

_QUIET = 0.1
"""Seconds after a visit, or after a look at a process that has other work, until the next look."""


class Parked(Protocol):
    """A session that waits for its visitor."""

    @property
    def weight(self) -> int:
        """Bytes of its document, as far as they are known."""

    @property
    def looked_at(self) -> str | None:
        """What of the visit app code has looked at; then it must not be used."""

    def build_ahead(self, done: Callable[[BaseException | None], None]) -> None:
        """Build the document; ``done`` is told when that has ended, and what was raised."""

    def end(self) -> None:
        """End it, unless it has ended. Its ``on_ended`` is told when nothing is left."""


P = TypeVar("P", bound=Parked)


@dataclass(frozen=True, slots=True, eq=False)
class _Ready(Generic[P]):
    """A session whose document is built, or is being built, and since when."""

    app: App
    parked: P
    since: float


class Prebuilt(Generic[P]):
    """Keeps, for each app that asks for it, some sessions whose documents are built already.

    One is built at a time, and none is begun while other work waits or runs. An app that looks at its visit
    while it is built is left alone from then on; one that raised is, for as long as documents may be kept.

    Args:
        make: makes a session to be built; told what to call when it begins to end, and when it has ended.
        is_idle: whether the process has nothing else to do.
        has_room: whether there may be one session more.
        max_age: seconds that a document may be kept.
        clock: seconds that never go back.
        call_later: the scheduler.
    """

    def __init__(
        self,
        make: Callable[[App, Callable[[P], None], Callable[[P], None]], P],
        *,
        is_idle: Callable[[], bool],
        has_room: Callable[[], bool],
        max_age: float,
        clock: Callable[[], float],
        call_later: Callable[[float, Callable[[], None]], Cancel],
    ) -> None:
        self._make = make
        self._is_idle = is_idle
        self._has_room = has_room
        self._max_age = max_age
        self._clock = clock
        self._call_later = call_later
        self._lock = threading.Lock()
        self._wanted: dict[str, App] = {}
        self._ready: dict[str, deque[_Ready[P]]] = {}
        self._building: _Ready[P] | None = None
        self._ending: set[P] = set()
        self._resting: dict[str, float] = {}
        self._dependent: set[str] = set()
        self._timer: Cancel | None = None
        self._ageing: Cancel | None = None
        self._stopped = False

    def __len__(self) -> int:
        """How many sessions there are of which nobody knows yet."""
        with self._lock:
            building = self._building is not None
            return sum(map(len, self._ready.values())) + building + len(self._ending)

    @property
    def weight(self) -> int:
        """Bytes of all their documents."""
        with self._lock:
            return sum(each.parked.weight for ready in self._ready.values() for each in ready)

    def ready(self, app: App) -> int:
        """How many documents of an app wait for a visitor."""
        with self._lock:
            return len(self._ready.get(app.name, ()))

    def wish(self, app: App) -> None:
        """Build documents of an app when there is time, up to as many as it asks for."""
        if app.prebuild < 1:
            return
        with self._lock:
            self._wanted[app.name] = app
            self._look_later()

    def take(self, app: App) -> P | None:
        """Hand over a session that is built; the oldest. Another one is built in its place."""
        with self._lock:
            ready = self._ready.get(app.name)
            taken = ready.popleft().parked if ready else None
            if taken is not None and taken.looked_at is not None:
                # By a thread that it has begun.
                self._dependent.add(app.name)
                self._ending.add(taken)
        self.wish(app)
        if taken is not None and taken.looked_at is not None:
            self._tell(app, taken, None)
            taken.end()
            return None
        return taken

    def drop(self, app: App | None = None, most: int | None = None) -> int:
        """End sessions that wait, since their documents are out of date or there is no room for them.

        Args:
            app: of this app only.
            most: no more than this.

        Returns:
            How many.
        """
        with self._lock:
            waiting = [each for ready in self._ready.values() for each in ready]
            dropped = [each for each in waiting if app is None or each.app.name == app.name][:most]
            for each in dropped:
                self._ready[each.app.name].remove(each)
            if most is None and self._building is not None and app in (None, self._building.app):
                # It may have read already what is out of date now.
                dropped.append(self._building)
                self._building = None
            self._ending.update(each.parked for each in dropped)
            self._look_later()
        for each in dropped:
            each.parked.end()
        return len(dropped)

    def stop(self) -> None:
        """Build no more, and end what waits."""
        with self._lock:
            self._stopped = True
            self._wanted.clear()
            for timer in (self._timer, self._ageing):
                if timer is not None:
                    timer()
            self._timer = self._ageing = None
        self.drop()

    # Inside.

    def _look_later(self) -> None:
        """With the lock held: see after a while whether there is time for a document."""
        if self._wanted and self._timer is None and self._building is None and not self._stopped:
            self._timer = self._call_later(_QUIET, self._look)

    def _look(self) -> None:
        with self._lock:
            self._timer = None
            app = self._next()
            if app is None or self._building is not None or self._stopped:
                return
            if not self._is_idle():
                self._look_later()
                return
        if not self._has_room():
            # The next visitor asks again.
            return
        parked = self._make(app, self._is_ending, self._has_ended)
        with self._lock:
            self._building = _Ready(app, parked, self._clock())
        parked.build_ahead(lambda error: self._built(app, parked, error))

    def _next(self) -> App | None:
        """With the lock held: the app that lacks documents, of those wanted first."""
        for name, app in list(self._wanted.items()):
            rests = self._resting.get(name, 0.0) > self._clock()
            enough = len(self._ready.get(name, ())) >= app.prebuild
            if enough or rests or name in self._dependent:
                del self._wanted[name]
            else:
                return app
        return None

    def _built(self, app: App, parked: P, error: BaseException | None) -> None:
        with self._lock:
            if self._building is None or self._building.parked is not parked:
                return  # It was dropped meanwhile.
            self._building = None
            is_usable = error is None and parked.looked_at is None and not self._stopped
            if is_usable:
                self._ready.setdefault(app.name, deque()).append(_Ready(app, parked, self._clock()))
                self._age_later()
            else:
                self._ending.add(parked)
                if parked.looked_at is not None:
                    self._dependent.add(app.name)
                else:
                    self._resting[app.name] = self._clock() + self._max_age
            self._look_later()
        if is_usable:
            logger.debug("app %r: a document is ready for the next visitor", app.name)
        else:
            self._tell(app, parked, error)
            parked.end()

    def _tell(self, app: App, parked: P, error: BaseException | None) -> None:
        if parked.looked_at is not None:
            logger.warning(
                "app %r: 'prebuild' has no effect, for the app looks at %s while it fills a document",
                app.name,
                parked.looked_at,
            )
        elif error is not None:
            logger.warning(
                "app %r: no document could be built ahead of visitors ('prebuild'); the next attempt is in "
                "%.0f s",
                app.name,
                self._max_age,
                exc_info=error,
            )

    def _age_later(self) -> None:
        """With the lock held: look for documents that have become too old when the first one has."""
        oldest = min((ready[0].since for ready in self._ready.values() if ready), default=None)
        if oldest is not None and self._ageing is None and not self._stopped:
            self._ageing = self._call_later(max(0.0, oldest + self._max_age - self._clock()), self._age)

    def _age(self) -> None:
        old: list[P] = []
        with self._lock:
            self._ageing = None
            since = self._clock() - self._max_age
            for name, ready in self._ready.items():
                while ready and ready[0].since <= since:
                    each = ready.popleft()
                    old.append(each.parked)
                    self._wanted[name] = each.app
            self._ending.update(old)
            self._age_later()
            self._look_later()
        for parked in old:
            parked.end()

    def _is_ending(self, parked: P) -> None:
        """It ends, whoever has ended it."""
        with self._lock:
            for ready in self._ready.values():
                for each in [each for each in ready if each.parked is parked]:
                    ready.remove(each)
            if self._building is not None and self._building.parked is parked:
                self._building = None
            self._ending.add(parked)

    def _has_ended(self, parked: P) -> None:
        with self._lock:
            self._ending.discard(parked)
