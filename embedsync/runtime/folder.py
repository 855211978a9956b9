"""The files of the browser runtime, in a folder that is named by what is in them.

There are two such folders. In the one that browsers usually load from, each entry module holds all that it
imports. In the other, which is for debugging, each module is a file of its own. Both hold all sources: a site
may link to our files rather than copy them, and its entry modules are then sources, which import others.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from embedsync.runtime.joining import joined

__all__ = ["SCRIPT_TAG", "STATIC", "Folder", "RuntimeFile", "folder_of", "shipped"]

STATIC = Path(__file__).parents[1] / "static" / "embedsync"
SCRIPT_TAG = "script_tag.js"
"""A plain script, and no module; it is served at an address of its own."""

_ENTRIES = ("embed.js", "generation.js", "pages.js")
_LOADED = (".css", ".js")


@dataclass(frozen=True, slots=True)
class RuntimeFile:
    """A file that browsers may load.

    Attributes:
        source: where it comes from. Browsers that load this, and what it imports, have the same.
        content: the bytes.
        modified: when it last changed, in seconds since 1970.
    """

    source: Path
    content: bytes
    modified: float


@dataclass(frozen=True, slots=True)
class Folder:
    """Files by their paths in it, with slashes.

    Attributes:
        files: the files.
        imports: those that the entry ``embed.js`` imports, and so do their imports.
        hash: over all of them and their sources. Browsers may keep for ever what they have from a folder of
            this name.
    """

    files: Mapping[str, RuntimeFile]
    imports: tuple[str, ...]
    hash: str


def folder_of(static: Path, *, join: bool) -> Folder:
    """The files below a folder, as browsers load them.

    Args:
        static: where the sources are.
        join: entry modules hold what they import.

    Raises:
        Unfamiliar: a source cannot be joined.
    """
    paths = sorted(path for path in static.rglob("*") if path.suffix in _LOADED)
    files = {path.relative_to(static).as_posix(): _as_it_is(path) for path in paths}
    if not join:
        modules = (name for name in files if name.endswith(".js") and name not in (*_ENTRIES, SCRIPT_TAG))
        return Folder(files, tuple(modules), _hash(files))
    texts = {name: _text(file) for name, file in files.items() if name.endswith(".js")}
    newest = max(file.modified for file in files.values())
    entries = {
        name: RuntimeFile(files[name].source, joined(texts, name).encode(), newest) for name in _ENTRIES
    }
    return Folder({**files, **entries}, (), _hash(files, entries))


@functools.cache
def shipped(*, join: bool) -> Folder:
    """The folder of what this package ships."""
    return folder_of(STATIC, join=join)


def _as_it_is(path: Path) -> RuntimeFile:
    return RuntimeFile(path, path.read_bytes(), path.stat().st_mtime)


def _text(file: RuntimeFile) -> str:
    return file.content.decode().replace("\r\n", "\n")


def _hash(*contents: Mapping[str, RuntimeFile]) -> str:
    digest = hashlib.sha256()
    for files in contents:
        for name, file in files.items():
            digest.update(name.encode() + b"\0")
            digest.update(file.content + b"\0")
    return digest.hexdigest()[:16]
