"""The changes that one browser edit makes, and how to take them back."""

from __future__ import annotations

from collections.abc import Collection, MutableSequence, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from embedsync.document import EventKind, Patch, Written
from embedsync.documents.bokeh.columns import check_place, meant_for, was_patched, was_streamed
from embedsync.documents.bokeh.keys import ROOTS, TITLE, Key
from embedsync.documents.bokeh.private import (
    Document,
    Model,
    PropertyValueContainer,
    UnitsSpecPropertyDescriptor,
)
from embedsync.documents.bokeh.values import alike, copied, same

__all__ = [
    "AddRoot",
    "DecodedEdit",
    "Message",
    "PatchColumns",
    "RemoveRoot",
    "Set",
    "SetTitle",
    "Stream",
]


_ROOTS_WRITTEN = Written(ROOTS, EventKind.DELTA)
_TITLE_WRITTEN = Written(TITLE, EventKind.WRITE)


# What is put into a property as it is, unless something else is made of it.
_PLAIN = frozenset({str, float, int, bool})
_NOTHING = object()


@dataclass(slots=True)
class Set:
    """Give a property another value; with ``columns`` only those columns of it.

    Attributes:
        written: the key that it writes, unless that is the sender's own concern.
    """

    model: Model
    attribute: str
    value: Any
    columns: tuple[str, ...] | None = None
    local: bool = False
    written: Written | None = field(init=False)

    def __post_init__(self) -> None:
        kind = EventKind.WRITE if self.columns is None else EventKind.DELTA
        self.written = None if self.local else Written((self.model.id, self.attribute), kind)

    @property
    def parts(self) -> Collection[str]:
        """The columns that it changes in place; none if it puts another value there."""
        return self.columns or ()

    @property
    def changes_nothing_else(self) -> bool:
        """Whether no other value of the model can change by it before callbacks are run."""
        return False

    def apply(self, document: Document, setter: Any) -> None:
        """Do it."""
        if self.columns is None:
            self.model.set_from_json(self.attribute, copied(self.value), setter=setter)
        else:
            getattr(self.model, self.attribute).update(copied(self.value))

    def took_other(self) -> bool:
        """Whether the property now holds something else than was sent."""
        if self.columns is not None:
            data = getattr(self.model, self.attribute)
            return not all(_is(self.value.get(each), data.get(each)) for each in self.columns)
        sent = self.value
        if type(sent) in _PLAIN and self.model._property_values.get(self.attribute, _NOTHING) is sent:
            return False
        descriptor = self.model.lookup(self.attribute)
        if isinstance(descriptor, UnitsSpecPropertyDescriptor) and isinstance(sent, dict):
            sent = {name: each for name, each in sent.items() if name != "units"}
        held = getattr(self.model, self.attribute)
        return not (_is(sent, held) or _is(self.value, descriptor.get_value(self.model)))


@dataclass(slots=True)
class Stream:
    """Append to the columns of a data source."""

    model: Any
    attribute: str
    data: dict[str, Any]
    rollover: int | None
    differs: bool = False

    @property
    def written(self) -> Written:
        """The key that it writes."""
        return Written((self.model.id, self.attribute), EventKind.DELTA)

    @property
    def parts(self) -> Collection[str]:
        """The columns that it changes in place."""
        return self.data

    def apply(self, document: Document, setter: Any) -> None:
        """Do it."""
        columns = getattr(self.model, self.attribute)
        lengths = {name: len(columns[name]) for name in self.data if name in columns}
        data = {name: meant_for(columns.get(name), copied(values)) for name, values in self.data.items()}
        self.model._stream(data, self.rollover, setter)
        self.differs = not all(
            was_streamed(values, columns[name], lengths.get(name, 0), self.rollover)
            for name, values in self.data.items()
        )

    def took_other(self) -> bool:
        """Whether the browser made something else of it."""
        return self.differs


