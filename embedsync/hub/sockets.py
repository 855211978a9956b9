"""The sockets of a process, and how many there may be."""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable, Sequence

from embedsync import wire
from embedsync.admission import Admission
from embedsync.audit import Event
from embedsync.connection import Connection, Conversation
from embedsync.endpoint import Endpoint, Receiver
from embedsync.equipment import Equipment
from embedsync.hub.apps import Apps
from embedsync.legible import legible
from embedsync.request import Request

__all__ = ["Sockets", "close_all"]

logger = logging.getLogger("embedsync.hub")

_PROMPTLY = 1.0
"""Seconds. Browsers show a ticket as soon as their socket is open; who has shown none by then makes room."""


class Sockets:
    """Holds the endpoints of sockets, from their handshakes until they are gone.

    Args:
        equipment: the process's.
        apps: say whether visitors are looked at again.
        admission: looks at them, and sends away who has logged out.
        receiver: takes what arrives.
    """

    def __init__(self, equipment: Equipment, apps: Apps, admission: Admission, receiver: Receiver) -> None:
        self._equipment = equipment
        self._settings = equipment.settings
        self._apps = apps
        self._admission = admission
        self._receiver = receiver
        self._lock = threading.Lock()
        self._endpoints: dict[Endpoint, None] = {}  # The ones that came first stand first.
        self._stopping = False

    def __len__(self) -> int:
        return len(self._endpoints)

    @property
    def is_stopping(self) -> bool:
        """Whether nobody is let in any more."""
        return self._stopping

    def connect(self, request: Request, conversation: Conversation | None) -> Endpoint:
        """See :meth:`embedsync.hub.Hub.connect`."""
        self._equipment.logbook.open()
        clock = self._equipment.clock
        endpoint = Endpoint(
            conversation or Connection(self._settings, clock()),
            request,
            self._receiver,
            clock=clock,
            call_later=self._equipment.scheduler.call_later,
            on_closed=self._closed,
        )
        with self._lock:
            present = [each for each in self._endpoints if each.close_code is None]
            self._endpoints[endpoint] = None
            stopping = self._stopping
        if stopping:
            close_all([endpoint])
        else:
            unopened = [each for each in present if not each.is_open]
            self._limit("sockets", len(present), self._settings.sockets, endpoint, unopened)
            most_unopened = self._settings.unopened_sockets
            self._limit("unopened_sockets", len(unopened), most_unopened, endpoint, unopened)
        if endpoint.close_code is None:
            self._equipment.audit.write(Event.CONNECT, request, endpoint)
        if request.reload is not None or any(app.permission for app in self._apps.by_name.values()):
            self._admission.watch(endpoint)
        return endpoint

    def dismiss(self, matches: Callable[[Request], bool]) -> None:
        """Send away those whose handshakes match."""
        with self._lock:
            endpoints = list(self._endpoints)
        for endpoint in endpoints:
            if matches(endpoint.request):
                self._admission.dismiss(endpoint)

    def stop(self) -> list[Endpoint] | None:
        """Let nobody in any more, and tell those who are here to come back to whoever serves then. Once.

        Returns:
            Those who are here; ``None`` if this was done before.
        """
        with self._lock:
            if self._stopping:
                return None
            self._stopping = True
            endpoints = list(self._endpoints)
        spread = self._settings.drain_spread + len(endpoints) / 200
        for endpoint in endpoints:
            # Any jitter will do: it keeps no secret.
            endpoint.notify(wire.Notice(kind=wire.NoticeKind.DRAIN, retry=random.uniform(0, spread)))  # noqa: S311
        return endpoints

    def _limit(
        self, setting: str, there: int, most: int | None, newcomer: Endpoint, unopened: Sequence[Endpoint]
    ) -> None:
        """Close a socket if there are too many: one that only holds its place, or else the newcomer."""
        if most is None or there < most or newcomer.close_code is not None:
            return
        late = self._equipment.clock() - _PROMPTLY
        idle = (each for each in unopened if each.began < late and each.close_code is None)
        endpoint = next(idle, newcomer)
        self._equipment.counters.count("sockets_refused")
        logger.warning("closed a socket, for there are %d already (%r)", there, setting)
        self._equipment.audit.write(Event.LIMIT, endpoint.request, endpoint, reason=setting)
        endpoint.close(wire.Close.BUSY, f"there are {there} already ({setting!r})")

    def _closed(self, endpoint: Endpoint) -> None:
        with self._lock:
            self._endpoints.pop(endpoint, None)
        audit = self._equipment.audit
        audit.write_end(endpoint, endpoint.request, endpoint.close_code, endpoint.close_reason)
        logger.debug("a socket is gone: %s", legible(endpoint.close_reason))


def close_all(endpoints: Sequence[Endpoint]) -> None:
    """Close sockets, after what waits was sent, since the process stops."""
    for endpoint in endpoints:
        endpoint.close(wire.Close.DRAIN, "the server is stopping")
