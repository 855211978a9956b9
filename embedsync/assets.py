"""Files that browsers load: our own runtime and the scripts of document kinds, under hashed URLs.

A file's URL holds a hash of its content, so that browsers may keep it for ever. Files are read
and compressed when they are first asked for, and kept in memory, in each form.
"""

from __future__ import annotations

import hashlib
import logging
import mimetypes
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from embedsync.encodings import accepts, brotli_compressor, gzipped
from embedsync.helpers import Helpers
from embedsync.runtime import SCRIPT_TAG, Folder, RuntimeFile, shipped

__all__ = ["Asset", "Assets", "ExtensionFiles"]

logger = logging.getLogger("embedsync.assets")

EXTENSIONS = "extensions"
"""Below the endpoint, the folder of the files of extensions."""
_TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}


@dataclass(slots=True)
class Asset:
    """A file to serve.

    Attributes:
        content: the bytes.
        compressed: the same, by gzip.
        content_type: value of the header.
        brotli: the same, by brotli, from when it is made; ``None`` where it never is.
    """

    content: bytes
    compressed: bytes
    content_type: str
    brotli: bytes | None = None

    def encoded(self, accepted: str) -> tuple[bytes, list[tuple[str, str]]]:
        """The smallest form that there is and that a browser takes, and the headers that say which.

        Args:
            accepted: the ``Accept-Encoding`` header.
        """
        vary, packed = ("Vary", "Accept-Encoding"), self.brotli
        if packed is not None and accepts(accepted, "br"):
            return packed, [vary, ("Content-Encoding", "br")]
        if accepts(accepted, "gzip"):
            return self.compressed, [vary, ("Content-Encoding", "gzip")]
        return self.content, [vary]


def _runtime_path(folder: Folder, name: str) -> str:
    return f"static/{folder.hash}/{name}"


def _type_of(path: Path) -> str:
    if path.suffix == ".mjs":
        return _TYPES[".js"]
    return _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"


class ExtensionFiles(Protocol):
    """Files that nobody can list beforehand: of what apps import while they run."""

    def path_of(self, name: str) -> str | None:
        """A path with a hash in it for a name that documents use; ``None`` if it names no such file."""

    def find(self, path: str) -> Path | None:
        """The file under such a path, or under another one beside it that the file itself may name."""


class Assets:
    """Names files by URL and finds them again.

    Args:
        address: makes a URL of a file's path, for sites that serve the files some other way; without
            it, URLs are relative to the endpoint.
        join: the entry modules of the runtime hold what they import; else, for debugging, each of its modules
            is a file of its own.
    """

    def __init__(self, address: Callable[[str], str] = str, *, join: bool = True) -> None:
        self._address = address
        self._join = join
        self._lock = threading.Lock()
        self._scripts: dict[tuple[str, str], Path] = {}
        self._extensions: dict[str, ExtensionFiles] = {}
        self._hashes: dict[Path, str] = {}
        self._loaded: dict[Path | str, Asset] = {}
        self._compression = Helpers(
            "embedsync-brotli",
            failed="a file could not be compressed by brotli; browsers are given it by gzip",
        )

    def add_scripts(self, kind: str, scripts: Mapping[str, Path]) -> None:
        """Make the scripts of a document kind available, by the names that documents use."""
        with self._lock:
            for name, path in scripts.items():
                self._scripts[kind, name] = path

    def add_extensions(self, kind: str, files: ExtensionFiles) -> None:
        """Make the files of a document kind's extensions available, such as apps come to use them."""
        self._extensions[kind] = files

    def script_url(self, kind: str, name: str) -> str:
        """URL of a script; a name that is a URL already stays as it is."""
        with self._lock:
            path = self._scripts.get((kind, name))
        if path is None:
            files = self._extensions.get(kind)
            below = files.path_of(name) if files is not None else None
            return f"{EXTENSIONS}/{kind}/{below}" if below is not None else name
        return self._address(self._script_path(kind, name, path))

    def runtime_url(self, name: str = "embed.js") -> str:
        """URL of one of our own files."""
        return self._address(_runtime_path(self._runtime, name))

    def runtime_imports(self) -> list[str]:
        """URLs of what the entry module imports, as the browser will find them; none if it is joined."""
        folder = self.runtime_url().rpartition("/")[0]
        return [f"{folder}/{name}" for name in self._runtime.imports]

    def script_tag(self) -> bytes:
        """The script for pages that no template made; it names the entry module below the endpoint."""
        text = self._runtime.files[SCRIPT_TAG].content
        return text.replace(b"{{runtime}}", _runtime_path(self._runtime, "embed.js").encode())

    def files(self) -> dict[str, Path | RuntimeFile]:
        """All files that browsers may load, by their path below the endpoint.

        The runtime is there in both forms, joined and not: who copies the files may have another setting than
        who serves the pages.
        """
        with self._lock:
            scripts = dict(self._scripts)
        folders = [shipped(join=True), shipped(join=False)]
        files: dict[str, Path | RuntimeFile] = {
            _runtime_path(folder, name): file for folder in folders for name, file in folder.files.items()
        }
        for (kind, name), path in scripts.items():
            files[self._script_path(kind, name, path)] = path
        return files

    def find(self, path: str) -> Asset | None:
        """The file under a URL that this object made, or ``None``."""
        area, _, rest = path.partition("/")
        digest, _, name = rest.partition("/")
        if area == EXTENSIONS:
            files = self._extensions.get(digest)
            found = files.find(name) if files is not None else None
            return self.load(found) if found is not None else None
        if area == "static":
            return self._runtime_file(name) if digest == self._runtime.hash else None
        with self._lock:
            file = self._scripts.get((area, name))
        if file is None or digest != self._hash(file):
            return None
        return self.load(file)

    @property
    def _runtime(self) -> Folder:
        return shipped(join=self._join)

    def _runtime_file(self, name: str) -> Asset | None:
        # Looked up rather than joined: no path of a request reaches the disk.
        file = self._runtime.files.get(name)
        return self._kept(name, lambda: file.content, file.source) if file is not None else None

    def _script_path(self, kind: str, name: str, path: Path) -> str:
        return f"{kind}/{self._hash(path)}/{name}"

    def _hash(self, path: Path) -> str:
        known = self._hashes.get(path)
        if known is None:
            known = self._hashes[path] = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
        return known

    def load(self, path: Path) -> Asset:
        """A file, read once and kept. For files that belong to what is installed."""
        return self._kept(path, path.read_bytes, path)

    def _kept(self, key: Path | str, read: Callable[[], bytes], path: Path) -> Asset:
        known = self._loaded.get(key)
        if known is None:
            content = read()
            asset = Asset(content, gzipped(content), _type_of(path))
            with self._lock:
                known = self._loaded.setdefault(key, asset)
            if known is asset:
                self._make_smaller(known)
        return known

    def _make_smaller(self, asset: Asset) -> None:
        # Pictures and fonts are small already.
        compress = brotli_compressor() if asset.content_type in _TYPES.values() else None
        if compress is None:
            return

        def work() -> None:
            asset.brotli = compress(asset.content)

        try:
            self._compression.submit(work)
        except RuntimeError:
            logger.warning("no thread can be started to compress files by brotli; browsers are given gzip")
