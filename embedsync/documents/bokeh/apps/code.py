"""Compiled code of scripts and notebooks, kept until the file changes."""

from __future__ import annotations

import ast
import json
import linecache
import sys
import threading
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from embedsync.documents.bokeh.private import make_globally_unique_id
from embedsync.errors import ConfigurationError

__all__ = ["CodeFile", "find_modules_beside", "new_module"]


class CodeFile:
    """A file with Python code: a script, or a notebook, whose cells run one after the other."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._version: tuple[int, int] | None = None
        self._codes: list[CodeType] = []

    def codes(self) -> list[CodeType]:
        """The compiled code, from the file as it is now.

        Raises:
            ConfigurationError: it cannot be read, or is not Python; says in which line.
        """
        with self._lock:
            try:
                status = self.path.stat()
            except OSError as error:
                raise ConfigurationError(f"{self.path} cannot be read: {error.strerror}") from error
            version = (status.st_mtime_ns, status.st_size)
            if version != self._version:
                self._codes = _compiled(self.path)
                self._version = version
            return self._codes

    def run(self, module: ModuleType) -> None:
        """Run the code in a module."""
        for code in self.codes():
            exec(code, module.__dict__)  # noqa: S102 - running the app's code is what this is for


def new_module(path: Path, package: ModuleType | None = None) -> ModuleType:
    """A fresh module for one run of a file, under a name that nothing else has."""
    name = "bokeh_app_" + make_globally_unique_id().replace("-", "")
    module = ModuleType(name)
    module.__file__ = str(path)
    if path.name == "__init__.py":
        module.__package__ = name
        module.__path__ = [str(path.parent)]
    elif package is not None:
        module.__package__ = package.__name__
        module.__path__ = [str(path.parent)]
    return module


def find_modules_beside(path: Path) -> None:
    """Let the code in this file import the modules that lie beside it.

    The folder stays on ``sys.path``: sessions are built side by side, and imports may come later.
    """
    folder = str(path.parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)


def _compiled(path: Path) -> list[CodeType]:
    try:
        text = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from error
    if path.suffix == ".ipynb":
        return _compiled_notebook(path, text)
    return [_compile(text, str(path), path.name)]


def _compile(source: str | bytes, filename: str, called: str) -> CodeType:
    try:
        return compile(source, filename, "exec", dont_inherit=True)
    except SyntaxError as error:
        raise ConfigurationError(f"{called}, line {error.lineno}: {error.msg}") from error
    except ValueError as error:  # null bytes
        raise ConfigurationError(f"{called}: {error}") from error


def _compiled_notebook(path: Path, text: bytes) -> list[CodeType]:
    codes = []
    for number, source in _cells(path, text):
        # Each cell is a file of its own to Python, so that errors name the cell and its line.
        filename = f"{path}#cell-{number}"
        plain = _without_magics(source)
        codes.append(_compile(plain, filename, f"{path.name}, cell {number}"))
        linecache.cache[filename] = (len(plain), None, plain.splitlines(keepends=True), filename)
    return codes


def _cells(path: Path, text: bytes) -> list[tuple[int, str]]:
    """Code cells of a notebook, with their numbers among all cells, from 1."""
    try:
        notebook = json.loads(text)
        sheets = notebook.get("worksheets", [notebook])  # sheets: the format before version 4
        cells = [cell for sheet in sheets for cell in sheet["cells"]]
        return [
            (number, _source(cell))
            for number, cell in enumerate(cells, start=1)
            if cell.get("cell_type") == "code"
        ]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigurationError(f"{path.name} is no notebook") from error


def _source(cell: dict[str, Any]) -> str:
    source = cell.get("source", cell.get("input", ""))
    return source if isinstance(source, str) else "".join(source)


def _without_magics(source: str) -> str:
    """Empty the lines that only IPython understands; all others keep their numbers."""
    if _is_python(source):
        return source
    lines = source.splitlines()
    first = next((line for line in lines if line.strip()), "")
    if first.startswith("%%"):
        # Some run the cell and look at it, such as %%time; others hold another language, such as %%bash.
        rest = "".join(f"{line}\n" if line != first else "\n" for line in lines)
        return rest if _is_python(rest) else ""
    return "\n".join("" if _is_magic(line) else line for line in lines) + "\n"


def _is_magic(line: str) -> bool:
    text = line.strip()
    return text.startswith(("%", "!", "?")) or text.endswith("?")


def _is_python(source: str) -> bool:
    try:
        ast.parse(source)
    except (SyntaxError, ValueError):
        return False
    return True
