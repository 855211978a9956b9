"""What stands for a visit while a document is built ahead of it: nothing of Django shows whose it will be.

Where Django keeps language, time zone and prefix of a request there stand objects that tell the request's
``ahead`` when app code looks at them, also through ``gettext``, ``localtime`` or ``reverse``.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, NoReturn

from django.urls import base as urls
from django.utils import timezone
from django.utils.translation import trans_real

from embedsync.ahead import Ahead
from embedsync.request import Request
from embedsync_django.surroundings import connections_of_thread, surrounded

__all__ = ["nobody"]

_ABSENT = object()
# Where Django keeps what is active. Its functions take nothing but languages, zones and text.
_PLACES: tuple[Any, ...] = tuple(
    getattr(module, name)
    for module, name in ((trans_real, "_active"), (timezone, "_active"), (urls, "_prefixes"))
)


def nobody() -> Request:
    """The request of nobody: database connections are treated as in any turn."""
    return Request(thread_context=_surroundings, awaiting=_surrounded)


@contextmanager
def _surroundings(request: Request) -> Iterator[None]:
    with connections_of_thread(), _unseen(request.ahead):
        yield


async def _surrounded(request: Request, awaitable: Awaitable[Any]) -> Any:
    async def unseen() -> Any:
        with _unseen(request.ahead):
            return await awaitable

    return await surrounded(replace(request, page={}), unseen())


@contextmanager
def _unseen(ahead: Ahead | None) -> Iterator[None]:
    if ahead is None:
        yield
        return
    before = [getattr(place, "value", _ABSENT) for place in _PLACES]
    for place, unseen in zip(_PLACES, (_Language(ahead), _Zone(ahead), _Prefix.of(ahead)), strict=True):
        place.value = unseen
    try:
        yield
    finally:
        for place, value in zip(_PLACES, before, strict=True):
            if value is not _ABSENT:
                place.value = value
            elif hasattr(place, "value"):
                del place.value


class _Language:
    """A translation into nobody's language."""

    def __init__(self, ahead: Ahead) -> None:
        self._ahead = ahead

    def __getattr__(self, name: str) -> NoReturn:
        self._ahead.look("the visitor's language")


class _Zone(dt.tzinfo):
    """Nobody's time zone."""

    def __init__(self, ahead: Ahead) -> None:
        self._ahead = ahead

    def utcoffset(self, when: dt.datetime | None, /) -> NoReturn:
        """Somebody looks."""
        self._ahead.look("the visitor's time zone")

    def dst(self, when: dt.datetime | None, /) -> NoReturn:
        """Somebody looks."""
        self._ahead.look("the visitor's time zone")

    def tzname(self, when: dt.datetime | None, /) -> NoReturn:
        """Somebody looks."""
        self._ahead.look("the visitor's time zone")

    def fromutc(self, when: dt.datetime, /) -> NoReturn:
        """Somebody looks."""
        self._ahead.look("the visitor's time zone")


class _Prefix(str):
    """Below which path nobody has found the site."""

    _ahead: Ahead

    @classmethod
    def of(cls, ahead: Ahead) -> _Prefix:
        """The prefix that this visit has not."""
        made = cls("/")
        str.__setattr__(made, "_ahead", ahead)
        return made

    def __getattribute__(self, name: str) -> Any:
        return _Prefix if name == "__class__" else _look_at(self)

    def __str__(self) -> str:
        return _look_at(self)

    def __format__(self, specification: str) -> str:
        return _look_at(self)

    def __add__(self, other: str) -> str:
        return _look_at(self)


def _look_at(prefix: _Prefix) -> NoReturn:
    ahead: Ahead = str.__getattribute__(prefix, "_ahead")
    ahead.look("the address of the page")
