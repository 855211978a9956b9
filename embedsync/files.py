"""Files whose paths come with requests."""

from __future__ import annotations

from pathlib import Path, PureWindowsPath

__all__ = ["file_below"]


def file_below(folder: Path, path: str) -> Path | None:
    """A file below a folder; never one beside it, whatever the path of a request says.

    What would lead elsewhere on any system is refused before the disk is asked: where there are names like
    ``//host/share``, a look at one is a connection to that host.
    """
    meant = PureWindowsPath(path)
    if "\0" in path or meant.anchor or ".." in meant.parts:
        return None
    root = folder.resolve()
    try:
        file = (root / path).resolve()
        return file if file.is_relative_to(root) and file.is_file() else None
    except (OSError, UnicodeError):  # Such as a name that is too long, or no name at all.
        return None
