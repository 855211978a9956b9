"""Building ahead of the visitor: noticing that an app looks at who visits, and so cannot be built before."""

from __future__ import annotations

from typing import NoReturn

from embedsync.errors import LooksAtVisit

__all__ = ["Ahead"]


class Ahead:
    """Stands for the visit that has not come yet, while a document is built for it.

    Attributes:
        looked_at: what app code has looked at first, in words for the log; ``None`` if at nothing.
    """

    def __init__(self) -> None:
        self.looked_at: str | None = None

    def look(self, what: str) -> NoReturn:
        """App code asks for something of the visit.

        Raises:
            LooksAtVisit: always. Whatever app code makes of that, the document will not be used.
        """
        self.looked_at = self.looked_at or what
        raise LooksAtVisit(f"this document is built before its visitor has come, and looks at {what}")
