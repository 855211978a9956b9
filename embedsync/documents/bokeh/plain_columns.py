"""Columns of plain values, in the form in which they are sent.

Most columns are arrays that are sent as the bytes that they consist of, lists of numbers, text, or what
pandas holds: they refer to no model, and can be compared with what was sent last.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import msgspec
import numpy as np

from embedsync.document import Buffer
from embedsync.documents.bokeh.columns import SENT_AS_THEY_ARE, Held, kind_of
from embedsync.documents.bokeh.plain_values import told_at_once
from embedsync.documents.bokeh.private import array_encoding_disabled, transform_array, transform_series
from embedsync.documents.bokeh.serializer import encode_json
from embedsync.documents.bokeh.values import is_pandas

__all__ = ["PlainColumn", "plain_array", "plain_column"]


@dataclass(slots=True)
class PlainColumn:
    """A column as it is sent.

    Attributes:
        held: the array that browsers make of it.
        content: what it holds: the bytes of an array, or JSON.
        shape: of an array; ``None`` for a list.
    """

    held: Held
    content: bytes
    shape: tuple[int, ...] | None
    _dtype: str = "object"

    @property
    def is_told_by_content(self) -> bool:
        """Whether another one with the same ``held`` and the same content is the same."""
        # Of an array `held` tells how many dimensions it has, but not how long all of them are.
        return self.shape is None or len(self.shape) <= 2

    def encoded(self, content: bytes, name: Callable[[bytes], Buffer]) -> tuple[Any, Buffer | None]:
        """What Bokeh's serializer makes of it, and the buffer to which that refers.

        Args:
            content: the same as that of the column, which may be kept already.
            name: names the bytes of a buffer.
        """
        if self.shape is None:
            return msgspec.Raw(content), None
        buffer = None
        array: Any = msgspec.Raw(content)
        if self._dtype != "object":
            buffer = name(content)
            array = {"type": "bytes", "data": {"id": buffer.id}}
        encoded = {
            "type": "ndarray",
            "array": array,
            "shape": self.shape,
            "dtype": self._dtype,
            "order": sys.byteorder,
        }
        return encoded, buffer


def plain_column(column: Any) -> PlainColumn | None:
    """A column in the form in which it is sent, if all that it holds is plain."""
    if (found := plain_array(column)) is not None:
        return found  # At once, for most are like that.
    if type(column) is list or type(column) is tuple:
        content = _as_json(column)
        return PlainColumn(Held("list", len(column)), content, None) if content is not None else None
    try:
        return _converted(column)
    except Exception:  # noqa: BLE001 - it can't be encoded, which is told when that is tried
        return None


def _converted(column: Any) -> PlainColumn | None:
    if is_pandas(column):
        column = transform_series(column)
    if type(column) is not np.ndarray or not column.ndim:
        return None
    column = transform_array(column)
    if (found := plain_array(column)) is not None:
        return found
    if column.dtype.kind != "U" and not array_encoding_disabled(column):
        return None
    content = _as_json(column.ravel().tolist())
    if content is None:
        return None
    kind = kind_of({"type": "ndarray", "dtype": "object", "shape": column.shape})
    return PlainColumn(Held(kind, column.shape[0]), content, column.shape)


def plain_array(column: Any) -> PlainColumn | None:
    """An array that is sent as the bytes that it consists of."""
    if type(column) is not np.ndarray or not column.flags.c_contiguous:
        return None
    held = _held_of(column.dtype, column.shape)
    if held is None:
        return None
    return PlainColumn(held, column.tobytes(), column.shape, SENT_AS_THEY_ARE[column.dtype])


@lru_cache(maxsize=256)
def _held_of(dtype: np.dtype[Any], shape: tuple[int, ...]) -> Held | None:
    # Most callbacks make arrays of the same lengths again and again.
    if dtype not in SENT_AS_THEY_ARE or not shape:
        return None
    return Held(kind_of({"type": "ndarray", "dtype": SENT_AS_THEY_ARE[dtype], "shape": shape}), shape[0])


def _as_json(values: Sequence[Any]) -> bytes | None:
    told = told_at_once(values)
    if told is None:
        return None
    try:
        return encode_json(told)
    except UnicodeEncodeError:
        return None  # Half of a surrogate pair.
