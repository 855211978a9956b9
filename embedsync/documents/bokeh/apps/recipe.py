"""What all recipes for Bokeh documents have in common."""

from __future__ import annotations

import inspect
import logging
import threading
from collections.abc import Awaitable, Generator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from embedsync.app import SessionInfo, Traits
from embedsync.authority import Authority
from embedsync.document import Document, DocumentHost
from embedsync.documents.bokeh import panel
from embedsync.documents.bokeh.authority import authority_of
from embedsync.documents.bokeh.document import BokehDocument
from embedsync.documents.bokeh.extensions import EXTENSIONS
from embedsync.documents.bokeh.page import has_own_page
from embedsync.documents.bokeh.private import settings
from embedsync.documents.bokeh.resources import INSERTING, script_files
from embedsync.documents.bokeh.session_context import ServerContext
from embedsync.errors import BuildError

__all__ = ["BokehRecipe", "Steps", "awaited"]

log = logging.getLogger("embedsync.bokeh")

Steps = Generator[Awaitable[Any], Any, None]


class BokehRecipe:
    """Builds Bokeh documents. A subclass says how one is filled, in :meth:`fill`."""

    kind = "bokeh"
    extensions = EXTENSIONS
    builds_ahead = True

    def __init__(self, authority: Authority | None) -> None:
        self._authority = authority
        self.traits = Traits()
        self._validated = False
        self._was_empty = False
        self._lock = threading.Lock()
        self.server_context = ServerContext()

    def check(self) -> None:
        """Look for mistakes that can be seen without running the app."""

    def load(self) -> Steps | None:
        """Run the hooks for the beginning of the process, unless that was done; there are none here."""
        return None

    def scripts(self) -> Mapping[str, Path]:
        """The bundles of the installed Bokeh."""
        return script_files()

    def build(self, host: DocumentHost, session: SessionInfo) -> Generator[Awaitable[Any], Any, Document]:
        """Make a document and run the app's code on it, as one turn."""
        authority = authority_of(session.authority) if self._authority is None else self._authority
        document = BokehDocument(host, session, authority, self.server_context)
        try:
            with document.context():
                yield from self.fill(document, session)
                panel.finish(document.bokeh)
                yield from document.left_to_await()
                self._validate(document)
                document.check_compiled()
                document.built()
        except SystemExit as error:
            document.destroy()
            raise BuildError(f"app {session.app!r} ended itself: SystemExit({error.code!r})") from error
        except BaseException:
            document.destroy()
            raise
        self._learn(document, session)
        return document

    def fill(self, document: BokehDocument, session: SessionInfo) -> Steps:
        """Run the app's code on a new document."""
        raise NotImplementedError

    def close(self) -> None:
        """The process stops."""

    def _validate(self, document: BokehDocument) -> None:
        """Have Bokeh look for what does not fit together, once: it would find the same for each visitor."""
        if not self._validated and settings.perform_document_validation():
            document.bokeh.validate()
            self._validated = True

    def _learn(self, document: BokehDocument, session: SessionInfo) -> None:
        """Note what pages for such documents need, and what they need later."""
        draws_page = has_own_page(document.bokeh)
        with self._lock:
            self.traits.own_page = bool(self.traits.own_page) or draws_page
            first_empty = not document.bokeh.roots and not draws_page and not self._was_empty
            self._was_empty |= first_empty
        if first_empty:
            log.warning(
                "app %r has filled its document with nothing, so its page is empty until a callback adds "
                "something: curdoc().add_root(…) does",
                session.app,
            )
        self._learn_policy(session.app, document.needs_eval())
        document.on_text_to_compile = partial(self._learn_policy, session.app)

    def _learn_policy(self, app: str, names: tuple[str, ...]) -> None:
        """Note what the policy of pages must allow for models of these classes."""
        with self._lock:
            known = self.traits.evaluates, self.traits.inserts
            self.traits.evaluates = self.traits.evaluates or bool(names)
            self.traits.inserts = self.traits.inserts or INSERTING in names
            if (self.traits.evaluates, self.traits.inserts) == known:
                return
        log.warning(
            "app %r uses %s, which is JavaScript held as text: the Content-Security-Policy of its page must "
            "allow %s for it",
            app,
            ", ".join(names),
            "'unsafe-eval', 'unsafe-inline' and blob:" if self.traits.inserts else "'unsafe-eval'",
        )


def awaited(document: BokehDocument | None, result: Any) -> Generator[Awaitable[Any], Any, Any]:
    """Await what app code returned, as often as needed, and return what comes of it.

    With ``document`` as the current one, if there is one.

    More than once, because Bokeh's hooks are coroutines that return what an app's own hook
    returned, which may be a coroutine again.
    """
    while inspect.isawaitable(result):
        result = yield document.guarded(result) if document is not None else result
    return result
