"""Models whose views are written beside them, as ``__implementation__``: compiled once, each into a script.

Bokeh's server puts all such models of its process into every page. Here a page loads those that its
documents show, so that what one app has written neither runs in the pages of another nor, if it does not
compile, keeps these from being there.
"""

from __future__ import annotations

import hashlib
import logging
import re
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
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


class CompiledModels:
    """The scripts of the models that this process has compiled."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._names: dict[str, str] = {}
        self._files: dict[str, Path] = {}
        self._failed: dict[str, tuple[float, str]] = {}
        self._folder: Path | None = None

    def script_of(self, kind: type[Model]) -> str | None:
        """The name of the script with a model's view; ``None`` if it does not compile, which is in the log.

        Takes seconds for a model that is new, for which Bokeh starts Node.js.
        """
        model, source = CustomModel(kind), ""
        try:
            source = _source(model)
            if source not in self._names:
                with self._lock:
                    if source not in self._names:
                        if time.monotonic() < self._failed.get(source, (0, ""))[0]:
                            return None
                        self._names[source] = self._keep(model.name, compile_models({model.full_name: model}))
                        self._failed.pop(source, None)
            return self._names[source]
        except (CompilationError, RuntimeError, OSError, ValueError) as error:
            # The message is the compiler's; where it was called says nothing.
            said = _COLOUR.sub("", str(error)).strip()
            self._failed[source] = time.monotonic() + _PAUSE, said
            log.error("model %s has an __implementation__ that does not compile: %s", model.full_name, said)
            return None

    def why_not(self, kind: type[Model]) -> str:
        """What was said of a model that did not compile; empty for one that did, or was not tried."""
        if not self._failed:
            return ""  # At once: to tell what it is made of, its file is read.
        try:
            _, said = self._failed.get(_source(CustomModel(kind)), (0, ""))
        except (RuntimeError, OSError, ValueError):
            _, said = self._failed.get("", (0, ""))  # Its file cannot be read.
        return said

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


def _source(model: CustomModel) -> str:
    # A script defines its classes anew for each visit.
    return f"{model.name} {model.path} {model.implementation.code}"


COMPILED = CompiledModels()
