"""What one visitor may have of a process, on however many sockets: edits a second, and sessions."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from embedsync.app import App
from embedsync.bucket import Bucket, bursting
from embedsync.request import Request
from embedsync.settings import Settings

if TYPE_CHECKING:
    from embedsync.live import LiveSession

__all__ = ["EditsByUser", "Share", "shares_of"]

_FEW = 100
"""So many users are not worth a look at who has not edited for a while."""


class EditsByUser:
    """Counts the edits of each user. Strangers are bounded by their sockets alone.

    Args:
        rate: edits a second, after five times as many at once.
        clock: seconds that never go back.
    """

    def __init__(self, rate: float, clock: Callable[[], float]) -> None:
        self._rate = rate
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: dict[str, Bucket] = {}
        self._sweep_at = _FEW

    def __len__(self) -> int:
        return len(self._buckets)

    def allow(self, user_key: str) -> bool:
        """Whether a user may edit once more."""
        if user_key == "":
            return True
        now = self._clock()
        with self._lock:
            bucket = self._buckets.get(user_key)
            if bucket is None:
                self._sweep(now)
                bucket = self._buckets[user_key] = bursting(self._rate, now)
            return bucket.take(now)

    def _sweep(self, now: float) -> None:
        """Forget users who have not edited for a while; now and then, so that it costs little for each."""
        if len(self._buckets) < self._sweep_at:
            return
        self._buckets = {user: each for user, each in self._buckets.items() if not each.is_full(now)}
        self._sweep_at = max(_FEW, 2 * len(self._buckets))


class Share(NamedTuple):
    """How many sessions of a kind there may be."""

    setting: str
    """Where the bound is set; for the log."""
    most: int
    counts: Callable[[LiveSession], bool]
    """Whether a session is one of them."""


def shares_of(app: App, request: Request, settings: Settings) -> Iterator[Share]:
    """The bounds that a new session of an app has to keep, beside that of all sessions.

    A stranger has no name. Behind a proxy, or in a school, many have one address, so that addresses are
    counted only where the site has said how many sessions each may have.
    """
    if app.sessions is not None:
        yield Share("sessions of the app", app.sessions, lambda live: live.app is app)
    user, address = request.user_key, request.remote_address
    if user and settings.sessions_per_user is not None:
        yield Share(
            "sessions_per_user", settings.sessions_per_user, lambda live: live.info.request.user_key == user
        )
    elif not user and address and settings.sessions_per_address is not None:
        yield Share(
            "sessions_per_address", settings.sessions_per_address, lambda live: _is_from(live, address)
        )


def _is_from(live: LiveSession, address: str) -> bool:
    request = live.info.request
    return request.user_key == "" and request.remote_address == address
