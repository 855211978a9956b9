"""Arrays appended to arrays, as most streams do: sooner than by Bokeh, with the same result.

Bokeh validates the columns anew with each stream, and compares all of their values with those before, to
tell of the stream in any case. Here it is seen at once that they are valid.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from bokeh.models import ColumnDataSource

from embedsync.documents.bokeh.columns import COLUMNS, is_plain_array
from embedsync.documents.bokeh.live import LiveDocument
from embedsync.documents.bokeh.private import ColumnsStreamedEvent

__all__ = ["stream_arrays"]

_DESCRIPTOR: Any = ColumnDataSource.lookup(COLUMNS)


def stream_arrays(
    columns: Any, document: Any, source: Any, new: Any, rollover: Any = None, setter: Any = None
) -> bool:
    """What ``PropertyValueColumnData._stream`` does, if it can be done here.

    Args:
        columns: the value of ``source.data``, in which the columns are replaced by longer ones.
        document: that the source is in.
        source: that is told of it, and tells its callbacks.
        new: what is appended to each column.
        rollover: how long the columns may become, in values.
        setter: who has changed it.

    Returns:
        False if nothing was done, for Bokeh has to do it.
    """
    if type(document) is not LiveDocument or not _belongs_to(source, columns):
        return False
    if rollover is not None and (type(rollover) is not int or rollover < 1):
        return False
    if type(new) is not dict or not _fits(columns, new):
        return False
    before = columns._saved_copy()
    for name, values in new.items():
        column = np.concatenate((columns[name], values))
        if rollover is not None and len(column) > rollover:
            column = column[len(column) - rollover :]
        dict.__setitem__(columns, name, column)  # Nobody is told of it yet.
    hint = ColumnsStreamedEvent(document, source, COLUMNS, new, rollover, setter)
    _DESCRIPTOR._trigger(source, before, columns, hint=hint)
    return True


def _belongs_to(source: Any, columns: Any) -> bool:
    """Whether these are the columns of this source only, and a property of which the ways are known."""
    owners = columns._owners
    return (
        len(owners) == 1
        and (source, _DESCRIPTOR) in owners
        and source._property_values.get(COLUMNS) is columns
    )


def _fits(columns: Any, new: dict[Any, Any]) -> bool:
    """Whether the columns are arrays, and will be of one length when these are appended, which are, too."""
    if len(columns) != len(new) or not new:
        return False
    lengths = set()
    for name, values in new.items():
        column = columns.get(name)
        if type(name) is not str or not is_plain_array(column) or not is_plain_array(values):
            return False
        if column.dtype != values.dtype or not len(column) or not len(values):
            return False
        lengths.add((len(column), len(values)))
    return len(lengths) == 1
