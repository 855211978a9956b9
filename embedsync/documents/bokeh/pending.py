"""Changes of a document that no browser was told of yet."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from embedsync.documents.bokeh.columns import Arrays
from embedsync.documents.bokeh.keys import ROOTS, TITLE, Key
from embedsync.documents.bokeh.private import Model

__all__ = ["Change", "Delta", "Pending", "RootsChange", "Signal", "TitleChange", "Write"]

_MOST_DELTAS = 256
"""Deltas kept for one property; beyond that its whole value is the shorter message."""


class Write:
    """A property was given another value; which one is looked up when it is encoded."""

    # No dataclass: one is made for each change of each property, and a frozen one takes thrice as long.
    __match_args__ = ("model", "attribute")
    __slots__ = ("attribute", "key", "model")

    def __init__(self, model: Model, attribute: str) -> None:
        self.model = model
        self.attribute = attribute
        self.key: Key = (model.id, attribute)
        """What it writes."""


@dataclass(frozen=True, slots=True)
class Delta:
    """A part of a property changed: ``fields`` of the event, copied when it happened.

    ``makes`` are the arrays that must come of it in browsers, by the names of the columns.
    """

    kind: str
    model: Model
    attribute: str
    fields: dict[str, Any]
    makes: Arrays = field(default_factory=dict)

    @property
    def key(self) -> Key:
        """What it writes."""
        return (self.model.id, self.attribute)


@dataclass(frozen=True, slots=True)
class RootsChange:
    """Roots were added or removed; which ones is seen when it is encoded."""

    key: Key = ROOTS


@dataclass(frozen=True, slots=True)
class TitleChange:
    """The title changed."""

    key: Key = TITLE


@dataclass(frozen=True, slots=True)
class Signal:
    """A message to the browsers, or whatever else only happens: its fields, copied."""

    kind: str
    fields: dict[str, Any]
    key: Key = None


Change = Write | Delta | RootsChange | TitleChange | Signal


class Pending:
    """Changes in the order in which they began, each whole value once.

    A whole-value write takes the deltas of its property with it, those before and those after.
    """

    __slots__ = ("_changes", "_deltas", "_number", "_whole")

    def __init__(self) -> None:
        self._number = itertools.count()
        self._changes: dict[int, Change] = {}
        self._whole: dict[Key, int] = {}
        self._deltas: dict[Key, list[int]] = {}

    def __bool__(self) -> bool:
        return bool(self._changes)

    def __contains__(self, key: Key) -> bool:
        return key in self._whole or key in self._deltas

    def __iter__(self) -> Iterator[Change]:
        return iter(list(self._changes.values()))

    def written(self) -> list[Key]:
        """All keys that are written."""
        return [*self._whole, *self._deltas]

    def add(self, change: Change) -> None:
        """Note a change."""
        if isinstance(change, Delta):
            self._add_delta(change)
        elif isinstance(change, Signal):
            self._append(change)
        elif (key := change.key) not in self._whole:
            if key in self._deltas:
                self.drop(key)
            self._whole[key] = self._append(change)

    def drop(self, key: Key) -> list[Change]:
        """Forget what is noted under ``key``, and return it."""
        numbers = self._deltas.pop(key, [])
        if key in self._whole:
            numbers.append(self._whole.pop(key))
        return [self._changes.pop(each) for each in numbers]

    def make_whole(self, key: Key | None = None) -> None:
        """Send the whole value in place of the deltas under ``key``, or of all deltas."""
        for each in [key] if key is not None else list(self._deltas):
            for number in self._deltas.pop(each, []):
                delta = self._changes.pop(number)
                if isinstance(delta, Delta) and each not in self._whole:
                    self._whole[each] = number
                    self._changes[number] = Write(delta.model, delta.attribute)

    def take(self) -> list[Change]:
        """Hand over everything, in order."""
        if not self._changes:
            return []
        if len(self._changes) == 1:
            changes = [*self._changes.values()]
        else:
            changes = [self._changes[number] for number in sorted(self._changes)]
        self._changes.clear()
        self._whole.clear()
        self._deltas.clear()
        return changes

    def _add_delta(self, delta: Delta) -> None:
        if delta.key in self._whole:
            return
        numbers = self._deltas.setdefault(delta.key, [])
        numbers.append(self._append(delta))
        if len(numbers) > _MOST_DELTAS:
            self.make_whole(delta.key)

    def _append(self, change: Change) -> int:
        number = next(self._number)
        self._changes[number] = change
        return number