@dataclass(slots=True)
class PatchColumns:
    """Replace single values in the columns of a data source."""

    model: Any
    attribute: str
    patches: dict[str, list[tuple[Any, Any]]]
    differs: bool = False

    @property
    def written(self) -> Written:
        """The key that it writes."""
        return Written((self.model.id, self.attribute), EventKind.DELTA)

    @property
    def parts(self) -> Collection[str]:
        """The columns that it changes in place."""
        return self.patches

    def apply(self, document: Document, setter: Any) -> None:
        """Do it.

        Raises:
            ValueError: the values do not fit their places.
        """
        columns = getattr(self.model, self.attribute)
        patches = {}
        for name, each in self.patches.items():
            column = columns.get(name, [])
            for place, value in each:
                check_place(column, place, value)
            patches[name] = [(place, meant_for(column, copied(value))) for place, value in each]
        self.model.patch(patches, setter)
        self.differs = not all(
            was_patched(columns[name], place, value)
            for name, each in self.patches.items()
            for place, value in each
        )

    def took_other(self) -> bool:
        """Whether the browser made something else of it."""
        return self.differs


@dataclass(frozen=True, slots=True)
class AddRoot:
    """Add a root."""

    model: Model
    written: Written = _ROOTS_WRITTEN

    def apply(self, document: Document, setter: Any) -> None:
        """Do it."""
        document.add_root(self.model, setter)

    def took_other(self) -> bool:
        """The root is there, or adding it failed."""
        return False


@dataclass(frozen=True, slots=True)
class RemoveRoot:
    """Remove a root."""

    model: Model
    written: Written = _ROOTS_WRITTEN

    def apply(self, document: Document, setter: Any) -> None:
        """Do it."""
        document.remove_root(self.model, setter)

    def took_other(self) -> bool:
        """The root is gone."""
        return False


@dataclass(frozen=True, slots=True)
class SetTitle:
    """Change the title."""

    title: str
    written: Written = _TITLE_WRITTEN

    def apply(self, document: Document, setter: Any) -> None:
        """Do it."""
        document.set_title(self.title, setter)

    def took_other(self) -> bool:
        """A title is taken as it is."""
        return False


@dataclass(frozen=True, slots=True)
class Message:
    """A message or event for the callbacks; it changes nothing itself."""

    kind: str
    data: Any
    written: None = None

    def apply(self, document: Document, setter: Any) -> None:
        """Leave it to the callbacks."""

    def took_other(self) -> bool:
        """It is not kept anywhere."""
        return False


_DELTAS = (Stream, PatchColumns)
_CHANGING = (Set, Stream, PatchColumns)
Step = Set | Stream | PatchColumns | AddRoot | RemoveRoot | SetTitle | Message


@dataclass(slots=True)
class DecodedEdit:
    """What :meth:`embedsync.document.Document.prepare` hands to ``apply``.

    Attributes:
        steps: what to do, in order.
        merged: keys that other changes were waiting on; filled in by ``apply``.
    """

    steps: list[Step]
    merged: set[Key] = field(default_factory=set)

    @property
    def local(self) -> set[tuple[str, str]]:
        """Keys that are the sender's own concern, and that nothing else in the edit writes."""
        local = {
            (str(each.model.id), each.attribute)
            for each in self.steps
            if isinstance(each, Set) and each.local
        }
        if not local:
            return local
        return local - {each.written.key for each in self.steps if each.written is not None}

    def differing(self) -> list[Key]:
        """Keys whose value is another than the browser sent."""
        if len(self.steps) == 1 and not self.merged:
            [only] = self.steps
            return [only.written.key] if only.written is not None and only.took_other() else []
        counting: dict[Key, list[Step]] = {}
        for step in self.steps:
            if step.written is None:
                continue
            if step.written.kind is EventKind.WRITE:
                counting[step.written.key] = [step]
            else:
                counting.setdefault(step.written.key, []).append(step)
        found = {key for key, steps in counting.items() if any(each.took_other() for each in steps)}
        return [*dict.fromkeys([*self.merged, *found])]

    def made_whole(self, patch: Patch) -> set[Key]:
        """Keys that browsers could not be sent a part of, as the one whose edit it is could not be."""
        parts = {each.written.key for each in self.steps if isinstance(each, _DELTAS)}
        if not parts:
            return parts
        return {each.key for each in patch.events if each.kind is EventKind.WRITE and each.key in parts}

    def before(self, document: Document) -> _Before | _ValueBefore:
        """What the steps are about to change, as it is now."""
        if len(self.steps) == 1:
            [only] = self.steps
            if isinstance(only, Set) and only.changes_nothing_else:
                return _ValueBefore(only.model, only.attribute, document)
        return _Before(self.steps, document)


