"""Lets staticfiles find the browser runtime and BokehJS, so that ``collectstatic`` is enough."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.apps import apps
from django.contrib.staticfiles.finders import BaseFinder
from django.core.checks import CheckMessage
from django.core.files import File
from django.core.files.storage import Storage
from django.templatetags.static import static

__all__ = ["FINDER", "LiveFilesFinder", "asset_url"]

FINDER = "embedsync_django.finders.LiveFilesFinder"
_FOLDER = "embedsync"


def asset_url(path: str) -> str:
    """URL of a file that browsers load: that of staticfiles, or one below the endpoint without it.

    Args:
        path: one of :meth:`embedsync.assets.Assets.files`; it holds a hash of the content.
    """
    if apps.is_installed("django.contrib.staticfiles"):
        return static(f"{_FOLDER}/{path}")
    from embedsync_django.configuration import endpoint

    return f"{endpoint()}/{path}"


class LiveFilesFinder(BaseFinder):
    """Finds the files of embedsync and of the installed Bokeh, below ``embedsync/``."""

    def check(self, **kwargs: Any) -> list[CheckMessage]:
        """There is nothing to configure."""
        return []

    def find(self, path: str, find_all: bool = False, **kwargs: Any) -> Any:
        """The file at a path below ``STATIC_URL``; an empty list if it is none of ours."""
        folder, _, name = path.replace("\\", "/").partition("/")
        file = _files().get(name) if folder == _FOLDER else None
        if file is None:
            return []
        wants_all = find_all or kwargs.get("all", False)  # The word of Django before 5.2.
        return [str(file)] if wants_all else str(file)

    def list(self, ignore_patterns: Iterable[str] | None) -> Iterator[tuple[str, Storage]]:
        """All our files, for ``collectstatic``."""
        storage = _Files(_files())
        for name in storage.names:
            if not any(fnmatch.fnmatchcase(name, each) for each in ignore_patterns or ()):
                yield name, storage


class _Files(Storage):
    """Files that lie in several places, as a storage that can only be read."""

    prefix = _FOLDER

    def __init__(self, files: dict[str, Path]) -> None:
        self._files = files
        self.names = list(files)

    def path(self, name: str) -> str:
        return str(self._files[name])

    def exists(self, name: str) -> bool:
        return name in self._files

    def size(self, name: str) -> int:
        return self._files[name].stat().st_size

    def get_modified_time(self, name: str) -> datetime:
        return datetime.fromtimestamp(self._files[name].stat().st_mtime, UTC)

    def _open(self, name: str, mode: str = "rb") -> File[bytes]:
        return File(self._files[name].open("rb"))


def _files() -> dict[str, Path]:
    from embedsync_django.registry import embed

    return embed.hub.assets.files()
