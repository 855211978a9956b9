"""State that each browser computes for itself.

Callbacks may look at it, but no browser is told another's: two windows have two sizes. A snapshot
leaves it out too, for a browser would take computed bounds of a range for bounds that were set.
"""

from __future__ import annotations

from typing import Any

from bokeh.models import DataRange1d, Plot, ToolProxy

from embedsync.documents.bokeh.private import Model

__all__ = ["is_view_local"]

_OF_CLASSES: tuple[tuple[type[Model], frozenset[str]], ...] = (
    (Plot, frozenset({"inner_width", "inner_height", "outer_width", "outer_height"})),
    # Of a toolbar that several plots share. Which tool of a single plot is active stays in the
    # browser anyway.
    (ToolProxy, frozenset({"active"})),
)
_COMPUTED_BOUNDS = frozenset({"start", "end"})


def is_view_local(model: Model, attribute: str, event: dict[str, Any]) -> bool:
    """Whether an inbound write is about the sender's view only.

    Whether BokehJS computed the bounds of a range or a person moved them only the browser can tell,
    by ``"local"`` in the event. Without it the bounds of a range that follows its data count as
    computed.
    """
    for model_class, attributes in _OF_CLASSES:
        if attribute in attributes and isinstance(model, model_class):
            return True
    computed = isinstance(model, DataRange1d) and attribute in _COMPUTED_BOUNDS
    return event.get("local", computed) is True
