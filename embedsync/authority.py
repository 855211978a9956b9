"""Write authority: what a browser may change, asked before anything is applied."""

from __future__ import annotations

from typing import Any, Protocol

__all__ = ["Authority", "Permissive"]


class Authority(Protocol):
    """Decides on each part of an edit, before any of it is applied.

    Each method returns if the change is allowed and raises
    :class:`~embedsync.errors.Refused` with code ``forbidden`` otherwise. ``model`` is the
    document's own object.
    """

    def write(self, model: Any, attribute: str, value: Any) -> None:
        """May a browser set this property to this decoded value?"""

    def delta(self, model: Any, attribute: str, data: Any) -> None:
        """May a browser stream to, or patch, this property?"""

    def event(self, model: Any | None, name: str) -> None:
        """May a browser send this event or message? ``model`` is ``None`` for the document's."""

    def create(self, model: Any) -> None:
        """May a browser bring this new model?"""

    def structure(self, change: str) -> None:
        """May a browser change roots or title? ``change`` is the kind of the event."""


class Permissive:
    """Allows what ``bokeh serve`` allows: everything."""

    def write(self, model: Any, attribute: str, value: Any) -> None:
        """Allow it."""

    def delta(self, model: Any, attribute: str, data: Any) -> None:
        """Allow it."""

    def event(self, model: Any | None, name: str) -> None:
        """Allow it."""

    def create(self, model: Any) -> None:
        """Allow it."""

    def structure(self, change: str) -> None:
        """Allow it."""
