"""What is in a document is taken apart when its session has ended, so that it is gone at once.

Bokeh's own ``Document.destroy`` asks the garbage collector for it, which walks through everything that the
process holds, for each session that ends, while all others wait. Without that, each model would still be a
ring of references (a model holds its lists, a list knows its owners), which only the collector could free.
"""

from __future__ import annotations

import sys

from embedsync.documents.bokeh.live import LiveDocument
from embedsync.documents.bokeh.panel import components
from embedsync.documents.bokeh.private import Model, forget_classes

__all__ = ["let_go"]


def let_go(document: LiveDocument) -> None:
    """Take apart the models of a document, and the modules that app code ran in."""
    document._roots.clear()
    for model in document.models.take():
        _take_apart(model)
    _end_modules(document)


def _take_apart(model: Model) -> None:
    """Cut the rings of references in a model."""
    model._callbacks.clear()
    model._event_callbacks.clear()
    model.destroy()
    model._unstable_default_values.clear()
    model._unstable_themed_values.clear()


def _end_modules(document: LiveDocument) -> None:
    modules = document.modules._modules
    if not modules:
        return
    ended = {each.__name__ for each in modules}
    forget_classes(ended, [each for each, owner in components().items() if owner.__module__ in ended])
    for module in modules:
        sys.modules.pop(module.__name__, None)
        module.__dict__.clear()
    modules.clear()
