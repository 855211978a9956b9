"""What takes the place of Bokeh's callback manager in our documents.

Bokeh runs callbacks before it tells anyone of a change, and tells nobody when a callback raises.
The recorder notes each change first, and only then runs callbacks: at once for changes by app
code, later for changes by a browser, in a turn of their own for changes by a foreign thread.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator
from functools import partial
from typing import Any, Protocol

import numpy as np

from embedsync.document import DocumentHost
from embedsync.documents.bokeh.callbacks import Call, CallRunner
from embedsync.documents.bokeh.columns import COLUMNS, Part, patched_part, sharing, streamed_part
from embedsync.documents.bokeh.keys import ROOTS, TITLE, Key
from embedsync.documents.bokeh.pending import Change, Delta, Pending, RootsChange, Signal, TitleChange, Write
from embedsync.documents.bokeh.private import (
    ColumnDataChangedEvent,
    ColumnsPatchedEvent,
    ColumnsStreamedEvent,
    Document,
    DocumentCallbackManager,
    DocumentChangedEvent,
    DocumentPatchedEvent,
    Event,
    MessageSentEvent,
    Model,
    ModelChangedEvent,
    ModelEvent,
    RootAddedEvent,
    RootRemovedEvent,
    SessionCallbackAdded,
    SessionCallbackRemoved,
    TitleChangedEvent,
    event_callbacks,
    property_callbacks,
    takes_no_argument,
)
from embedsync.documents.bokeh.properties import told_attribute
from embedsync.documents.bokeh.turn import Turn
from embedsync.documents.bokeh.values import copied, only_nan_differs
from embedsync.errors import MailboxFull

__all__ = ["Edit", "Recorder", "SessionCallbacks"]


class SessionCallbacks(Protocol):
    """Runs next-tick, timeout and periodic callbacks."""

    def add(self, callback: Any, one_shot: bool) -> None:
        """Begin with a callback."""

    def remove(self, callback: Any) -> None:
        """Stop it."""


class Edit:
    """What one browser edit changed while it was applied.

    Attributes:
        changes: the changes, for the other browsers.
        calls: the callbacks that wait until the edit is committed.
        merged: keys whose part that the browser changed had to become a whole value, because
            other changes of the same property were waiting.
    """

    __slots__ = ("calls", "changes", "merged")

    def __init__(self) -> None:
        self.changes = Pending()
        self.calls: list[Call] = []
        self.merged: set[Key] = set()


class Recorder(DocumentCallbackManager):
    """Notes the changes of one document and runs its callbacks."""

    def __init__(
        self,
        document: Document,
        host: DocumentHost,
        runner: CallRunner,
        turn: Callable[[], Turn | None],
    ) -> None:
        super().__init__(document)
        self._host = host
        self._runner = runner
        self._turn = turn
        self._lock = threading.RLock()
        self._pending = Pending()
        self._recording = False
        self._ended = False
        self._edit: Edit | None = None
        self._queued: deque[Call] = deque()
        self._from_outside: deque[Call] = deque()
        self._held: dict[Key, list[Call]] = {}
        self._wake_posted = False
        self.timers: SessionCallbacks | None = None

    # What the document asks.

    @property
    def held(self) -> bool:
        """Whether ``hold()`` keeps changes back."""
        return self._hold is not None

    def start(self) -> None:
        """The document is built: note changes from here on."""
        with self._lock:
            self._recording = True
            self._pending.take()

    def take(self) -> list[Change]:
        """Hand over the changes noted so far; nothing while they are held."""
        with self._lock:
            return [] if self._hold is not None else self._pending.take()

    def has_changes(self) -> bool:
        """Whether anything is noted, held or not."""
        return bool(self._pending)

    def make_whole(self, key: Key | None = None) -> None:
        """Somebody is shown all that is noted, or what is under ``key``: parts must not be applied on top."""
        with self._lock:
            self._pending.make_whole(key)

    def begin_edit(self) -> Edit:
        """Note the changes of a browser edit apart from all others, and let its callbacks wait."""
        self._edit = Edit()
        return self._edit

    def end_edit(self) -> None:
        """The edit is applied, or was refused."""
        self._edit = None

    def settle(self, edit: Edit) -> list[Change]:
        """Take out of the noted changes what the edit has written since, and return it."""
        taken: list[Change] = []
        if not self._pending:
            return taken  # As nearly always: what changed before the edit was published before it.
        with self._lock:
            for key in edit.changes.written():
                if key not in self._pending:
                    continue
                if any(isinstance(each, Delta) and each.key == key for each in edit.changes):
                    edit.changes.make_whole(key)
                    edit.merged.add(key)
                elif key == ROOTS:
                    edit.merged.add(key)
                taken.extend(self._pending.drop(key))
        return taken

    def put_back(self, changes: list[Change]) -> None:
        """Note changes again that were taken."""
        with self._lock:
            for each in changes:
                self._pending.add(each)

    def queue(self, calls: list[Call]) -> None:
        """Keep callbacks of an applied edit until :meth:`run_queued`."""
        self._queued.extend(calls)

    def run_queued(self) -> Iterator[Awaitable[Any]]:
        """Run the callbacks of applied edits."""
        return self._runner.run(_popped(self._queued))

    def turn_ended(self) -> None:
        """See to it that what the turn left behind is taken up by another one."""
        # Without the lock: who adds something from outside wakes the session anyway.
        if (self._pending and self._hold is None) or self._from_outside or self._runner:
            self._wake()

    # What Bokeh calls.

    def notify_change(
        self,
        model: Model,
        attr: str,
        old: Any,
        new: Any,
        hint: DocumentPatchedEvent | None = None,
        setter: Any = None,
        callback_invoker: Any = None,
    ) -> None:
        """Note that a property changed, then run its callbacks."""
        document = self._document()
        if document is None or self._ended or (hint is None and only_nan_differs(old, new)):
            return
        if attr == "name":
            document.models.update_name(model, old, new)
        calls = []
        if callbacks := property_callbacks(model, attr):
            what = f"on_change callback of {type(model).__name__}.{attr}:"
            calls = [Call(what, each, (attr, old, new)) for each in callbacks]
        if hint is None:
            told = told_attribute(model, attr)
            change = Write(model, told) if told is not None else None
            event = partial(_model_changed, document, model, attr, setter)
            self._changed(change, calls, (model.id, attr), event)
        else:
            hint.setter = hint.setter if hint.setter is not None else setter
            # Columns that were replaced, as most are, were not changed in place.
            in_place = None if type(hint) is ColumnDataChangedEvent else _columns_in_place(hint)
            self._changed(_change_of(hint, old), calls, None, lambda: hint, in_place)

    def changed_halfway(self, model: Model, attr: str) -> None:
        """Note that a property has changed by something that raised; nothing is called for it."""
        if self._document() is not None and not self._ended:
            inside = self._turn() is not None
            self._note(Write(model, attr), inside)
            self._note_sharing(model, getattr(model, attr), inside)
            self._noted(inside)

    def trigger_on_change(self, event: DocumentChangedEvent) -> None:
        """Note a change of the document itself, then run callbacks."""
        if self._document() is None or self._ended:
            return
        calls = []
        if event.callback_invoker is not None:
            calls.append(Call("callback", event.callback_invoker))
        key = TITLE if isinstance(event, TitleChangedEvent) else None
        self._changed(_change_of(event), calls, key, lambda: event)

    def notify_event(self, model: Model, event: ModelEvent, callback_invoker: Any) -> None:
        """Run the callbacks of a model's event that Python code triggered."""
        if not self._ended:
            self._dispatch([Call("event callback", callback_invoker)], None)

    def trigger_event(self, event: Event) -> None:
        """Run the callbacks of an event, one by one."""
        if not self._ended:
            self._dispatch(self.event_calls(event), None)

    def event_calls(self, event: Event) -> list[Call]:
        """The callbacks of an event: its model's, then the document's."""
        name = event.event_name
        calls = []
        model = event.model if isinstance(event, ModelEvent) else None
        if model is not None:
            what = f"on_event callback of {type(model).__name__} for {name!r}:"
            callbacks = event_callbacks(model, name)
            calls = [Call(what, each, () if takes_no_argument(each) else (event,)) for each in callbacks]
        what = f"document callback for {name!r}:"
        return [*calls, *(Call(what, each, (event,)) for each in self.event_callbacks_for_event_name(name))]

    def message_calls(self, kind: str, data: Any) -> list[Call]:
        """The callbacks of a message from a browser."""
        calls = []
        for each in tuple(self._message_callbacks.get(kind, ())):
            if kind == "bokeh_event" and each == self.trigger_event and isinstance(data, Event):
                calls.extend(self.event_calls(data))
            else:
                calls.append(Call(f"on_message callback for {kind!r}:", each, (data,)))
        return calls

    def unhold(self) -> None:
        """Let held changes go, and run the callbacks that waited for it."""
        if self._hold is None:
            return
        self._hold = None
        held, self._held = self._held, {}
        for calls in held.values():
            self._dispatch(calls, None)
        if self._turn() is None:
            self._wake()

    def add_session_callback(self, callback_obj: Any, callback: Callable[[], Any], one_shot: bool) -> Any:
        """Begin with a next-tick, timeout or periodic callback; nothing once the session has ended."""
        document = self._document()
        if document is None or self._ended or self.timers is None:
            return callback_obj
        callback_obj._callback = callback
        self._session_callbacks.add(callback_obj)
        try:
            self.timers.add(callback_obj, one_shot)
        except MailboxFull:
            self._session_callbacks.discard(callback_obj)
            raise
        self.trigger_on_change(SessionCallbackAdded(document, callback_obj))
        return callback_obj

    def remove_session_callback(self, callback_obj: Any) -> None:
        """Stop a callback; nothing once the session has ended.

        Raises:
            ValueError: it ran already, or was removed already.
        """
        if self._ended:
            return
        if not self.session_callback_done(callback_obj):
            raise ValueError("callback already ran or was already removed, cannot be removed again")
        if self.timers is not None:
            self.timers.remove(callback_obj)

    def session_callback_done(self, callback_obj: Any) -> bool:
        """Take a callback off the list; false if it is not on it (any more)."""
        document = self._document()
        try:
            self._session_callbacks.remove(callback_obj)
        except KeyError:
            return False
        if document is not None:
            self.trigger_on_change(SessionCallbackRemoved(document, callback_obj))
        return True

    def destroy(self) -> None:
        """Let go of all callbacks; whatever is changed from now on is nobody's concern."""
        with self._lock:
            self._ended = True
            self._pending.take()
        self._runner.close()
        for each in (
            self._change_callbacks,
            self._event_callbacks,
            self._js_event_callbacks,
            self._message_callbacks,
            self._session_callbacks,
            self._session_destroyed_callbacks,
            self._subscribed_models,
            self._held,
            self._queued,
            self._from_outside,
        ):
            each.clear()

    # How it is done.

    def _changed(
        self,
        change: Change | None,
        calls: list[Call],
        key: Key,
        event: Callable[[], DocumentChangedEvent],
        in_place: tuple[Model, Iterable[str]] | None = None,
    ) -> None:
        """Note a change, and run callbacks.

        Args:
            change: for the browsers, if they are told of it.
            calls: callbacks for it.
            key: what it is the value of, if held callbacks for the same are run once.
            event: makes what the document's own callbacks are told, of which there are few.
            in_place: a source, and the names of the columns in it that were not replaced but changed.
        """
        inside = self._turn() is not None
        if not inside and isinstance(change, Delta) and change.kind == ColumnsStreamedEvent.kind:
            # A turn may have shown the new rows to somebody before this could tell of them.
            change = Write(change.model, change.attribute)
        if change is not None:
            self._note(change, inside)
        if in_place is not None:
            self._note_sharing(*in_place, inside)
        if self._change_callbacks:
            told = (event(),)
            calls += [Call("document on_change callback", each, told) for each in self.change_callbacks()]
        if calls:
            self._dispatch(calls, key, inside)
        if change is not None:
            self._noted(inside)

    def _note(self, change: Change, inside: bool) -> None:
        if not self._recording:
            return
        with self._lock:
            edit = self._edit if inside else None
            (edit.changes if edit is not None else self._pending).add(change)

    def _note_sharing(self, model: Model, names: Iterable[str], inside: bool) -> None:
        """The same list may be a column twice, and has changed in both places."""
        document: Any = self._document()
        for each in sharing(model, names, document.models.sources):
            if each is model:
                self._note(Write(each, COLUMNS), inside)
            elif self._recording:
                # Not a part of an edit: the browser that sent it has not changed this too.
                with self._lock:
                    self._pending.add(Write(each, COLUMNS))

    def _noted(self, inside: bool) -> None:
        """What was noted is to be sent, sooner or later."""
        if not inside:
            self._wake()
        elif self._edit is None:
            self._host.progress()

    def _dispatch(self, calls: list[Call], key: Key, inside: bool | None = None) -> None:
        if not calls:
            return
        if inside is None:
            inside = self._turn() is not None
        if inside and self._edit is not None:
            self._edit.calls.extend(calls)
        elif self._hold is not None:
            combine = self._hold == "combine" and key is not None
            self._held[key if combine else object()] = calls
        elif inside or not self._recording:
            for each in calls:
                self._runner.call(each)
        else:
            self._from_outside.extend(calls)
            self._wake()

    def _wake(self) -> None:
        """Post a turn that takes up what was noted outside of one."""
        with self._lock:
            if self._wake_posted or self._ended or not self._recording:
                return
            self._wake_posted = True
        try:
            self._host.post(self._woken)
        except MailboxFull:
            # Each of the turns that fill the mailbox takes the changes along, and the last one posts
            # again if callbacks are left.
            with self._lock:
                self._wake_posted = False

    def _woken(self) -> Iterator[Awaitable[Any]]:
        with self._lock:
            self._wake_posted = False
        return self._runner.run(_popped(self._from_outside))


