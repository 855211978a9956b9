"""A cheap look at events that a browser sent, before they are decoded."""

from __future__ import annotations

from typing import Any

from embedsync.document import EventKind, Written
from embedsync.documents.bokeh.keys import ROOTS, TITLE

__all__ = ["outlined"]

_CONTAINERS = (dict, list)


def outlined(event: Any) -> Written | None:
    """What an event writes; ``None`` for a signal and for what cannot be read."""
    if not isinstance(event, dict):
        return None
    match event.get("kind"):
        case "ModelChanged":
            return _written(event, _replaceable(event.get("new")))
        case "ColumnDataChanged":
            return _written(event, event.get("cols") is None and _replaceable(event.get("data")))
        case "ColumnsStreamed" | "ColumnsPatched":
            return _written(event, replaceable=False)
        case "RootAdded" | "RootRemoved":
            return Written(ROOTS, EventKind.DELTA)
        case "TitleChanged":
            return Written(TITLE, EventKind.WRITE)
    return None


def _written(event: dict[str, Any], replaceable: bool) -> Written | None:
    model, attribute = event.get("model"), event.get("attr")
    if not isinstance(model, dict) or not isinstance(attribute, str):
        return None
    identifier = model.get("id")
    if not isinstance(identifier, str):
        return None
    # A definition in place of a reference writes more than the one property.
    kind = EventKind.WRITE if replaceable and len(model) == 1 else EventKind.DELTA
    return Written((identifier, attribute), kind)


def _replaceable(value: Any) -> bool:
    """Whether a value brings no new models, so that nothing is lost if a later one takes its place."""
    if not isinstance(value, _CONTAINERS):
        return True
    below = [value]
    while below:
        each = below.pop()
        if isinstance(each, dict):
            if each.get("type") == "object":
                return False
            below.extend(each.values())
        elif isinstance(each, list):
            below.extend(each)
    return True
