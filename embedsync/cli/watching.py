"""Which files ``--dev`` watches."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from pathlib import Path

from embedsync.errors import ConfigurationError

__all__ = ["Watched", "watched_files"]

_SUFFIXES = (".py", ".ipynb", ".html", ".css", ".js", ".ts", ".yaml", ".yml")


class Watched:
    """Files to watch, by the folders that they are in: editors put new files in the place of old ones.

    Attributes:
        folders: each for itself, without those below.
    """

    def __init__(self, folders: Collection[Path], files: Collection[Path]) -> None:
        self.folders = sorted({*folders, *(each.parent for each in files)})
        self._sources = {str(each) for each in folders}
        self._files = {str(each) for each in files}

    def concerns(self, change: object, path: str) -> bool:
        """Whether a change is one of those that matter."""
        folder, name = os.path.split(path)
        return path in self._files or (folder in self._sources and name.endswith(_SUFFIXES))


def watched_files(apps: Sequence[Path], others: Sequence[str]) -> Watched:
    """Sources in the tree of each app that is a directory, those beside each app that is a file, and others.

    Args:
        apps: paths of the apps.
        others: of files that were named.

    Raises:
        ConfigurationError: one of them is not there.
    """
    for each in [*apps, *map(Path, others)]:
        if not each.exists():
            raise ConfigurationError(f"--dev: there is no {str(each)!r} to watch")
    folders: list[Path] = []
    for each in apps:
        folders += _tree(each.resolve()) if each.is_dir() else [each.resolve().parent]
    return Watched(folders, [Path(each).resolve() for each in others])


def _tree(root: Path) -> list[Path]:
    found = []
    for folder, below, _ in os.walk(root):
        # Neither compiled files nor what version control and environments keep.
        below[:] = [name for name in below if not name.startswith((".", "__pycache__", "node_modules"))]
        found.append(Path(folder))
    return found
