"""The document port: what the engine asks of anything it keeps in sync.

A *document* is an object graph that application code changes and that browsers show. The engine
never looks inside one. It moves *patches*, which a document makes (:meth:`Document.drain`) and
takes (:meth:`Document.prepare`, :meth:`Document.apply`). The Bokeh document is one implementation,
in :mod:`embedsync.documents.bokeh`; the toy document of the property tests is another.

All methods of a document are called from within a turn of its session, one at a time, unless
their docstring says otherwise.
"""

from __future__ import annotations

import enum
from collections.abc import Awaitable, Callable, Hashable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

__all__ = [
    "Buffer",
    "Cancel",
    "Document",
    "DocumentHost",
    "Event",
    "EventKind",
    "Meeting",
    "PageParts",
    "Patch",
    "Prepared",
    "Snapshot",
    "Written",
]


class Buffer(msgspec.Struct, frozen=True, gc=False):
    """A named run of bytes that an event refers to.

    ``id`` is unique among all buffers of one session, in both directions, so that events can be
    regrouped into other frames without rewriting them. ``data`` never aliases memory that
    application code may still change.
    """

    id: str
    data: bytes


class EventKind(enum.Enum):
    """How an event treats the value under its key."""

    WRITE = "write"
    """Replaces the whole value: an earlier write of the same key need not be sent any more."""
    DELTA = "delta"
    """Changes part of the value (stream, patch, some columns): never dropped, but see ``Event.parts``."""
    SIGNAL = "signal"
    """Happens, and is over: a click, a message. Writes nothing."""


class Event(msgspec.Struct, frozen=True, gc=False):
    """One encoded change on its way to the browsers.

    Logs are full of these, so the garbage collector does not know of them.

    Attributes:
        content: the event as JSON, encoded once.
        kind: how it treats the value under ``key``.
        key: what it writes, for instance ``(model id, property)``; ``None`` for a signal. It leads to nothing
            that holds the event.
        defines: ids of the models whose definitions ``content`` carries. An event that defines
            something is never dropped, because later events refer to it.
        buffers: the buffers that ``content`` refers to.
        parts: names of the parts of the value that a delta replaces, each whole: it need not be sent where a
            later one replaces all of them, and no other delta has come between.
    """

    content: bytes
    kind: EventKind
    key: Hashable | None = None
    defines: tuple[str, ...] = ()
    buffers: tuple[Buffer, ...] = ()
    parts: frozenset[str] | None = None

    @property
    def size(self) -> int:
        """Its bytes."""
        # No generators: it is asked of each op.
        return len(self.content) + sum([len(each.data) for each in self.buffers])


class Patch(msgspec.Struct, frozen=True, gc=False):
    """What changed in a document between two drains, in the order to apply it.

    Attributes:
        events: the changes.
        gone: ids of models that browsers know and that are no longer part of the document.
        scripts: further scripts (names that :class:`~embedsync.html.Assets` resolves) that a
            browser must have loaded before it decodes ``events``.
    """

    events: tuple[Event, ...] = ()
    gone: tuple[str, ...] = ()
    scripts: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.events or self.gone or self.scripts)

    @property
    def size(self) -> int:
        """Bytes of its events."""
        return sum([each.size for each in self.events])


