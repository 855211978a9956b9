"""Extensions of Bokeh, such as Panel: models of other packages, and the files that browsers load for these.

An extension's files refer to each other, and its Python code names some of them by ``static/extensions/…``.
So they keep that path, below a folder whose name changes when the extension does.
"""

from __future__ import annotations

import hashlib
import threading
import weakref
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from embedsync.documents.bokeh import panel
from embedsync.documents.bokeh.compiled import COMPILED
from embedsync.documents.bokeh.private import Model, Resources, bundle_extensions, extension_dirs
from embedsync.errors import BuildError
from embedsync.files import file_below
from embedsync.request import ENDPOINT_URL, Request

__all__ = ["EXTENSIONS", "Extensions", "base_url", "check_compiled", "extension_scripts"]

_PREFIX = "static/extensions/"
_MODULE = "#module"
"""Behind the URL of a script that is a module."""

_lock = threading.Lock()
_bundles: dict[str, tuple[str, ...]] = {}
_of_classes: weakref.WeakKeyDictionary[type[Model], tuple[str, ...]] = weakref.WeakKeyDictionary()


class Extensions:
    """The files of the extensions that this process has imported, and of the models that it has compiled."""

    def __init__(self) -> None:
        self._versions: dict[Path, str] = {}

    def path_of(self, name: str) -> str | None:
        """``static/extensions/panel/panel.min.js``, below the folder of the extension's version."""
        if COMPILED.find(name) is not None:
            return name
        version = self.version(_extension_in(name))
        return f"{version}/{name}" if version is not None else None

    def find(self, path: str) -> Path | None:
        """The file that this is the path of."""
        if (compiled := COMPILED.find(path)) is not None:
            return compiled
        version, _, name = path.partition("/")
        if name == "favicon.ico":
            return self._icon(version)
        extension = _extension_in(name)
        folder = _folder(extension)
        if folder is None or version != self.version(extension):
            return None
        return file_below(folder, name.removeprefix(f"{_PREFIX}{extension}/"))

    def _icon(self, version: str) -> Path | None:
        """The icon that pages of an extension's templates name."""
        for extension in [*extension_dirs]:
            if self.version(extension) == version and (folder := _folder(extension)) is not None:
                return file_below(folder, "images/favicon.ico")
        return None

    def version(self, extension: str) -> str | None:
        """A hash that changes with the extension: whatever is in it belongs to its scripts."""
        folder = _folder(extension)
        if folder is None:
            return None
        known = self._versions.get(folder)
        if known is None:
            digest = hashlib.sha256()
            for script in sorted(folder.glob("*.js")):
                digest.update(script.read_bytes())
            known = self._versions[folder] = digest.hexdigest()[:16]
        return known


EXTENSIONS = Extensions()


def base_url(request: Request, extension: str) -> str | None:
    """What a page of a session finds ``static/extensions/…`` of an extension below; ``None`` without it."""
    version = EXTENSIONS.version(extension)
    return f"{_endpoint(request)}/extensions/bokeh/{version}" if version is not None else None


def extension_scripts(models: Iterable[Model]) -> tuple[str, ...]:
    """What a page loads for those of these models that are not Bokeh's, in the order to load it.

    Names that begin with ``static/extensions/`` are files of extensions, with ``compiled/`` scripts of
    models that were compiled; others are URLs. Style sheets end in ``.css``, modules in ``#module``.
    """
    found: dict[str, None] = {}
    given = list(models)
    for each in {type(model) for model in given}:
        found.update(dict.fromkeys(_scripts_of_class(each)))
    for component in filter(None, map(panel.component_of, given)):
        found.update(dict.fromkeys(_named_by(component, "panel")))
    # What models use is there before the bundle that uses it.
    return (*(each for each in found if not _is_bundle(each)), *filter(_is_bundle, found))


def check_compiled(models: Iterable[Model]) -> None:
    """Compile those of these models that have to be, unless that was done.

    Raises:
        BuildError: one does not compile, so that no page can show it.
    """
    for kind in {type(each) for each in models}:
        if hasattr(kind, "__implementation__"):
            _scripts_of_class(kind)
            if said := COMPILED.why_not(kind):
                name = kind.__name__
                raise BuildError(f"model {name} has an __implementation__ that does not compile:\n{said}")


def _endpoint(request: Request) -> str:
    """URL of the endpoint, as the page of a session reaches it, without a slash at its end."""
    noted = request.page.get(ENDPOINT_URL)
    if noted:
        return noted.rstrip("/")
    path = request.path.rpartition("/")[0]
    origin = f"{request.scheme}://{request.host}"
    return path if request.origin in (None, origin) else f"{origin}{path}"


def _folder(extension: str) -> Path | None:
    folder = extension_dirs.get(extension)
    return Path(folder) if folder is not None else None


def _extension_in(name: str) -> str:
    """The extension that a name belongs to; empty if it is something else."""
    return name.removeprefix(_PREFIX).partition("/")[0] if name.startswith(_PREFIX) else ""


def _is_bundle(name: str) -> bool:
    return any(name in each for each in _bundles.values())


def _scripts_of_class(kind: type[Model]) -> tuple[str, ...]:
    known = _of_classes.get(kind)
    if known is None:
        known = tuple(_found_for(kind))
        if not (hasattr(kind, "__implementation__") and COMPILED.why_not(kind)):
            _of_classes[kind] = known  # What has not compiled is tried again.
    return known


def _found_for(kind: type[Model]) -> Iterator[str]:
    package = kind.__view_module__.partition(".")[0]
    if package == "bokeh":
        return
    yield from _named_by(kind, package)
    if not hasattr(kind, "__implementation__"):
        yield from _bundle_of(package, kind)
    elif script := COMPILED.script_of(kind):
        yield script


def _named_by(kind: type, package: str) -> Iterator[str]:
    """The files that a class names."""
    for each in _listed(kind, "__css__"):
        yield _plain(each, package)
    for each in _listed(kind, "__javascript__"):
        yield _plain(each, package)
    for each in _listed(kind, "__javascript_modules__"):
        yield f"{_plain(each, package)}{_MODULE}"


def _bundle_of(package: str, kind: type[Model]) -> tuple[str, ...]:
    """The script with the views of an extension's models; none where a package has no such thing."""
    with _lock:
        if package not in _bundles:
            # This also notes the extension's folder.
            embeds = bundle_extensions({kind}, Resources(mode="server", root_url="/"))  # type: ignore[arg-type]
            _bundles[package] = tuple(f"{_PREFIX}{package}/{each.artifact_path.name}" for each in embeds)
        return _bundles[package]


def _listed(kind: type[Any], attribute: str) -> list[str]:
    found = getattr(kind, attribute, None) or []
    return [found] if isinstance(found, str) else [str(each) for each in found]


def _plain(url: str, extension: str) -> str:
    """The name of a file of the extension, without what Bokeh's server needs: a way up, and a version."""
    if "://" not in url:
        start = url.find(_PREFIX)
        return url[start:].partition("?")[0] if start >= 0 else url
    # Extensions may name what they have at another place as well, such as Panel does.
    below = url.partition("/dist/")[2].partition("?")[0]
    folder = _folder(extension)
    is_here = below and extension in url and folder is not None and file_below(folder, below) is not None
    return f"{_PREFIX}{extension}/{below}" if is_here else url
