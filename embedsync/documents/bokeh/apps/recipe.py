"""What all recipes for Bokeh documents have in common."""

from __future__ import annotations

import inspect
import logging
import threading
from collections.abc import Awaitable, Generator, Mapping
from pathlib import Path
from typing import Any

from embedsync.app import SessionInfo
from embedsync.authority import Authority, Permissive
from embedsync.document import Document, DocumentHost
from embedsync.documents.bokeh.document import BokehDocument
from embedsync.documents.bokeh.extensions import EXTENSIONS
from embedsync.documents.bokeh.private import settings
from embedsync.documents.bokeh.resources import script_files
from embedsync.documents.bokeh.session_context import ServerContext
from embedsync.errors import BuildError

__all__ = ["BokehRecipe", "Steps", "awaited"]

log = logging.getLogger("embedsync.bokeh")

Steps = Generator[Awaitable[Any], Any, None]


class BokehRecipe:
    """Builds Bokeh documents. A subclass says how one is filled, in :meth:`fill`."""

    kind = "bokeh"
    extensions = EXTENSIONS

    def __init__(self, authority: Authority | None) -> None:
        self._authority = authority if authority is not None else Permissive()
        self._warned_of_eval = False
        self._lock = threading.Lock()
        self.server_context = ServerContext()

    def check(self) -> None:
        """Look for mistakes that can be seen without running the app."""

    def scripts(self) -> Mapping[str, Path]:
        """The bundles of the installed Bokeh."""
        return script_files()

    def build(self, host: DocumentHost, session: SessionInfo) -> Generator[Awaitable[Any], Any, Document]:
        """Make a document and run the app's code on it, as one turn."""
        document = BokehDocument(host, session, self._authority, self.server_context)
        try:
            with document.context():
                yield from self.fill(document, session)
                yield from document.left_to_await()
                if settings.perform_document_validation():
                    document.bokeh.validate()
                document.built()
        except SystemExit as error:
            document.destroy()
            raise BuildError(f"app {session.app!r} ended itself: SystemExit({error.code!r})") from error
        except BaseException:
            document.destroy()
            raise
        self._warn_of_eval(document, session)
        return document

    def fill(self, document: BokehDocument, session: SessionInfo) -> Steps:
        """Run the app's code on a new document."""
        raise NotImplementedError

    def close(self) -> None:
        """The process stops."""

    def _warn_of_eval(self, document: BokehDocument, session: SessionInfo) -> None:
        names = document.needs_eval()
        with self._lock:
            if not names or self._warned_of_eval:
                return
            self._warned_of_eval = True
        log.warning(
            "app %r uses %s, which is JavaScript held as text: the Content-Security-Policy of its page must "
            "allow 'unsafe-eval' for it (embedsync serve: --allow-eval)",
            session.app,
            ", ".join(names),
        )


def awaited(document: BokehDocument, result: Any) -> Generator[Awaitable[Any], Any, Any]:
    """Await what app code returned, as often as needed, and return what comes of it.

    More than once, because Bokeh's hooks are coroutines that return what an app's own hook
    returned, which may be a coroutine again.
    """
    while inspect.isawaitable(result):
        result = yield document.guarded(result)
    return result
