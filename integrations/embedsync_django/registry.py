"""Where the apps of a project are named, as models are named to the admin."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from embedsync.errors import ConfigurationError

if TYPE_CHECKING:
    from embedsync.hub import Hub

__all__ = ["Registration", "Registry", "embed"]

_Function = TypeVar("_Function", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Registration:
    """What was said of an app, before anything was made of it.

    Attributes:
        source: a function, a path, a ``bokeh.application.Application`` …
        options: see :meth:`Registry.add_app`.
    """

    source: Any
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def origin(self) -> str:
        """Where it comes from, for people."""
        if callable(self.source):
            return (
                f"{self.source.__module__}.{getattr(self.source, '__qualname__', type(self.source).__name__)}"
            )
        return str(self.source)


class Registry:
    """The live apps of a Django project; the ``live.py`` of each installed app adds to :data:`embed`."""

    def __init__(self) -> None:
        self._registrations: dict[str, Registration] = {}

    def add_app(self, name: str, source: Any, **options: Any) -> None:
        """Add a live app under a name.

        Args:
            name: as in ``{% embed_app "name" %}``.
            source: a function ``app(doc)``, sync or async; the path of a script, a directory or a
                notebook, relative to ``BASE_DIR``; or a ``bokeh.application.Application``.
            options: ``permission``: who may use the app: a callable that takes the
                :class:`embedsync.request.Request`, the name of a permission such as
                ``"polls.view_poll"``, or ``login_required``. All else as in
                :meth:`embedsync.hub.Hub.add_app`: ``shared``, ``grace``, ``title`` …

        Raises:
            ConfigurationError: the name is taken. What is wrong with the source, ``manage.py check``
                tells.
        """
        if name in self._registrations:
            raise ConfigurationError(
                f"there is an app {name!r} already: {self._registrations[name].origin}; "
                "a live.py that is imported under two names adds its apps twice"
            )
        self._registrations[name] = Registration(source, options)

    def app(self, name: str, **options: Any) -> Callable[[_Function], _Function]:
        """Add the decorated function as a live app; see :meth:`add_app`."""

        def add(function: _Function) -> _Function:
            self.add_app(name, function, **options)
            return function

        return add

    def update_sessions(self, name: str, function: Callable[[Any], Any]) -> int:
        """Run ``function(doc)`` in each live session of an app; see :meth:`.Hub.update_sessions`.

        From a signal receiver, a view or a task, and without waiting for any session. What it changes
        in the database meanwhile is seen once it is committed: call this from ``transaction.on_commit``.
        """
        return self.hub.update_sessions(name, function)

    @property
    def registrations(self) -> dict[str, Registration]:
        """What was added, by name."""
        return dict(self._registrations)

    @property
    def hub(self) -> Hub:
        """The hub of this process. It is made when it is first needed.

        Raises:
            ConfigurationError: a setting or an app is wrong.
        """
        from embedsync_django.apps import present_config

        return present_config().hub

    def stop(self) -> None:
        """The process ends: end all sessions and close all sockets, so that browsers come back later."""
        from embedsync_django.apps import present_config

        present_config().stop()


embed = Registry()
"""The project's live apps. It holds what was named and starts nothing, like ``admin.site``."""