def _popped(calls: deque[Call]) -> Iterator[Call]:
    while calls:
        yield calls.popleft()


def _change_of(event: DocumentChangedEvent, old: Any = None) -> Change | None:
    match event:
        case ColumnDataChangedEvent() if event.cols is None:
            return Write(event.model, event.attr)
        case ColumnDataChangedEvent():
            data = event.data if event.data is not None else getattr(event.model, event.attr)
            columns = {each: copied(data[each]) for each in event.cols or () if each in data}
            return Delta(event.kind, event.model, event.attr, {"data": columns, "cols": list(columns)})
        case ColumnsStreamedEvent():
            now = getattr(event.model, event.attr)
            return _part(event, streamed_part(old, now, event.data, event.rollover))
        case ColumnsPatchedEvent():
            return _part(event, patched_part(getattr(event.model, event.attr), event.patches))
        case RootAddedEvent() | RootRemovedEvent():
            return RootsChange()
        case TitleChangedEvent():
            return TitleChange()
        case MessageSentEvent():
            fields = {"msg_type": event.msg_type, "msg_data": copied(event.msg_data)}
            return Signal(event.kind, fields)
    return None


def _model_changed(document: Document, model: Model, attr: str, setter: Any) -> ModelChangedEvent:
    return ModelChangedEvent(document, model, attr, model.lookup(attr).get_value(model), setter)


def _columns_in_place(event: DocumentPatchedEvent) -> tuple[Model, Iterable[str]] | None:
    match event:
        case ColumnsStreamedEvent():
            # Arrays do not grow in place: NumPy makes others, which nothing else holds yet.
            columns = getattr(event.model, event.attr)
            lists = [name for name in event.data if not isinstance(columns[name], np.ndarray)]
            return (event.model, lists) if lists else None
        case ColumnsPatchedEvent():
            return event.model, event.patches
    return None


def _part(event: ColumnsStreamedEvent | ColumnsPatchedEvent, part: Part | None) -> Change:
    if part is None:
        return Write(event.model, event.attr)
    return Delta(event.kind, event.model, event.attr, part.fields, part.makes)
