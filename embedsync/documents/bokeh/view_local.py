"""State that each browser computes for itself.

Callbacks may look at it, but no browser is told another's: two windows have two sizes. A snapshot
leaves it out too, for a browser would take computed bounds of a range for bounds that were set.
"""

from __future__ import annotations

from typing import Any

from bokeh.models import DataRange1d, Range, ToolProxy

from embedsync.documents.bokeh.private import Model
from embedsync.documents.bokeh.properties import belongs_to_browser

__all__ = ["is_view_local"]

_BOUNDS = frozenset({"start", "end"})


def is_view_local(model: Model, attribute: str, event: dict[str, Any]) -> bool:
    """Whether an inbound write is about the sender's view only.

    Whether BokehJS computed the bounds of a range or a person moved them only the browser can tell,
    by ``"local"`` in the event. Without it the bounds of a range that follows its data count as
    computed, and others do not. For anything but bounds it means nothing: no browser can keep what
    it writes from the others.
    """
    if belongs_to_browser(model, attribute):
        return True
    if isinstance(model, ToolProxy) and attribute == "active":
        # Of a toolbar that several plots share; for a single plot BokehJS keeps it to itself too.
        return True
    if isinstance(model, Range) and attribute in _BOUNDS:
        return event.get("local", isinstance(model, DataRange1d)) is True
    return False
