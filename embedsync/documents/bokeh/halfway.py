"""Streams and patches that raise when some of the columns are changed already.

Bokeh tells nobody of what they have changed. Nor does it when they are called on a document that is not ours;
then nothing happens here.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import Any

from embedsync.documents.bokeh.private import PropertyValueColumnData

__all__ = ["install"]

_lock = threading.Lock()


def install() -> None:
    """Tell our documents of columns that are changed halfway; doing it again changes nothing."""
    with _lock:
        for name in ("_stream", "_patch"):
            method = getattr(PropertyValueColumnData, name)
            if not hasattr(method, "__wrapped__"):
                setattr(PropertyValueColumnData, name, _telling(method))


def _telling(method: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(method)
    def told(self: Any, *arguments: Any, **named: Any) -> None:
        try:
            method(self, *arguments, **named)
        except BaseException:
            for model, descriptor in list(self._owners):
                changed = getattr(getattr(model.document, "callbacks", None), "changed_halfway", None)
                if changed is not None:
                    changed(model, descriptor.name)
            raise

    return told
