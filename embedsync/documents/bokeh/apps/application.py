"""Apps that are a ready ``bokeh.application.Application``."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Generator
from pathlib import Path
from typing import Any

from embedsync.app import SessionInfo
from embedsync.authority import Authority
from embedsync.documents.bokeh.apps.once import Once
from embedsync.documents.bokeh.apps.output import install
from embedsync.documents.bokeh.apps.process import process_state
from embedsync.documents.bokeh.apps.recipe import BokehRecipe, Steps, awaited
from embedsync.documents.bokeh.document import BokehDocument
from embedsync.errors import BuildError, ConfigurationError

__all__ = ["ApplicationRecipe"]

log = logging.getLogger("embedsync.bokeh")


class ApplicationRecipe(BokehRecipe):
    """Fills documents by the handlers of a Bokeh application.

    Handlers that run a file change the process while they do, so these run one at a time; load the
    file itself for sessions that are built side by side.
    """

    def __init__(self, application: Any, authority: Authority | None = None) -> None:
        super().__init__(authority)
        self._application = application
        self._loaded = Once()

    def check(self) -> None:
        """Look at what the handlers found out when they were made.

        Raises:
            ConfigurationError: one of them has failed.
        """
        for handler in self._application.handlers:
            if handler.failed:
                raise ConfigurationError(str(handler.error))

    def metadata(self) -> Any:
        """What the application says of itself to who asks its URL."""
        said = self._application.metadata
        return (said() if callable(said) else said) or {}

    def load(self) -> Steps | None:
        """Call the hooks for the beginning of the process, unless that was done."""
        return self._loaded.run(self._server_loaded)

    def fill(self, document: BokehDocument, session: SessionInfo) -> Steps:
        """Call hooks and handlers in the order in which Bokeh does."""
        from bokeh.application.handlers.document_lifecycle import DocumentLifecycleHandler

        yield from self._loaded.run(lambda: self._server_loaded(document))
        context: Any = document.session_context
        handlers = self._application.handlers
        for handler in handlers:
            payload = yield from awaited(document, handler.process_request(context.request))
            document.session_context.add_payload(payload or {})
        for handler in handlers:
            yield from awaited(document, handler.on_session_created(context))
            # Bokeh adds one of these for the callbacks of ``doc.on_session_destroyed``, which we call.
            if not isinstance(handler, DocumentLifecycleHandler):
                document.on_end(handler.on_session_destroyed)
        for handler in handlers:
            yield from self._modify(handler, document)

    def close(self) -> None:
        """Call the hooks for the end of the process."""
        if self._loaded.done:
            for handler in self._application.handlers:
                run_to_its_end(handler.on_server_unloaded(self.server_context))

    def _server_loaded(self, document: BokehDocument | None = None) -> Generator[Awaitable[Any], Any, None]:
        for handler in self._application.handlers:
            yield from awaited(document, handler.on_server_loaded(self.server_context))

    def _modify(self, handler: Any, document: BokehDocument) -> Steps:
        from bokeh.application.handlers import CodeHandler, DirectoryHandler, FunctionHandler

        if isinstance(handler, FunctionHandler) and inspect.iscoroutinefunction(handler._func):
            # Bokeh's own handler would call it and drop the coroutine.
            yield from awaited(document, handler._func(document.bokeh))
            return
        if isinstance(handler, CodeHandler | DirectoryHandler):
            # Bokeh exchanges functions of its modules meanwhile: ours must be wrapped before that.
            install()
            with process_state(Path(str(handler.url_path() or "app")), (), cwd=False):
                result = handler.modify_document(document.bokeh)
        else:
            result = handler.modify_document(document.bokeh)
        yield from awaited(document, result)
        if handler.failed:
            raise BuildError(f"{handler.error}\n{handler.error_detail}")


def run_to_its_end(result: Any) -> None:
    """Await what a hook returned, on a loop of its own: the app's loop is gone by then."""
    if inspect.isawaitable(result):

        async def wait() -> None:
            await result

        asyncio.run(wait())
