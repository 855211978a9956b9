"""The profile of sites: what a person can change through what is shown, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

from embedsync.authority import Validator, granted
from embedsync.documents.bokeh.authority import columns, domain
from embedsync.documents.bokeh.authority.shown import is_open
from embedsync.documents.bokeh.authority.table import reach_of
from embedsync.documents.bokeh.private import Model, Unspecified, Value
from embedsync.documents.bokeh.properties import belongs_to_browser, descriptor_of, value_of
from embedsync.errors import Refused
from embedsync.wire import Refusal

__all__ = ["Closed"]

_VALIDATOR = "the validator of allow_client_write"
_DOCUMENT_EVENTS = frozenset(("document_ready", "connection_lost", "client_reconnected"))


class Closed:
    """Allows what a person reaches through what is shown, and what ``allow_client_write`` adds.

    Args:
        read_only: visitors may look around, and change nothing.
    """

    def __init__(self, *, read_only: bool = False) -> None:
        self._read_only = read_only

    def write(self, model: Any, attribute: str, value: Any) -> None:
        """Allow it if a person could have put in this value."""
        if self._granted(model, attribute, value):
            return
        kind: type[Model] = type(model)
        reach = reach_of(kind)
        if attribute in reach.view or belongs_to_browser(model, attribute):
            _insist(not (found := domain.complaint(model, attribute, value)), model, attribute, found)
        elif attribute in reach.inputs:
            self._insist_on_input(model, attribute)
            _insist(not (found := domain.complaint(model, attribute, value)), model, attribute, found)
        elif attribute == "data" and hasattr(model, "_stream"):
            _insist(not (found := columns.complaint(model, value, whole=True)), model, attribute, found)
            self._insist_on_input(model, attribute)
        else:
            opened = f"allow_client_write({kind.__name__.lower()}, {attribute!r})"
            hint = f"no person can change it; if a script of the page does, say {opened}"
            _insist(is_open(model, attribute, value), model, attribute, hint)
            self._insist_on_input(model, attribute)

    def delta(self, model: Any, attribute: str, data: Any) -> None:
        """Allow it if a tool or a table that edits these columns is shown."""
        if self._granted(model, attribute, data):
            return
        found = columns.complaint(model, _values(data), whole=False, streamed=_is_streamed(data))
        _insist(not found, model, attribute, found)
        self._insist_on_input(model, attribute)

    def event(self, model: Any | None, name: str, details: Mapping[str, Any]) -> None:
        """Allow what views of this kind of model report; others, if the app listens to them."""
        if model is None:
            if name not in _DOCUMENT_EVENTS:
                _refuse(f"a document has no event {name!r}")
            return
        kind: type[Model] = type(model)
        reach = reach_of(kind)
        if name in reach.view_events:
            return
        if name not in reach.events and name not in model._event_callbacks:
            _refuse(f"{kind.__name__} has no event {name!r}, and the app does not listen to one")
        self._insist_on_input(model, name)
        _insist(not (found := domain.event_complaint(model, name, details)), model, name, found)

    def message(self, document: Any, kind: str) -> None:
        """Allow it if the app listens to such messages."""
        if self._read_only or kind not in document.callbacks._message_callbacks:
            _refuse(f"the app does not listen to messages {kind!r} (document.on_message)")

    def create(self, model: Any) -> None:
        """Refuse it."""
        _refuse(f"a new {type(model).__name__} from a browser")

    def structure(self, change: str) -> None:
        """Refuse it."""
        _refuse(f"{change} from a browser")

    def _granted(self, model: Any, attribute: str, value: Any) -> bool:
        grant = granted(model, attribute)
        if grant is False or self._read_only:
            return False
        if grant is not True:
            _ask(grant, model, attribute, value)
        return True

    def _insist_on_input(self, model: Any, attribute: str) -> None:
        if self._read_only:
            _forbid(model, attribute, "the app is read-only")
        has_it = descriptor_of(model, "disabled") is not None
        if has_it and attribute != "disabled" and value_of(model, "disabled"):
            _forbid(model, attribute, "it is disabled")


def _ask(validator: Validator, model: Any, attribute: str, value: Any) -> None:
    where = f"{type(model).__name__}.{attribute}"
    try:
        valid = validator(_plain(value))
    except Exception as error:  # noqa: BLE001 - it is the app's
        _refuse(f"{where}: {_VALIDATOR} failed: {type(error).__name__}: {error}", where)
    if not valid:
        _refuse(f"{where}: {_VALIDATOR} says no", where)


def _plain(value: Any) -> Any:
    """What all of a glyph has in common is wrapped on its way; authors think of the number, or the color."""
    is_wrapped = isinstance(value, Value) and value.transform is Unspecified and value.units is Unspecified
    return value.value if is_wrapped else value


def _values(data: Any) -> Any:
    """Columns of values, whether they came as such or as pairs of place and value."""
    return {name: [_value(each) for each in column] for name, column in data.items()}


def _is_streamed(data: Any) -> bool:
    """Whether values are to be appended; no values too, for rows may go where they come."""
    return not all(len(column) and isinstance(column[0], tuple) for column in data.values())


def _value(streamed_or_patched: Any) -> Any:
    return streamed_or_patched[1] if isinstance(streamed_or_patched, tuple) else streamed_or_patched


def _insist(condition: bool, model: Any, attribute: str, complaint: str) -> None:
    if not condition:
        _forbid(model, attribute, complaint)


def _forbid(model: Any, attribute: str, complaint: str) -> NoReturn:
    where = f"{type(model).__name__}.{attribute}"
    _refuse(f"{where}: {complaint}", where)


def _refuse(message: str, where: str = "") -> NoReturn:
    raise Refused(Refusal.FORBIDDEN, message, where)
