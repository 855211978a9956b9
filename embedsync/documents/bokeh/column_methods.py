"""What takes the place of the methods by which Bokeh streams and patches, for our documents.

If one raises when some of the columns are changed already, Bokeh tells nobody of what they have changed. And
arrays are streamed sooner. Documents that are not ours have Bokeh's own way.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import Any

from embedsync.documents.bokeh.plain_streams import stream_arrays
from embedsync.documents.bokeh.private import PropertyValueColumnData

__all__ = ["install"]

_lock = threading.Lock()


def install() -> None:
    """Put them into Bokeh's class of columns; doing it again changes nothing."""
    with _lock:
        if not hasattr(PropertyValueColumnData._stream, "__wrapped__"):
            setattr(PropertyValueColumnData, "_stream", _telling(_sooner(PropertyValueColumnData._stream)))  # noqa: B010
            setattr(PropertyValueColumnData, "_patch", _telling(PropertyValueColumnData._patch))  # noqa: B010


def _sooner(method: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(method)
    def streamed(self: Any, *arguments: Any, **named: Any) -> None:
        if not stream_arrays(self, *arguments, **named):
            method(self, *arguments, **named)

    return streamed


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
