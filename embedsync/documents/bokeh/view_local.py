"""State that each browser computes for itself.

Callbacks may look at it, but no browser is told another's: two windows have two sizes.
"""

from __future__ import annotations

from typing import Any

from bokeh.models import Plot

from embedsync.documents.bokeh.private import Model

__all__ = ["is_view_local"]

_LAID_OUT = frozenset({"inner_width", "inner_height", "outer_width", "outer_height"})


def is_view_local(model: Model, attribute: str, event: dict[str, Any]) -> bool:
    """Whether an inbound write is about the sender's view only.

    Sizes are known by their names. Whether a browser computed the bounds of a range or a person
    moved them only the browser can tell: it says so with ``"local": true`` in the event.
    """
    if attribute in _LAID_OUT and isinstance(model, Plot):
        return True
    return event.get("local") is True
