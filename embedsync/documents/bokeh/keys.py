"""The keys under which values of a Bokeh document are written."""

from __future__ import annotations

from collections.abc import Hashable

__all__ = ["ROOTS", "TITLE", "Key"]

Key = Hashable
"""``(model id, property)``, or one of the two below."""

ROOTS = "roots"
TITLE = "title"
