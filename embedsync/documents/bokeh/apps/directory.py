"""Apps that are a directory: ``main.py``, and what lies beside it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

from embedsync.app import SessionInfo
from embedsync.authority import Authority
from embedsync.documents.bokeh.apps.application import run_to_its_end
from embedsync.documents.bokeh.apps.code import CodeFile, find_modules_beside, new_module
from embedsync.documents.bokeh.apps.once import Once
from embedsync.documents.bokeh.apps.process import process_state
from embedsync.documents.bokeh.apps.recipe import BokehRecipe, Steps, awaited
from embedsync.documents.bokeh.apps.script import ScriptRunner
from embedsync.documents.bokeh.document import BokehDocument
from embedsync.errors import ConfigurationError

__all__ = ["DirectoryRecipe"]

_HOOK_FILES = ("app_hooks.py", "server_lifecycle.py")
_REQUEST_FILES = ("app_hooks.py", "request_handler.py")


class DirectoryRecipe(BokehRecipe):
    """Fills documents by running ``main.py`` or ``main.ipynb`` of a directory.

    ``__init__.py`` makes it a package; ``theme.yaml`` is the theme; ``templates/index.html`` becomes
    ``doc.template``; ``app_hooks.py`` or ``server_lifecycle.py`` holds hooks; ``static`` holds files
    to serve.

    Attributes:
        static_path: the folder with files to serve, or ``None``.
    """

    def __init__(
        self,
        path: Path,
        authority: Authority | None = None,
        argv: tuple[str, ...] | None = None,
        cwd: bool = False,
    ) -> None:
        super().__init__(authority)
        self._path = path
        self._cwd = cwd
        self._main = ScriptRunner(_main_file(path), argv, cwd)
        self._hook_files = {
            name: CodeFile(path / name)
            for name in dict.fromkeys((*_HOOK_FILES, *_REQUEST_FILES))
            if (path / name).exists()
        }
        if all(each in self._hook_files for each in _HOOK_FILES):
            raise ConfigurationError(f"{path} has {' and '.join(_HOOK_FILES)}: only one can be used")
        self._modules: dict[str, ModuleType] = {}
        self._package: ModuleType | None = None
        self._loaded = Once()
        static = path / "static"
        if (path / "templates" / "index.html").exists():
            self.traits.own_page = True
        self.static_path = static if static.is_dir() else None

    def check(self) -> None:
        """Compile the files, and load theme and template.

        Raises:
            ConfigurationError: one of them is broken; says where.
        """
        files = [self._main.file, *self._hook_files.values()]
        if self._init_file.exists():
            files.append(CodeFile(self._init_file))
        for each in files:
            each.codes()
        _ = self._theme, self._template

    def load(self) -> Steps | None:
        """Load package and hooks, and call that for the beginning of the process, unless it was done."""
        return self._loaded.run(self._load) if self._hook_files or self._init_file.exists() else None

    def fill(self, document: BokehDocument, session: SessionInfo) -> Steps:
        """Call the hooks and run the main file."""
        yield from self._loaded.run(lambda: self._load(document))
        context = document.session_context
        for name in _REQUEST_FILES:
            hook = self._hook(name, "process_request")
            if hook is not None:
                _need_visit(session, "process_request")
                payload = yield from awaited(document, hook(context.request))
                context.add_payload(payload or {})
        ended = self._session_hook("on_session_destroyed")
        if ended is not None:
            document.on_end(ended)
        created = self._session_hook("on_session_created")
        if created is not None:
            _need_visit(session, "on_session_created")
            yield from awaited(document, created(context))
        if self._theme is not None:
            document.bokeh.theme = self._theme
        if self._template is not None:
            document.bokeh.template = self._template
        self._main.run(document, self._package)

    def close(self) -> None:
        """Call the hook for the end of the process, and let go of the modules."""
        if self._loaded.done:
            hook = self._session_hook("on_server_unloaded")
            if hook is not None:
                run_to_its_end(hook(self.server_context))
        for module in (*self._modules.values(), self._package):
            if module is not None:
                _forget(module)

    @property
    def _init_file(self) -> Path:
        return self._path / "__init__.py"

    @cached_property
    def _theme(self) -> Any:
        path = self._path / "theme.yaml"
        if not path.exists():
            return None
        from bokeh.themes import Theme

        try:
            return Theme(filename=str(path))
        except Exception as error:
            raise ConfigurationError(f"{path} is no theme: {error}") from error

    @cached_property
    def _template(self) -> Any:
        path = self._path / "templates" / "index.html"
        if not path.exists():
            return None
        from jinja2 import Environment, FileSystemLoader, TemplateError

        # As Bokeh does it: the template belongs to the app, and places markup that Bokeh has made.
        environment = Environment(loader=FileSystemLoader(path.parent))  # noqa: S701
        try:
            return environment.get_template(path.name)
        except TemplateError as error:
            raise ConfigurationError(f"{path} is no template: {error}") from error

    def _load(self, document: BokehDocument | None = None) -> Steps:
        """Load the package and the hooks, once for all sessions."""
        find_modules_beside(self._main.file.path)
        with process_state(self._main.file.path, None, self._cwd):
            if self._init_file.exists():
                self._package = _loaded(CodeFile(self._init_file), None)
            for name, file in self._hook_files.items():
                self._modules[name] = _loaded(file, self._package)
        hook = self._session_hook("on_server_loaded")
        if hook is not None:
            yield from awaited(document, hook(self.server_context))

    def _session_hook(self, name: str) -> Callable[..., Any] | None:
        return next((hook for file in _HOOK_FILES if (hook := self._hook(file, name)) is not None), None)

    def _hook(self, file: str, name: str) -> Callable[..., Any] | None:
        module = self._modules.get(file)
        return getattr(module, name, None) if module is not None else None


def _need_visit(session: SessionInfo, hook: str) -> None:
    """A hook is called when somebody visits, and not before."""
    if session.request.ahead is not None:
        session.request.ahead.look(f"each visit, by its hook {hook}")


def _forget(module: ModuleType) -> None:
    """Take a module out of ``sys.modules``, and with a package what was imported from it."""
    for name in [*sys.modules]:
        if name == module.__name__ or name.startswith(f"{module.__name__}."):
            del sys.modules[name]


def _main_file(path: Path) -> Path:
    for name in ("main.py", "main.ipynb"):
        if (path / name).exists():
            return path / name
    raise ConfigurationError(f"{path} is no app: it has neither main.py nor main.ipynb")


def _loaded(file: CodeFile, package: ModuleType | None) -> ModuleType:
    module = new_module(file.path, package)
    sys.modules[module.__name__] = module
    try:
        file.run(module)
    except BaseException:
        del sys.modules[module.__name__]
        raise
    return module
