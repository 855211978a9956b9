"""Models whose views are written beside them, as ``__implementation__``: compiled once, each into a script.

Bokeh's server puts all such models of its process into every page. Here a page loads those that its
documents show, so that what one app has written neither runs in the pages of another nor, if it does not
compile, keeps these from being there.
"""

from __future__ import annotations

import hashlib
import logging
import shutil
import tempfile
import threading
import time
import weakref
from pathlib import Path

from embedsync.documents.bokeh.private import CompilationError, CustomModel, Model, compile_models

__all__ = ["COMPILED", "CompiledModels"]

log = logging.getLogger("embedsync.bokeh")

_PREFIX = "compiled/"
_PAUSE = 60.0
"""Seconds until what has not compiled is tried again: each visit asks for it, and Node.js is dear."""
_ENTRY = '"custom/main"'


class CompiledModels:
    """The scripts of the models that this process has compiled."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._names: dict[str, str] = {}
        self._files: dict[str, Path] = {}
        self._failed: dict[str, float] = {}
        self._folder: Path | None = None

    def script_of(self, kind: type[Model]) -> str | None:
        """The name of the script with a model's view; ``None`` if it does not compile, which is in the log.

        Takes seconds for a model that is new, for which Bokeh starts Node.js.
        """
        model, source = CustomModel(kind), ""
        try:
            # A script defines its classes anew for each visit.
            source = f"{model.name} {model.path} {model.implementation.code}"
            if source not in self._names:
                with self._lock:
                    if source not in self._names:
                        if time.monotonic() < self._failed.get(source, 0):
                            return None
                        self._names[source] = self._keep(model.name, compile_models({model.full_name: model}))
            return self._names[source]
        except (CompilationError, RuntimeError, OSError, ValueError) as error:
            self._failed[source] = time.monotonic() + _PAUSE
            # The message is the compiler's; where it was called says nothing.
            log.error("model %s has an __implementation__ that does not compile: %s", model.full_name, error)
            return None

    def find(self, name: str) -> Path | None:
        """The file of a script."""
        return self._files.get(name)

    def _keep(self, model_name: str, script: str) -> str:
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="embedsync-"))
            weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        digest = hashlib.sha256(script.encode()).hexdigest()[:16]
        path = self._folder / f"{digest}.js"
        # BokehJS runs one entry of a name, and all that Bokeh compiles have the same.
        path.write_text(script.replace(_ENTRY, f'"custom/{digest}"'), encoding="utf-8")
        name = f"{_PREFIX}{digest}/{model_name}.js"
        self._files[name] = path
        return name


COMPILED = CompiledModels()