class _Before:
    """What an edit changes, as it was before: the way back, should a step fail."""

    def __init__(self, steps: Sequence[Step], document: Document) -> None:
        changing = [each for each in steps if isinstance(each, _CHANGING)]
        self._models = [_Kept(each) for each in {each.model.id: each.model for each in changing}.values()]
        self._columns = [_KeptColumns(each) for each in changing if each.parts]
        self._document = document
        self._roots, self._title = list(document._roots), document._title

    def put_back(self) -> None:
        """Undo all."""
        for columns in reversed(self._columns):
            columns.put_back()
        for model in self._models:
            model.put_back()
        self._document._roots[:] = self._roots
        self._document._title = self._title
        self._document.models.invalidate()


class _ValueBefore:
    """The same for an edit that gives one property another value, and does nothing else."""

    __slots__ = ("_attribute", "_before", "_document", "_model")

    def __init__(self, model: Any, attribute: str, document: Document) -> None:
        self._model, self._attribute, self._document = model, attribute, document
        self._before = [each.get(attribute, _NOTHING) for each in _values_of(model)]

    def put_back(self) -> None:
        """Undo it."""
        model, name = self._model, self._attribute
        for values, before in zip(_values_of(model), self._before, strict=True):
            _disown(model, name, values.get(name))
            if before is _NOTHING:
                values.pop(name, None)
            else:
                values[name] = before
                _own(model, name, before)
        self._document.models.invalidate()


def _values_of(model: Any) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """The values of a model: those that were set, and its own defaults and a theme's."""
    return model._property_values, model._unstable_default_values, model._unstable_themed_values


def _own(model: Any, name: str, value: Any) -> None:
    if isinstance(value, PropertyValueContainer):
        value._register_owner(model, model.lookup(name))


def _disown(model: Any, name: str, value: Any) -> None:
    if isinstance(value, PropertyValueContainer):
        value._unregister_owner(model, model.lookup(name))


def _is(sent: Any, held: Any) -> bool:
    return same(sent, held) and alike(sent, held)


class _Kept:
    """The property values of a model as they were."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._before = [dict(each) for each in _values_of(model)]

    def put_back(self) -> None:
        model = self._model
        for values, before in zip(_values_of(model), self._before, strict=True):
            for name, value in [*values.items()]:
                _disown(model, name, value)
            values.clear()
            values.update(before)
            for name, value in before.items():
                _own(model, name, value)


class _KeptColumns:
    """The columns of a data source as they were: a step may change some of them in place."""

    def __init__(self, step: Set | Stream | PatchColumns) -> None:
        self._container = getattr(step.model, step.attribute)
        self._columns = {each: self._container[each] for each in step.parts if each in self._container}
        self._copies = {name: copied(each) for name, each in self._columns.items()}
        self._added = [each for each in step.parts if each not in self._container]

    def put_back(self) -> None:
        for name, column in self._columns.items():
            if isinstance(column, np.ndarray):
                if column.flags.writeable:
                    column[...] = self._copies[name]
            elif isinstance(column, MutableSequence):
                column[:] = self._copies[name]
            dict.__setitem__(self._container, name, column)
        for name in self._added:
            dict.pop(self._container, name, None)
