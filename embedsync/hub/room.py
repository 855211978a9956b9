"""Whether there may be one session more, and which are ended for it: those that nobody looks at."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

from embedsync.live import LiveSession
from embedsync.orphans import Orphans
from embedsync.prebuilt import Prebuilt
from embedsync.settings import Settings
from embedsync.visitors import Share

__all__ = ["Made", "Room"]


class Made(NamedTuple):
    """What has come of making room."""

    spare: int = 0
    """Sessions that count still, but are ending."""
    is_heavy: bool = False
    """All sessions together are as large as they may be."""


class Room:
    """Keeps the bounds on how many sessions there are, and how large.

    Args:
        settings: the bounds.
        sessions: gives those that are there.
        orphans: those that nobody looks at.
        prebuilt: those that nobody knows yet.
    """

    def __init__(
        self,
        settings: Settings,
        sessions: Callable[[], Collection[LiveSession]],
        orphans: Orphans,
        prebuilt: Prebuilt[LiveSession],
    ) -> None:
        self._settings = settings
        self._sessions = sessions
        self._orphans = orphans
        self._prebuilt = prebuilt

    def make(self, shares: Sequence[Share]) -> Made:
        """End sessions that nobody looks at, as far as one more needs their room.

        Args:
            shares: the bounds on sessions of its kind.
        """
        is_heavy = not self._has_bytes_left()
        is_full = len(self._sessions()) >= self._settings.sessions
        spare = 1 if is_full and self._orphans.make_room("sessions") is not None else 0
        for share in shares:
            if _is_used_up(share, self._sessions()):
                self._orphans.make_room(share.setting, share.counts)
        return Made(spare, is_heavy)

    def lacking(self, made: Made, shares: Sequence[Share], sessions: Collection[LiveSession]) -> str:
        """The setting for whose sake there is no room for one more; empty if there is."""
        if len(sessions) - made.spare >= self._settings.sessions:
            return "sessions"
        if made.is_heavy:
            return "session_bytes"
        return next((each.setting for each in shares if _is_used_up(each, sessions)), "")

    def is_there_for_prebuilt(self) -> bool:
        """Whether there may be one more that nobody has come to yet."""
        sessions = self._sessions()
        weight = sum(live.weight for live in sessions) + self._prebuilt.weight
        there = len(sessions) + len(self._prebuilt)
        return there < self._settings.sessions and weight < self._settings.session_bytes

    def take_from_prebuilt(self) -> None:
        """There is one more: those that nobody knows yet make room for it."""
        beyond = len(self._sessions()) + len(self._prebuilt) - self._settings.sessions
        self._prebuilt.drop(most=max(0, beyond))

    def _has_bytes_left(self) -> bool:
        """Whether there is room for another session; those that nobody looks at make some."""
        beyond = sum(live.weight for live in self._sessions()) - self._settings.session_bytes
        if beyond + self._prebuilt.weight >= 0:
            self._prebuilt.drop()
        while beyond >= 0 and (freed := self._orphans.make_room("session_bytes")) is not None:
            beyond -= freed
        return beyond < 0


def _is_used_up(share: Share, sessions: Collection[LiveSession]) -> bool:
    return sum(share.counts(live) for live in sessions if not live.is_ending) >= share.most
