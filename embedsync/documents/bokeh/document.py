"""The Bokeh document as a :class:`embedsync.document.Document`."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Awaitable, Callable, Collection, Hashable, Iterator, Sequence
from contextlib import AbstractContextManager
from functools import partial
from itertools import chain
from typing import Any

from bokeh.events import ConnectionLost

from embedsync.app import SessionInfo
from embedsync.authority import Authority
from embedsync.document import DocumentHost, Event, EventKind, PageParts, Patch, Prepared, Snapshot, Written
from embedsync.documents.bokeh import column_methods, panel
from embedsync.documents.bokeh.callbacks import Call, CallRunner
from embedsync.documents.bokeh.columns import COLUMNS
from embedsync.documents.bokeh.curdoc import CurrentDocument
from embedsync.documents.bokeh.defaults import give_up_empty_defaults
from embedsync.documents.bokeh.deserializer import Decoder
from embedsync.documents.bokeh.edits import DecodedEdit, Message, Step
from embedsync.documents.bokeh.events import decode_events, decode_plain
from embedsync.documents.bokeh.extensions import check_compiled
from embedsync.documents.bokeh.keys import ROOTS, TITLE, Key
from embedsync.documents.bokeh.letting_go import let_go
from embedsync.documents.bokeh.live import LiveDocument
from embedsync.documents.bokeh.outline import outlined
from embedsync.documents.bokeh.page import draw_page, has_own_page
from embedsync.documents.bokeh.pending import Change, Delta, RootsChange, Signal, TitleChange, Write
from embedsync.documents.bokeh.plain_events import plain_event, plain_stream
from embedsync.documents.bokeh.private import Model, UnlockedDocumentProxy, UnsetValueError, data_models
from embedsync.documents.bokeh.properties import told_descriptor
from embedsync.documents.bokeh.recorder import Edit, Recorder
from embedsync.documents.bokeh.resources import brings_scripts, models_that_need_eval, needed_scripts
from embedsync.documents.bokeh.serializer import Encoding, KnownModels
from embedsync.documents.bokeh.session_context import ServerContext, SessionContext
from embedsync.documents.bokeh.timers import Timers
from embedsync.documents.bokeh.turn import Turn, TurnContext, current_turn, go_on_here
from embedsync.errors import BuildError, Refused
from embedsync.wire import Refusal

__all__ = ["BokehDocument"]

Hook = Callable[[SessionContext], Any]

_NOTHING = Patch()


class BokehDocument:
    """One live Bokeh document.

    Args:
        host: the process that the session lives in.
        session: what the session is about.
        authority: decides on what browsers may change.
        server_context: the live sessions of the app.

    Attributes:
        bokeh: the document that app code knows as ``curdoc()``.
        session_context: its ``session_context``.
        on_text_to_compile: called with the names of model classes that carry JavaScript as text, when app
            code brings such models after the document was built.
    """

    kind = "bokeh"

    def __init__(
        self,
        host: DocumentHost,
        session: SessionInfo,
        authority: Authority,
        server_context: ServerContext,
    ) -> None:
        self._host = host
        self._authority = authority
        self._request = session.request
        self._known = KnownModels()
        self._sends_whole = False
        self._has_scripts = False
        self._runner = CallRunner(host, self._guarded, partial(go_on_here, self))
        self._roots: list[str] = []
        self._scripts: set[str] = set()
        self._departed: weakref.WeakValueDictionary[str, Model] = weakref.WeakValueDictionary()
        self._end_hooks: list[Hook] = []
        self.on_text_to_compile: Callable[[tuple[str, ...]], None] = lambda names: None

        column_methods.install()
        self.bokeh = LiveDocument()
        self._recorder = Recorder(self.bokeh, host, self._runner, partial(current_turn, self))
        self._timers = Timers(host, self._runner, self._recorder.session_callback_done)
        self._timers.without_lock = self._without_lock
        self._recorder.timers = self._timers
        self.bokeh.callbacks = self._recorder
        self.bokeh.models.on_leave = self._left
        self.session_context = SessionContext(session, server_context, self.bokeh, host, self)
        self.bokeh._session_context = weakref.ref(self.session_context)  # type: ignore[arg-type]

    # While it is built.

    def run(self, what: str, function: Callable[..., Any], *arguments: Any) -> Iterator[Awaitable[Any]]:
        """Run something as callbacks are run: what it raises is reported."""
        return self._runner.run([Call(what, function, arguments)])

    def left_to_await(self) -> Iterator[Awaitable[Any]]:
        """What callbacks that ran meanwhile have begun and not ended."""
        return self._runner.awaitables()

    def guarded(self, awaitable: Awaitable[Any]) -> Awaitable[Any]:
        """Make an awaitable run with this as the current document; it raises what it raises."""
        return self._in_turn(awaitable, current_turn(self))

    def on_end(self, hook: Hook) -> None:
        """Call ``hook`` with the session context when the session ends."""
        self._end_hooks.append(hook)

    def built(self) -> None:
        """App code has filled the document: changes count from here on, and timers start."""
        self._recorder.start()
        models = list(self.bokeh.models)
        give_up_empty_defaults(models)
        self._learn([*models, *chain.from_iterable(self.bokeh.callbacks.js_event_callbacks.values())])
        self._roots = [each.id for each in self.bokeh.roots]
        if self._request.ahead is None:
            self._timers.start()

    def check_compiled(self) -> None:
        """See that pages can show all models that are here.

        Raises:
            BuildError: the view of one does not compile.
        """
        check_compiled(self.bokeh.models)

    def meet(self, session: SessionInfo) -> None:
        """The visitor has come for whom this was built ahead."""
        self._request = session.request
        self.session_context.meet(session)
        self._timers.start()

    def needs_eval(self) -> tuple[str, ...]:
        """Names of model classes here that a page must allow ``unsafe-eval`` for."""
        callbacks = self.bokeh.callbacks.js_event_callbacks.values()
        return models_that_need_eval([*self.bokeh.models, *chain.from_iterable(callbacks)])

    # The port.

    def context(self) -> AbstractContextManager[None]:
        """What each turn runs in: this is the current document, and its changes are its own."""
        return TurnContext(self, self.bokeh, self._recorder.turn_ended)

    @property
    def remembered_bytes(self) -> int:
        """Bytes of the columns as they were sent last."""
        return self._known.last_sent.bytes

    def snapshot(self) -> Snapshot:
        """Encode the whole document as it is now."""
        models = list(self.bokeh.models)
        encoding = Encoding(self._known, self._host.report, afresh=True)
        # Everything may be of a class that the app has defined.
        components = panel.components()
        classes = [each for each in data_models() if self._may_see(components.get(each, each))]
        content, buffers = encoding.document(self._whole(), classes)
        scripts = needed_scripts(models)
        # What is new to others is in here, which they are not told of where it was changed in place.
        self._known.last_sent.clear()
        if self._recorder.has_changes():
            # Held changes show in this snapshot, but other browsers have yet to be told of them.
            self._recorder.make_whole()
        else:
            self._learn(models)
            self._known.columns.update(encoding.columns)
            self._roots = [each.id for each in self.bokeh.roots]
            self._scripts.update(scripts)
        return Snapshot(content, buffers, scripts)

    def page(self, parts: PageParts) -> str | None:
        """The page by the app's own template, if it has one."""
        return draw_page(self.bokeh, parts) if has_own_page(self.bokeh) else None

    def prepare(self, events: Sequence[Any], buffers: dict[str, bytes], client: str) -> Prepared:
        """Decode and check the events of an edit, changing nothing."""
        plain = decode_plain(events, self._find, self._authority) if not buffers else None
        if plain is not None:
            return Prepared(DecodedEdit([plain]), (plain.written,) if plain.written is not None else ())
        decoder = Decoder(self._find, self._was_here, self._departed.get, buffers)
        steps, skipped = decode_events(events, decoder, self._authority, self.bokeh)
        written = dict.fromkeys(each.written for each in steps if each.written is not None)
        return Prepared(DecodedEdit(steps), tuple(written), skipped)

    def outline(self, events: Sequence[Any]) -> Sequence[Written | None]:
        """Look at undecoded events, cheaply: what each writes."""
        return [outlined(each) for each in events]

    def apply(self, prepared: Prepared, client: str) -> Patch:
        """Make the changes of a prepared edit; callbacks are queued, not run."""
        go_on_here(self)
        edit: DecodedEdit = prepared.payload
        left = self._known.left_meanwhile()
        roots = list(self._roots)
        overwritten: list[Change] = []
        before = edit.before(self.bokeh)
        recorded = self._recorder.begin_edit()
        try:
            local = edit.local
            self._take_steps(edit.steps, local, recorded)
            overwritten = self._recorder.settle(recorded)
            patch = self._encode(recorded.changes.take(), strict=True)
        except BaseException as error:
            self._recorder.end_edit()
            before.put_back()
            self._recorder.put_back(overwritten)
            self._known.nothing_left_since(left)
            self._roots = roots
            if isinstance(error, Refused) or not isinstance(error, Exception):
                raise
            raise Refused(Refusal.BAD_VALUE, f"{type(error).__name__}: {error}") from error
        self._recorder.end_edit()
        # Its author holds these columns now, be they as they were here, and not what was sent last.
        written = [each.key for each in prepared.written]
        self._known.last_sent.forget([key[0] for key in written if isinstance(key, tuple)])
        for model_id, attribute in local:
            self._known.local.setdefault(model_id, set()).add(attribute)
        edit.merged = recorded.merged | edit.made_whole(patch)
        self._recorder.queue(recorded.calls)
        return patch

    def run_callbacks(self) -> Iterator[Awaitable[Any]]:
        """Run the callbacks that :meth:`apply` queued."""
        return self._recorder.run_queued()

    def visit(self, function: Callable[[Any], Any]) -> Iterator[Awaitable[Any]]:
        """Call ``function`` with the document that app code knows."""
        return self.run("update", function, self.bokeh)

    @property
    def hears_of_losses(self) -> bool:
        """Whether app code has a callback for ``ConnectionLost``."""
        return bool(self._recorder.event_callbacks_for_event_name(ConnectionLost.event_name))

    def viewer_lost(self) -> Iterator[Awaitable[Any]]:
        """Run the callbacks for ``ConnectionLost``."""
        return self._runner.run(self._recorder.event_calls(ConnectionLost()))

    def drain(self) -> Patch:
        """Take what changed since the last drain: every written key once, with its value now."""
        go_on_here(self)
        if not (self._recorder.has_changes() or self._known.has_stale) or self._recorder.held:
            return _NOTHING
        return self._encode(self._recorder.take(), strict=False)

    def values(self, keys: Sequence[Hashable]) -> Patch:
        """Encode the present whole values under ``keys`` as write events."""
        if not keys:
            return _NOTHING
        encoding = Encoding(self._known, self._host.report)
        self._known.last_sent.forget(key[0] for key in keys if isinstance(key, tuple))
        for key in keys:
            # What is noted and waits shows in the value.
            self._recorder.make_whole(key)
        events = [event for key in keys if (event := self._value(encoding, key)) is not None]
        return Patch(tuple(events), scripts=self._new_scripts(encoding))

    def send_whole(self) -> None:
        """From now on no columns are left out that have not changed, nor are only those sent that have."""
        self._sends_whole = True

    def differs(self, prepared: Prepared) -> Sequence[Hashable]:
        """Keys of an edit just applied whose value is now another than the browser sent."""
        edit: DecodedEdit = prepared.payload
        return edit.differing()

    def end(self) -> Iterator[Awaitable[Any]]:
        """Run the app's hooks for the end of the session."""
        self._timers.stop()
        self.session_context.nobody_came()
        callbacks: Any = self.bokeh.session_destroyed_callbacks
        hooks: list[Hook] = [*self._end_hooks, *map(panel.forgiving, callbacks)]
        what = "on_session_destroyed callback"
        return self._runner.run([Call(what, each, (self.session_context,)) for each in hooks])

    def destroy(self) -> None:
        """Let go of everything: models, modules, timers."""
        self._timers.stop()
        self._recorder.destroy()
        self._known.clear()
        self.session_context.end()
        let_go(self.bokeh)

    # How it is done.

    def _take_steps(self, steps: list[Step], local: Collection[Key], recorded: Edit) -> None:
        for step in steps:
            step.apply(self.bokeh, self)
            if isinstance(step, Message):
                recorded.calls.extend(self._recorder.message_calls(step.kind, step.data))
        for key in local:
            recorded.changes.drop(key)

    def _guarded(self, awaitable: Awaitable[Any], what: str) -> Awaitable[Any]:
        turn = current_turn(self)

        async def run() -> None:
            try:
                await self._in_turn(awaitable, turn)
            except asyncio.CancelledError as error:
                task = asyncio.current_task()
                if task is None or task.cancelling():
                    raise  # The session has ended. Otherwise it is something that the callback awaited.
                self._host.report(error, what)
            except Exception as error:  # noqa: BLE001 - whatever app code raises is reported
                self._host.report(error, what)

        return run()

    async def _in_turn(self, awaitable: Awaitable[Any], turn: Turn | None) -> Any:
        """Await something on another thread, in a context that may not be the turn's."""
        if turn is None:
            return await awaitable
        previous = turn.enter()
        try:
            with CurrentDocument(self.bokeh):
                return await awaitable
        except SystemExit as error:
            # It would end the loop that all sessions share.
            raise BuildError(f"app code ended itself: SystemExit({error.code!r})") from error
        finally:
            turn.leave(previous)

    def _without_lock(self, function: Callable[[], Any]) -> Callable[[], Awaitable[Any]]:
        """Make a callback run beside the turns, with the document kept from it."""
        import inspect

        proxy = UnlockedDocumentProxy(self.bokeh)

        async def run() -> None:
            try:
                with CurrentDocument(proxy):
                    if inspect.iscoroutinefunction(function):
                        await function()
                    else:
                        result = await asyncio.to_thread(self._on_thread, function)
                        if inspect.isawaitable(result):
                            await result
            except Exception as error:  # noqa: BLE001 - whatever app code raises is reported
                self._host.report(error, str(Call("callback", function)))

        return lambda: self._request.awaiting(self._request, run())

    def _on_thread(self, function: Callable[[], Any]) -> Any:
        with self._request.thread_context(self._request):
            return function()

    # To Bokeh's type checker an id is no text. Any will do, for to call `ID` takes as long as what is asked.

    def _find(self, identifier: Any) -> Model | None:
        return self.bokeh.models.get_by_id(identifier)

    def _was_here(self, identifier: Any) -> bool:
        return self.bokeh.models.seen(identifier)

    def _is_here(self, identifier: Any) -> bool:
        return identifier in self.bokeh.models

    def _left(self, models: Collection[Model]) -> None:
        """These are not in the document: should a browser bring them back, they are to be the same."""
        for each in models:
            self._departed[each.id] = each
        self._known.detached(each.id for each in models)

    def _whole(self) -> dict[str, Any]:
        from bokeh import __version__

        document = self.bokeh
        fields: dict[str, Any] = {"version": __version__, "title": document.title}
        if has_own_page(document):
            fields["own_page"] = True
        fields["config"] = document.config
        fields["roots"] = document.roots
        if document.callbacks.js_event_callbacks:
            fields["callbacks"] = dict(document.callbacks.js_event_callbacks)
        return fields

    def _learn(self, models: Sequence[Model]) -> None:
        """The browsers have been told of these models."""
        self._known.learn(models)
        # These may change columns in place, of which nobody here is told, and a replacement puts that right.
        self._has_scripts = self._has_scripts or any(brings_scripts(type(each)) for each in models)

    def _may_see(self, model_class: type) -> bool:
        """Whether a class belongs to the process or to this session, and not to another session."""
        module = model_class.__module__
        own = {each.__name__ for each in self.bokeh.modules._modules}
        return not module.startswith("bokeh_app_") or module in own

    def _encode(self, changes: list[Change], *, strict: bool) -> Patch:
        if not self._known.has_stale:
            if not changes:
                return _NOTHING
            if len(changes) == 1:
                plain = self._plain_event(changes[0], strict or self._leaves_nothing_out)
                if plain is not None:
                    return Patch((plain,))
        encoding = Encoding(self._known, None if strict else self._host.report)
        events: list[Event] = []
        whole: set[Hashable] = set()
        for change in changes:
            if change.key in whole:
                continue
            if isinstance(change, Delta) and not self._can_make(change, encoding):
                # Sent as it is now, with all parts that come after this one.
                whole.add(change.key)
                change = Write(change.model, change.attribute)
            if not strict and (plain := self._plain_columns(change, encoding)):
                events.append(plain)
            else:
                events.extend(self._events_of(change, encoding))
        self._known.note_columns(encoding.columns)
        scripts: tuple[str, ...] = ()
        if encoding.defined:
            defined = list(encoding.defined.values())
            scripts = self._new_scripts(encoding)
            self._scripts.update(scripts)
            self._learn(defined)
            # Not what a browser has brought: it would decide what the pages of all others allow.
            if not strict and (names := models_that_need_eval(defined)):
                self.on_text_to_compile(names)
            give_up_empty_defaults(defined)
            self._left([each for each in defined if not self._is_here(each.id)])
        # What is held may bring back what has left: whether it is gone shows when that is let go.
        gone = () if self._recorder.has_changes() else self._known.forget_gone(self._is_here)
        return Patch(tuple(events), gone, scripts)

    def _can_make(self, change: Delta, encoding: Encoding) -> bool:
        """Whether those who see the document can make the change themselves."""
        # Bokeh's own client would have no other columns than these any more.
        return encoding.fits(change) and not (self._sends_whole and change.kind == "ColumnDataChanged")

    @property
    def _leaves_nothing_out(self) -> bool:
        """Whether columns that are replaced are all sent, whether they have changed or not."""
        return self._sends_whole or self._has_scripts

    def _plain_columns(self, change: Change, encoding: Encoding) -> Event | None:
        """The event for columns that are arrays, without those that have not changed."""
        if type(change) is not Write or change.attribute != COLUMNS or change.model.id in encoding.defined:
            return None
        return self._plain_event(change, self._leaves_nothing_out)

    def _plain_event(self, change: Change, whole: bool) -> Event | None:
        """The event for a plain value, or for arrays that were streamed, sooner.

        ``None`` if it is not to be told, or nothing of the kind.
        """
        if type(change) is Delta and self._is_shown(change.model):
            return plain_stream(self._known, change)
        if type(change) is not Write:
            return None
        model, attribute = change.model, change.attribute
        descriptor = told_descriptor(model, attribute)
        if descriptor is None or not self._is_shown(model):
            return None
        try:
            value = descriptor.get_value(model)
        except UnsetValueError:
            return None  # It was deleted.
        event = plain_event(self._known, model, attribute, value, change.key, whole)
        if event is not None:
            if self._known.local:
                self._known.local.get(model.id, set()).discard(attribute)
            self._known.note_sent(model, (attribute,))
        return event

    def _events_of(self, change: Change, encoding: Encoding) -> Iterator[Event]:
        match change:
            case Write(model, attribute) if self._is_told(model, encoding):
                self._known.local.get(model.id, set()).discard(attribute)
                event = self._write(encoding, model, attribute)
            case Delta(kind, model, attribute, fields) if self._is_told(model, encoding):
                content = {"kind": kind, "model": model.ref, "attr": attribute}
                event = encoding.event(content, fields, EventKind.DELTA, change.key)
            case RootsChange():
                yield from self._root_events(encoding)
                return
            case TitleChange():
                event = self._title(encoding)
            case Signal(kind, fields):
                event = encoding.event({"kind": kind}, fields, EventKind.SIGNAL)
            case _:
                return
        if event is not None:
            yield event

    def _is_told(self, model: Model, encoding: Encoding) -> bool:
        """Whether a change of a model has to be told.

        Not if the model is gone, and not if it is new: then its definition shows the change already.
        """
        return model.id not in encoding.defined and self._is_shown(model)

    def _is_shown(self, model: Model) -> bool:
        """Whether browsers know a model, and it is still here."""
        identifier = model.id
        return self._known.knows(identifier, model) and identifier in self.bokeh.models

    def _write(self, encoding: Encoding, model: Model, attribute: str) -> Event | None:
        descriptor = told_descriptor(model, attribute)
        if descriptor is None:
            return None
        content = {"kind": "ModelChanged", "model": model.ref, "attr": attribute}
        try:
            value = {"new": descriptor.get_value(model)}
        except UnsetValueError as error:
            # It was set, and deleted after that. Whatever else has changed is told.
            encoding.fail(content, error)
            return None
        event = encoding.event(content, value, EventKind.WRITE, (model.id, attribute))
        if event is not None:
            self._known.note_sent(model, (attribute,))
        return event

    def _title(self, encoding: Encoding) -> Event | None:
        title = {"title": self.bokeh.title}
        return encoding.event({"kind": "TitleChanged"}, title, EventKind.WRITE, TITLE)

    def _root_events(self, encoding: Encoding) -> Iterator[Event]:
        """Lead the browsers from the roots that they have to those that there are.

        Browsers append a root at the end, so roots behind a change of order are taken out and
        added again.
        """
        roots = self.bokeh.roots
        wanted = [each.id for each in roots]
        # A root that was removed and came back has to be defined again, and so is added again.
        unbroken = {each.id for each in roots if each in self._known}
        staying = [each for each in self._roots if each in unbroken]
        kept = 0
        while kept < len(staying) and staying[kept] == wanted[kept]:
            kept += 1
        stay = set(wanted[:kept])
        for identifier in [each for each in self._roots if each not in stay]:
            self._roots.remove(identifier)
            content = {"kind": "RootRemoved", "model": {"id": identifier}}
            removed = encoding.event(content, {}, EventKind.DELTA, ROOTS)
            if removed is not None:
                yield removed
        for root in roots[kept:]:
            added = encoding.event({"kind": "RootAdded"}, {"model": root}, EventKind.DELTA, ROOTS)
            if added is not None:
                self._roots.append(root.id)
                yield added

    def _value(self, encoding: Encoding, key: Hashable) -> Event | None:
        if key == TITLE:
            return self._title(encoding)
        if key == ROOTS:
            roots = {"roots": self.bokeh.roots}
            return encoding.event({"kind": "Roots"}, roots, EventKind.WRITE, ROOTS)
        if not isinstance(key, tuple) or len(key) != 2:
            return None
        model = self._find(key[0])
        if model is None or model not in self._known or key[1] in self._known.local.get(model.id, ()):
            return None
        return self._write(encoding, model, key[1])

    def _new_scripts(self, encoding: Encoding) -> tuple[str, ...]:
        if not encoding.defined:
            return ()
        needed = needed_scripts(encoding.defined.values())
        return tuple(each for each in needed if each not in self._scripts)
