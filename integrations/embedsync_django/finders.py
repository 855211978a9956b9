"""Lets staticfiles find the browser runtime and BokehJS, so that ``collectstatic`` is enough."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.apps import apps
from django.contrib.staticfiles.finders import BaseFinder
from django.core.checks import CheckMessage
from django.core.files import File
from django.core.files.base import ContentFile
from django.core.files.storage import Storage
from django.templatetags.static import static

from embedsync.runtime import RuntimeFile

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
        files = _Files(_files())
        if folder != _FOLDER or not files.exists(name):
            return []
        wants_all = find_all or kwargs.get("all", False)  # The word of Django before 5.2.
        return [files.path(name)] if wants_all else files.path(name)

    def list(self, ignore_patterns: Iterable[str] | None) -> Iterator[tuple[str, Storage]]:
        """All our files, for ``collectstatic``."""
        storage = _Files(_files())
        for name in storage.names:
            if not any(fnmatch.fnmatchcase(name, each) for each in ignore_patterns or ()):
                yield name, storage


class _Files(Storage):
    """Files that lie in several places, or nowhere, as a storage that can only be read.

    Who asks for the path of an entry module, to link or to serve it, gets that of the source, which imports
    others from the same folder. Who reads it gets what holds them.
    """

    prefix = _FOLDER

    def __init__(self, files: Mapping[str, Path | RuntimeFile]) -> None:
        self._files = files
        self.names = list(files)

    def path(self, name: str) -> str:
        file = self._files[name]
        return str(file if isinstance(file, Path) else file.source)

    def exists(self, name: str) -> bool:
        return name in self._files

    def size(self, name: str) -> int:
        file = self._files[name]
        return file.stat().st_size if isinstance(file, Path) else len(file.content)

    def get_modified_time(self, name: str) -> datetime:
        file = self._files[name]
        return datetime.fromtimestamp(file.stat().st_mtime if isinstance(file, Path) else file.modified, UTC)

    def _open(self, name: str, mode: str = "rb") -> File[bytes]:
        file = self._files[name]
        return File(file.open("rb")) if isinstance(file, Path) else ContentFile(file.content)


def _files() -> dict[str, Path | RuntimeFile]:
    from embedsync_django.registry import embed

    return embed.hub.assets.files()
