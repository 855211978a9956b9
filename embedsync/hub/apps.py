"""The apps of a process, by their names."""

from __future__ import annotations

import difflib
import string
import threading
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

from embedsync.app import App
from embedsync.assets import Assets
from embedsync.errors import ConfigurationError, UnknownApp

__all__ = ["Apps", "check_bounds", "check_name", "known_options"]

_IN_NAMES = frozenset(string.ascii_letters + string.digits + "-_./")


class Apps:
    """Holds apps.

    Args:
        assets: told of the files that their documents need.
    """

    def __init__(self, assets: Assets) -> None:
        self._assets = assets
        self._lock = threading.Lock()
        self._apps: dict[str, App] = {}

    def add(self, app: App) -> None:
        """Add an app whose name can stand in a URL.

        Raises:
            ConfigurationError: its recipe has a mistake, or cannot do what the app asks for; or its name is
                taken.
        """
        name, recipe = app.name, app.recipe
        recipe.check()
        if app.prebuild > 0 and not getattr(recipe, "builds_ahead", False):
            raise ConfigurationError(f"app {name!r}: 'prebuild' is not for documents of kind {recipe.kind!r}")
        with self._lock:
            if name in self._apps:
                raise ConfigurationError(f"there is an app {name!r} already")
            self._apps[name] = app
        self._assets.add_scripts(recipe.kind, recipe.scripts())
        extensions = getattr(recipe, "extensions", None)
        if extensions is not None:
            self._assets.add_extensions(recipe.kind, extensions)

    @property
    def by_name(self) -> Mapping[str, App]:
        """All that there are."""
        return dict(self._apps)

    def get(self, name: str) -> App | None:
        """The app of this name, if there is one."""
        return self._apps.get(name)

    def app(self, name: str) -> App:
        """The app of this name.

        Raises:
            UnknownApp: naming those that there are.
        """
        try:
            return self._apps[name]
        except KeyError:
            raise UnknownApp(name, list(self._apps)) from None


def check_name(name: str) -> None:
    """See that an app's name can stand in a URL.

    Raises:
        ConfigurationError: it cannot.
    """
    if not name or not all(each in _IN_NAMES for each in name):
        raise ConfigurationError(
            f"app name {name!r} must consist of letters a-z, digits, '-', '_', '.' and '/'; rename it"
        )


def check_bounds(name: str, sessions: int | None, permission: Callable[..., Any] | None) -> None:
    """See that what bounds the visitors of an app can do so.

    Raises:
        ConfigurationError: it cannot.
    """
    if sessions is not None and sessions < 1:
        raise ConfigurationError(f"app {name!r}: 'sessions' must be at least 1, not {sessions!r}")
    if permission is not None and not callable(permission):
        raise ConfigurationError(
            f"app {name!r}: 'permission' must be a function of the request, not {permission!r}"
        )


def known_options(name: str, options: dict[str, Any]) -> dict[str, Any]:
    """See that all options of an app exist; those of :meth:`.Hub.add_app` itself are taken out already.

    Raises:
        ConfigurationError: one does not; names what may have been meant.
    """
    known = ["authority", "read_only", "argv", "cwd"]
    for each in options:
        if each not in known:
            # What an app is made of has the names of its options.
            others = [*(field.name for field in fields(App) if field.name != "recipe"), *known]
            close = difflib.get_close_matches(each, others, 1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            raise ConfigurationError(f"app {name!r}: there is no option {each!r}{hint}")
    return options
