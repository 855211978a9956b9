"""Bokeh's document, with the parts exchanged that a live session needs otherwise."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from bokeh.models import ColumnDataSource

from embedsync.documents.bokeh import panel
from embedsync.documents.bokeh.locked_callback import POLICIES, LockedCallback
from embedsync.documents.bokeh.private import Document, DocumentModelManager, Model, is_unthemed, make_id
from embedsync.documents.bokeh.properties import is_themed, value_of
from embedsync.documents.bokeh.references import all_models
from embedsync.documents.bokeh.timers import NextTickCallback, PeriodicCallback, TimeoutCallback

__all__ = ["LiveDocument", "LiveModels"]


class LiveModels(DocumentModelManager):
    """Tells which models left the document, even if they came back before anyone looked.

    Attributes:
        on_leave: called with those that left.
        sources: the models that have columns.
    """

    def __init__(self, document: Document) -> None:
        super().__init__(document)
        self.on_leave: Callable[[list[Model]], None] | None = None
        self.sources: list[Any] = []

    def recompute(self) -> None:
        """Find the models that are reachable from the roots."""
        document = self._document()
        if document is None:
            return
        before, now = self._models, all_models(document.roots)
        left = [each for key, each in before.items() if now.get(key) is not each]
        come = [each for key, each in now.items() if before.get(each.id) is not each]
        named = type(self._models_by_name)()
        for each in now.values():
            if (name := value_of(each, "name")) is not None:
                named.add_value(name, each)
        for each in left:
            self._seen_model_ids.add(each.id)
            each._detach_document()
        self._attach(come, document)
        self._models, self._models_by_name = now, named
        self.sources = [each for each in now.values() if isinstance(each, ColumnDataSource)]
        if left and self.on_leave is not None:
            self.on_leave(left)

    def _attach(self, models: list[Model], document: Document) -> None:
        """What ``_attach_document`` does, sooner for models that no theme changes."""
        theme = document.theme
        unthemed = {each for each in {type(model) for model in models} if is_unthemed(theme, each)}
        for each in models:
            if type(each) in unthemed and each.document is None and not is_themed(each):
                each.document = document
                each._update_event_callbacks()
            else:
                each._attach_document(document)

    def take(self) -> list[Model]:
        """Forget all models, and hand them over."""
        self.on_leave = None
        models = list(self._models.values())
        self._models.clear()
        self._models_by_name = type(self._models_by_name)()
        self.sources = []
        return models

    @contextmanager
    def freeze(self) -> Iterator[None]:
        """Put off :meth:`recompute` to the end, which comes even if something raises."""
        self._push_freeze()
        try:
            yield
        finally:
            self._pop_freeze()


class LiveDocument(Document):
    """A Bokeh document whose timed callbacks don't need Tornado."""

    models: LiveModels
    _knows_panel = False

    def __init__(self) -> None:
        super().__init__()
        self.models = LiveModels(self)

    @property
    def session_context(self) -> Any:
        """What app code may know about its session; ``None`` where there is none."""
        context = super().session_context
        if not self._knows_panel and context is not None:
            # Panel may be imported at any time, and asks for this before anything else.
            self._knows_panel = panel.welcome(self, context)
        return context

    def add_root(self, model: Model, setter: Any = None) -> None:
        """Add a root; one that cannot be added leaves the document as it was."""
        try:
            super().add_root(model, setter)
        except RuntimeError:
            if model in self._roots:
                self._roots.remove(model)
                self.models.invalidate()
            raise

    def locked_callback(
        self, callback: Callable[..., Any] | None = None, *, policy: str = "every"
    ) -> LockedCallback | Callable[[Callable[..., Any]], LockedCallback]:
        """Make a function that any thread may call, and that runs as turns of the session. A decorator.

        Args:
            callback: plain or ``async``.
            policy: ``"every"`` call counts; or, while several wait, the ``"latest"`` only.

        Raises:
            ValueError: there is no such policy.
        """
        if policy not in POLICIES:
            raise ValueError(f"unknown locked callback policy {policy!r}; there are {', '.join(POLICIES)}")
        if callback is None:
            return lambda function: LockedCallback(self, function, policy)
        return LockedCallback(self, callback, policy)

    def add_next_tick_callback(self, callback: Callable[[], Any]) -> Any:
        """Run ``callback`` once, as the next turn of the session. From any thread."""
        return self.callbacks.add_session_callback(
            NextTickCallback(callback, callback_id=make_id()),  # type: ignore[arg-type]
            callback,
            one_shot=True,
        )

    def add_timeout_callback(self, callback: Callable[[], Any], timeout_milliseconds: int) -> Any:
        """Run ``callback`` once, later. From any thread."""
        return self.callbacks.add_session_callback(
            TimeoutCallback(callback, timeout_milliseconds, callback_id=make_id()),  # type: ignore[arg-type]
            callback,
            one_shot=True,
        )

    def add_periodic_callback(self, callback: Callable[[], Any], period_milliseconds: int) -> Any:
        """Run ``callback`` again and again. From any thread."""
        return self.callbacks.add_session_callback(
            PeriodicCallback(callback, period_milliseconds, callback_id=make_id()),  # type: ignore[arg-type]
            callback,
            one_shot=False,
        )