class Snapshot(msgspec.Struct, frozen=True):
    """A whole document, enough for a browser that has seen nothing.

    ``content`` is JSON, ``buffers`` are those that it refers to, ``scripts`` all that the browser
    needs to decode and show it.
    """

    content: bytes
    buffers: tuple[Buffer, ...] = ()
    scripts: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Its bytes."""
        return len(self.content) + sum(len(each.data) for each in self.buffers)


@dataclass(frozen=True, slots=True)
class PageParts:
    """What a document places on a page that it draws itself; all of it markup.

    Attributes:
        root: shows the root at a position.
        rest: shows the roots from a position on, which the page has no places for; stands at its end.
        script: loads one of the document's scripts, by its name.
        runtime: brings all this to life.
    """

    root: Callable[[int], str]
    rest: Callable[[int], str]
    script: Callable[[str], str]
    runtime: str


class Written(msgspec.Struct, frozen=True):
    """One key that an edit writes, and how."""

    key: Hashable
    kind: EventKind


class Prepared(msgspec.Struct, frozen=True):
    """An edit that was decoded and checked whole, and that has changed nothing yet.

    Attributes:
        payload: the document's own representation, handed back to :meth:`Document.apply`.
        written: the keys that it writes.
        skipped: positions of events that were left out because their model is gone.
    """

    payload: Any
    written: tuple[Written, ...] = ()
    skipped: tuple[int, ...] = ()


class Cancel(Protocol):
    """Stops what it was returned for; calling it again does nothing."""

    def __call__(self) -> None:
        """Stop it."""


class DocumentHost(Protocol):
    """What a document may ask of the process it lives in. Every method is thread-safe."""

    def post(self, turn: Callable[[], Iterator[Awaitable[Any]] | None]) -> None:
        """Run ``turn`` as a turn of this document's session, after those already waiting.

        ``turn`` returns ``None``, or an iterator of awaitables, each of which is awaited on the
        application loop before the next is asked for, the session's turn being held meanwhile.
        Whatever it changed is committed when it ends. Does nothing once the session has ended.

        Raises:
            MailboxFull: when too many turns are waiting (setting ``mailbox_limit``).
        """

    def call_later(self, seconds: float, call: Callable[[], None]) -> Cancel:
        """Call ``call`` (which must be short: it should :meth:`post`) after ``seconds``."""

    def clock(self) -> float:
        """Seconds that never go back, as :meth:`call_later` counts them."""

    def flush(self) -> None:
        """Send what has changed so far. Only from inside a turn, on the thread that runs it."""

    def progress(self) -> None:
        """Something has changed inside a turn: flush if that was not done for a while."""

    @property
    def superseded(self) -> bool:
        """Whether the running turn is an edit whose values a waiting edit writes anew."""

    def report(self, error: BaseException, what: str) -> None:
        """Log an exception that application code raised and tell the browsers an error id.

        Args:
            error: the exception.
            what: the place it came from, for the log, such as ``"on_change callback"``.
        """


class Meeting(Protocol):
    """A document that can be built before its visitor has come."""

    def meet(self, session: Any) -> None:
        """The visitor has come: from here on app code finds this session, and timers run. In a turn.

        Args:
            session: an :class:`embedsync.app.SessionInfo`.
        """


class Document(Protocol):
    """An object graph that can be kept in sync."""

    @property
    def kind(self) -> str:
        """Names the browser half that understands its events, for instance ``"bokeh"``."""

    @property
    def remembered_bytes(self) -> int:
        """Bytes that are kept of what was sent, beside the log. May be asked outside of turns."""

    def snapshot(self) -> Snapshot:
        """Encode the whole document as it is now.

        The engine calls it only when there is nothing to :meth:`drain`. All models in it count as
        known to the browsers from here on.
        """

    def page(self, parts: PageParts) -> str | None:
        """The page that shows this document and nothing else; ``None`` if it has no wishes for that."""

    def prepare(self, events: Sequence[Any], buffers: dict[str, bytes], client: str) -> Prepared:
        """Decode and check the events of an edit, changing nothing.

        Args:
            events: decoded JSON, as the browser sent it; untrusted.
            buffers: the bytes that the events refer to, by id; untrusted.
            client: id of the replica that sent it.

        Raises:
            Refused: the edit is malformed, refers to what never existed, has a value that the
                property does not take, or is not allowed. Nothing has changed.
        """

    def outline(self, events: Sequence[Any]) -> Sequence[Written | None]:
        """Look at undecoded events, cheaply: what each writes. Never raises; needs no turn.

        The engine merges waiting edits by it, so the kind is ``WRITE`` only for a write whose
        event may be dropped when a later one writes the same key: one that brings no new models.
        ``None`` stands for a signal, and for what cannot be read.
        """

    def apply(self, prepared: Prepared, client: str) -> Patch:
        """Make the changes of a prepared edit; callbacks are queued, not run.

        Returns what the edit wrote, with the values as they are now, for the other browsers.
        View-local state and signals are left out of it. Nothing in it comes out of
        :meth:`drain` again.

        Raises:
            Refused: a value was refused after all; everything that this edit had changed
                already has been put back.
        """

    def run_callbacks(self) -> Iterator[Awaitable[Any]]:
        """Run the callbacks that :meth:`apply` queued.

        Synchronous callbacks run while the iterator is advanced; what it yields are the
        asynchronous ones, to be awaited one by one. Exceptions of callbacks are reported to the
        host, one by one, and never leave the iterator.
        """

    def visit(self, function: Callable[[Any], Any]) -> Iterator[Awaitable[Any]]:
        """Call ``function``, sync or async, with what application code knows as the document.

        Otherwise like :meth:`run_callbacks`.
        """

    @property
    def hears_of_losses(self) -> bool:
        """Whether :meth:`viewer_lost` would run anything just now. May be asked outside of turns."""

    def viewer_lost(self) -> Iterator[Awaitable[Any]]:
        """Tell app code that a browser is gone, for a while or for good; like :meth:`run_callbacks`."""

    def drain(self) -> Patch:
        """Take what changed since the last drain: every written key once, with its value now."""

    def values(self, keys: Sequence[Hashable]) -> Patch:
        """Encode the present whole values under ``keys`` as write events; unknown keys are left out."""

    def differs(self, prepared: Prepared) -> Sequence[Hashable]:
        """Keys of an edit just applied whose value is now another than the browser sent."""

    def send_whole(self) -> None:
        """From now on a value that was replaced is told as a write, whatever of it has stayed as it was.

        Somebody is here who cannot put a value together from parts.
        """

    def context(self) -> AbstractContextManager[Any]:
        """What each turn runs in, such as the document being the current one.

        Entered at the start of a turn, in the turn's own copied ``contextvars`` context, and left
        at its end, perhaps on another thread but in the same context.
        """

    def end(self) -> Iterator[Awaitable[Any]]:
        """Run the app's hooks for the end of the session; like :meth:`run_callbacks`."""

    def destroy(self) -> None:
        """Let go of everything: models, modules, timers. The last call; needs no turn."""
