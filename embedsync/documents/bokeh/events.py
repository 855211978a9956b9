"""From the events that a browser sent to the steps of an edit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from embedsync.authority import Authority
from embedsync.documents.bokeh.deserializer import Decoder, GoneModel, check_value
from embedsync.documents.bokeh.edits import (
    AddRoot,
    Message,
    PatchColumns,
    RemoveRoot,
    Set,
    SetTitle,
    Step,
    Stream,
)
from embedsync.documents.bokeh.plain_write import PlainSet, plain_write
from embedsync.documents.bokeh.private import Document, Event, Model, ModelEvent
from embedsync.documents.bokeh.view_local import is_view_local
from embedsync.errors import Refused
from embedsync.wire import Refusal

__all__ = ["decode_events", "decode_plain"]


class _Skipped(Exception):  # noqa: N818 - nothing is wrong
    """The event is about a model that is gone."""


def decode_plain(
    events: Sequence[Any], find: Callable[[str], Model | None], authority: Authority
) -> PlainSet | None:
    """The step of the usual edit, which comes without buffers, checked and authorised.

    Returns ``None`` for any other edit, which is left to :func:`decode_events`.

    Raises:
        Refused: it is not allowed.
    """
    try:
        plain = plain_write(events, find)
        if plain is not None:
            authority.write(plain.model, plain.attribute, plain.value)
        return plain
    except Refused:
        raise
    except Exception as error:
        raise _refused(error) from error


def decode_events(
    events: Sequence[Any], decoder: Decoder, authority: Authority, document: Document
) -> tuple[list[Step], tuple[int, ...]]:
    """Decode, check and authorise all events of an edit, changing nothing.

    Returns the steps to take, and the positions of events that were skipped.

    Raises:
        Refused: for any reason that there may be.
    """
    try:
        return _decode_all(events, decoder, authority, document)
    except Refused:
        raise
    except Exception as error:
        raise _refused(error) from error


def _refused(error: Exception) -> Refused:
    """What a browser is told that has sent something of which an exception has come."""
    if isinstance(error, GoneModel):
        return Refused(Refusal.UNKNOWN_MODEL, f"a value refers to {error}, which is gone")
    # Values and decoders of models, Bokeh's and the app's, raise whatever they like. All of it
    # is the browser's doing.
    return Refused(Refusal.MALFORMED, f"{type(error).__name__}: {error}")


def _decode_all(
    events: Sequence[Any], decoder: Decoder, authority: Authority, document: Document
) -> tuple[list[Step], tuple[int, ...]]:
    steps: list[Step] = []
    skipped = []
    for position, event in enumerate(events):
        if not isinstance(event, dict):
            decoder.error("an event is not an object")
        try:
            step = _decode_event(event, decoder)
        except _Skipped:
            skipped.append(position)
            continue
        steps.extend(_attribute_writes(decoder))
        steps.append(step)
    if not skipped:
        # What a skipped event refers to was not decoded, so leftovers mean nothing then.
        decoder.finish()
    for each in decoder.created.values():
        authority.create(each)
    for step in steps:
        _check(step)
        _authorise(step, authority, document)
    return steps, tuple(skipped)


def _decode_event(event: dict[str, Any], decoder: Decoder) -> Step:
    match event.get("kind"):
        case "ModelChanged":
            model, attribute = _target(event, decoder)
            local = is_view_local(model, attribute, event)
            return Set(model, attribute, decoder.decode(event.get("new")), local=local)
        case "ColumnDataChanged":
            model, attribute = _target(event, decoder)
            return _column_data(model, attribute, event, decoder)
        case "ColumnsStreamed":
            model, attribute = _target(event, decoder)
            rollover = event.get("rollover")
            if rollover is not None and (type(rollover) is not int or rollover < 0):
                decoder.error("not a rollover")
            return Stream(model, attribute, _columns(event.get("data"), decoder), rollover)
        case "ColumnsPatched":
            model, attribute = _target(event, decoder)
            return PatchColumns(model, attribute, _patches(event.get("patches"), decoder))
        case "RootAdded":
            return AddRoot(decoder.model(event.get("model")))
        case "RootRemoved":
            return RemoveRoot(_model(event.get("model"), decoder))
        case "TitleChanged":
            title = decoder.decode(event.get("title"))
            if not isinstance(title, str):
                decoder.error("not a title")
            return SetTitle(title)
        case "MessageSent":
            return _message(event, decoder)
        case other:
            return decoder.error(f"no event is of the kind {other!r}")


def _model(rep: Any, decoder: Decoder) -> Model:
    """The model that an event is about; if it is gone, so is the reason for the event."""
    try:
        return decoder.model(rep)
    except GoneModel as error:
        raise _Skipped from error


def _target(event: dict[str, Any], decoder: Decoder) -> tuple[Model, str]:
    model, attribute = _model(event.get("model"), decoder), event.get("attr")
    if not isinstance(attribute, str):
        decoder.error("not the name of a property")
    return model, attribute


def _columns(rep: Any, decoder: Decoder) -> dict[str, Any]:
    data = decoder.decode(rep)
    if not isinstance(data, dict) or not all(isinstance(each, str) for each in data):
        decoder.error("not columns")
    found: dict[str, Any] = data
    return found


def _column_data(model: Model, attribute: str, event: dict[str, Any], decoder: Decoder) -> Set:
    data = _columns(event.get("data"), decoder)
    columns = decoder.decode(event.get("cols"))
    if columns is None:
        return Set(model, attribute, data)
    if not isinstance(columns, list) or not all(isinstance(each, str) and each in data for each in columns):
        decoder.error("not names of columns")
    return Set(model, attribute, {each: data[each] for each in columns}, tuple(columns))


def _patches(rep: Any, decoder: Decoder) -> dict[str, Any]:
    patches = _columns(rep, decoder)
    for each in patches.values():
        if not isinstance(each, list) or not all(isinstance(one, list) and len(one) == 2 for one in each):
            decoder.error("not patches")
    return {name: [(one[0], one[1]) for one in each] for name, each in patches.items()}


def _message(event: dict[str, Any], decoder: Decoder) -> Message:
    kind = event.get("msg_type")
    if not isinstance(kind, str):
        decoder.error("not a message")
    try:
        data = decoder.decode(event.get("msg_data"))
    except GoneModel as error:
        raise _Skipped from error
    if kind == "bokeh_event" and not isinstance(data, Event):
        decoder.error("not an event")
    return Message(kind, data)


def _attribute_writes(decoder: Decoder) -> list[Step]:
    """Attributes of models that are here already, in definitions that came with an event."""
    writes, decoder.writes = decoder.writes, []
    return [Set(model, name, value) for model, name, value in writes]


def _check(step: Step) -> None:
    match step:
        case Set():
            check_value(step.model, step.attribute, step.value)
            if step.columns is not None and not hasattr(step.model, "_stream"):
                raise Refused(Refusal.UNKNOWN_PROPERTY, f"{step.model!r} has no columns")
        case Stream() | PatchColumns():
            if step.attribute != "data" or not hasattr(step.model, "_stream"):
                raise Refused(Refusal.UNKNOWN_PROPERTY, f"{step.model!r} has no columns")


def _authorise(step: Step, authority: Authority, document: Document) -> None:
    match step:
        case Set(columns=None):
            authority.write(step.model, step.attribute, step.value)
        case Set():
            # All columns, as they are after it.
            columns = {**getattr(step.model, step.attribute), **step.value}
            authority.write(step.model, step.attribute, columns)
        case Stream():
            authority.delta(step.model, step.attribute, step.data)
        case PatchColumns():
            authority.delta(step.model, step.attribute, step.patches)
        case AddRoot():
            authority.structure("RootAdded")
        case RemoveRoot():
            authority.structure("RootRemoved")
        case SetTitle():
            authority.structure("TitleChanged")
        case Message(data=ModelEvent() as event):
            authority.event(event.model, event.event_name, vars(event))
        case Message(data=Event() as event):
            authority.event(None, event.event_name, vars(event))
        case Message():
            authority.message(document, step.kind)
