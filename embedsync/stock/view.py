"""What a stock client holds, as far as the server can know it.

Its protocol does not say what it has applied, nor does it keep what others write from what it has just
written itself. So whatever was written lately on both sides is told to it again: see :meth:`View.crosses`.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from embedsync.stock.known import defined_in, defined_in_values, referring

__all__ = ["Made", "View"]

_UNCERTAIN = 60.0
"""Seconds after which a client has applied what it was sent. In a worse case it is told once too often."""
_MOST_TOLD = 4096
"""Properties to remember for that long; with more, all of them count."""

_PARTS = ("ColumnsStreamed", "ColumnsPatched", "ColumnDataChanged")
"""Kinds of events that change a part of what is there."""

_encode = msgspec.json.Encoder().encode


class _Named(msgspec.Struct, frozen=True):
    id: str


class _Event(msgspec.Struct, frozen=True):
    kind: str
    model: _Named | None = None
    attr: str | None = None


class _Roots(msgspec.Struct, frozen=True):
    roots: list[msgspec.Raw]


_decode_event = msgspec.json.Decoder(_Event).decode
_decode_roots = msgspec.json.Decoder(_Roots).decode
_decode_named = msgspec.json.Decoder(_Named).decode


@dataclass(frozen=True, slots=True)
class Made:
    """What a change by the client itself means for what it has.

    Attributes:
        defined: ids of models that it brings.
        roots: kinds of events, and the roots that they are about.
        whole: it is another document in place of the one before.
    """

    defined: tuple[str, ...] = ()
    roots: tuple[tuple[str, str], ...] = ()
    whole: bool = False

    @classmethod
    def of(cls, events: Sequence[dict[str, Any]]) -> Made:
        """What events of the client mean."""
        roots = [
            (each["kind"], identifier)
            for each in events
            if each.get("kind") in ("RootAdded", "RootRemoved")
            and (identifier := _id_of(each.get("model"))) is not None
        ]
        return cls(tuple(defined_in_values(events)), tuple(roots))


class View:
    """The roots and models that a client has, and what it was told lately.

    Attributes:
        roots: ids of its roots, in order.
        put_off: events that correct what it has written, by what they write; told once it pauses.
    """

    def __init__(self) -> None:
        self.roots: list[str] = []
        self.put_off: dict[Hashable, msgspec.Raw] = {}
        self._known: set[str] = set()
        self._told: dict[Hashable, float] = {}
        self._all_told = float("-inf")

    def shows(self, document: bytes, now: float) -> None:
        """It is given a whole document."""
        if self._known:
            self._all_told = now  # It may be writing on the one that it has.
        self.put_off = {}
        self.roots = [_decode_named(each).id for each in _decode_roots(document).roots]
        self._known = set(defined_in(document))

    def tell(self, events: Sequence[msgspec.Raw], gone: Sequence[str], now: float) -> list[bytes]:
        """Events in the words of Bokeh that do what these of ours do."""
        told = [each for event in events for each in self._in_its_words(bytes(event), now)]
        self._known.difference_update(gone)
        for key in [each for each in self.put_off if isinstance(each, tuple) and each[0] in gone]:
            del self.put_off[key]
        return told

    def correct(self, events: Sequence[msgspec.Raw]) -> Sequence[msgspec.Raw]:
        """Put corrections off; gives those that cannot be, because they bring models, or are of another kind.

        One that comes while a person drags something would move it back under their hand, to where it
        was a moment ago. When they pause they are told, and what they have written meanwhile replaces it.
        """
        at_once = []
        for event in events:
            about = _decode_event(event)
            if about.kind != "ModelChanged" or defined_in(bytes(event)) or b'"type":"bytes"' in bytes(event):
                at_once.append(event)
            else:
                self.put_off[_key_of_event(about)] = event
        return at_once

    def corrections(self) -> Sequence[msgspec.Raw]:
        """Take what was put off."""
        corrections, self.put_off = list(self.put_off.values()), {}
        return corrections

    def made(self, change: Made) -> None:
        """It has made a change itself, and the server has taken it."""
        if change.whole:
            self.roots, self._known = [], set()
        self._known.update(change.defined)
        for kind, identifier in change.roots:
            self._note_roots(kind, identifier)

    def is_echo(self, event: dict[str, Any]) -> bool:
        """Whether an event adds a root that is there, as BokehJS does with all that it has pulled again."""
        return event.get("kind") == "RootAdded" and _id_of(event.get("model")) in self.roots

    def crosses(self, events: Sequence[dict[str, Any]], now: float) -> bool:
        """Whether these may have been made before something was applied that writes the same.

        Corrections of what they write are not told any more: these have an outcome of their own.
        """
        replaced = [self.put_off.pop(_key(each), None) for each in events]
        if any(each is not None for each in replaced) or now < self._all_told + _UNCERTAIN:
            return True
        return any(now < self._told.get(_key(each), float("-inf")) + _UNCERTAIN for each in events)

    def _in_its_words(self, event: bytes, now: float) -> Iterator[bytes]:
        if event.startswith(b'{"kind":"Roots"'):
            yield from self._roots(event, now)
            return
        about = _decode_event(event)
        if about.kind in _PARTS and (whole := self.put_off.get(_key_of_event(about))) is not None:
            yield bytes(whole)  # The part was made on top of it.
        self._note(about, now)
        if about.model is not None:
            self._note_roots(about.kind, about.model.id)
        defined = defined_in(event)
        if self._known.isdisjoint(defined):
            yield event
        else:
            *writes, changed = referring(event, self._known)
            for each in writes:
                # What a definition says of a model that it has, is a write like any other.
                self._note(_decode_event(each), now)
                yield each
            yield changed
        self._known.update(defined)

    def _roots(self, event: bytes, now: float) -> Iterator[bytes]:
        """From the roots that it has to those that there are; it cannot be told their order."""
        wanted = {_decode_named(each).id: each for each in _decode_roots(event).roots}
        for identifier in [each for each in self.roots if each not in wanted]:
            removed = _encode({"kind": "RootRemoved", "model": {"id": identifier}})
            yield from self._in_its_words(removed, now)
        for identifier, root in wanted.items():
            if identifier not in self.roots:
                yield from self._in_its_words(_encode({"kind": "RootAdded", "model": root}), now)

    def _note(self, about: _Event, now: float) -> None:
        key = _key_of_event(about)
        if key is None:
            return
        self._told[key] = now
        self.put_off.pop(key, None)
        if len(self._told) > _MOST_TOLD:
            recent = {key: when for key, when in self._told.items() if now < when + _UNCERTAIN}
            if len(recent) > _MOST_TOLD // 2:
                self._all_told, recent = now, {}
            self._told = recent

    def _note_roots(self, kind: str, identifier: str) -> None:
        if kind == "RootAdded" and identifier not in self.roots:
            self.roots.append(identifier)
        elif kind == "RootRemoved" and identifier in self.roots:
            self.roots.remove(identifier)


def _key(event: dict[str, Any]) -> Hashable | None:
    return _key_of(event.get("kind"), _id_of(event.get("model")), event.get("attr"))


def _key_of_event(about: _Event) -> Hashable | None:
    return _key_of(about.kind, about.model.id if about.model is not None else None, about.attr)


def _key_of(kind: Any, model: str | None, attribute: Any) -> Hashable | None:
    if kind in ("RootAdded", "RootRemoved"):
        return "roots"
    if kind == "TitleChanged":
        return "title"
    return (model, attribute) if isinstance(model, str) and isinstance(attribute, str) else None


def _id_of(model: Any) -> str | None:
    identifier = model.get("id") if isinstance(model, dict) else None
    return identifier if isinstance(identifier, str) else None
