"""Apps that are a script or a notebook."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

from embedsync.app import SessionInfo
from embedsync.authority import Authority
from embedsync.documents.bokeh.apps.code import CodeFile, find_modules_beside, new_module
from embedsync.documents.bokeh.apps.output import ignored_output
from embedsync.documents.bokeh.apps.process import process_state
from embedsync.documents.bokeh.apps.recipe import BokehRecipe, Steps
from embedsync.documents.bokeh.document import BokehDocument

__all__ = ["ScriptRecipe", "ScriptRunner"]


class ScriptRunner:
    """Runs one file for each session, in a module of its own, side by side with others.

    With ``argv`` the file needs what a process has only once, and runs alone; so it does with ``cwd`` where
    threads cannot have a working folder each.
    """

    def __init__(self, path: Path, argv: tuple[str, ...] | None = None, cwd: bool = False) -> None:
        self.file = CodeFile(path)
        self._argv = argv
        self._cwd = cwd

    def run(self, document: BokehDocument, package: ModuleType | None = None) -> None:
        """Run the file; ``curdoc()`` is the document."""
        path = self.file.path
        find_modules_beside(path)
        module = new_module(path, package)
        # Kept in sys.modules until the session ends: pickling and dataclasses look modules up there.
        document.bokeh.modules.add(module)
        with process_state(path, self._argv, self._cwd), ignored_output(path.name):
            self.file.run(module)


class ScriptRecipe(BokehRecipe):
    """Fills documents by running a script or a notebook."""

    def __init__(
        self,
        path: Path,
        authority: Authority | None = None,
        argv: tuple[str, ...] | None = None,
        cwd: bool = False,
    ) -> None:
        super().__init__(authority)
        self._runner = ScriptRunner(path, argv, cwd)

    def check(self) -> None:
        """Compile the file.

        Raises:
            ConfigurationError: it is not Python; says in which line.
        """
        self._runner.file.codes()

    def fill(self, document: BokehDocument, session: SessionInfo) -> Steps:
        """Run the file."""
        self._runner.run(document)
        yield from ()
