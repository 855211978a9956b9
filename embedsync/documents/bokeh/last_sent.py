"""Columns as they were sent last, so that those that have not changed since are not sent again.

Most callbacks replace ``source.data`` by columns of which some are as before. What was sent is compared, and
not what Python held: arrays may have been changed in place, of which nobody is told.
"""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["LastSent"]

_WORTH = 1024
"""Bytes of columns that are not sent again, from which that is worth telling of columns one by one."""
_MOST = 4 * 1024 * 1024
"""Bytes that are kept at the most. Arrays that are in the session's log as well are there once."""

_NONE: frozenset[str] = frozenset()


class LastSent:
    """Columns of the data sources of a session that were replaced, by their names, as bytes."""

    def __init__(self) -> None:
        self._sources: dict[str, dict[str, bytes]] = {}
        self._sizes: dict[str, int] = {}
        self.bytes = 0
        """Bytes that are kept."""

    def replace(self, source: str, columns: dict[str, bytes]) -> frozenset[str]:
        """These are sent now, but for those that are returned: they are as they were, and not all are.

        Args:
            source: whose they are.
            columns: by their names. Of those that are as they were, what was kept takes the place.
        """
        before = self._sources.get(source)
        same = []
        if before is not None and list(before) == list(columns):
            for name, each in columns.items():
                if before[name] == each:
                    columns[name] = before[name]
                    same.append(name)
        self.note(source, columns)
        if not same or len(same) == len(columns) or sum([len(columns[each]) for each in same]) < _WORTH:
            return _NONE
        return frozenset(same)

    def note(self, source: str, columns: dict[str, bytes]) -> None:
        """These are sent now, all of them."""
        size = sum(map(len, columns.values()))
        others = self.bytes - self._sizes.get(source, 0)
        if others + size > _MOST:
            self.forget((source,))
            return
        self._sources[source] = columns
        self._sizes[source] = size
        self.bytes = others + size

    def forget(self, sources: Iterable[str]) -> None:
        """Browsers may hold something else."""
        for each in sources:
            if self._sources.pop(each, None) is not None:
                self.bytes -= self._sizes.pop(each)

    def clear(self) -> None:
        """Forget everything."""
        self._sources.clear()
        self._sizes.clear()
        self.bytes = 0
