"""Settings from a Flask app's configuration."""

from __future__ import annotations

from typing import Any

from flask import Flask

from embedsync.errors import ConfigurationError
from embedsync.settings import Settings

__all__ = ["secret_keys", "settings_of"]

_PREFIX = "EMBEDSYNC_"


def settings_of(app: Flask) -> Settings:
    """The settings that ``EMBEDSYNC_…`` keys of the app's configuration give.

    ``EMBEDSYNC_GRACE = 60`` sets :attr:`embedsync.settings.Settings.grace`, and so on. Details of
    errors are shown when the app is in debug mode, unless ``EMBEDSYNC_DEBUG`` says otherwise.

    Raises:
        ConfigurationError: there is no such setting, or its value is out of range.
    """
    given: dict[str, Any] = {"debug": app.debug}
    for key, value in app.config.items():
        if key.startswith(_PREFIX):
            given[key.removeprefix(_PREFIX).lower()] = value
    return Settings.of(given, written=lambda name: f"{_PREFIX}{name.upper()}")


def secret_keys(app: Flask) -> list[str | bytes]:
    """The app's keys for signing, the present one last.

    Raises:
        ConfigurationError: the app has no ``SECRET_KEY``.
    """
    key = app.config.get("SECRET_KEY")
    if not key:
        raise ConfigurationError(
            'embedsync signs with the SECRET_KEY of the Flask app; set app.config["SECRET_KEY"]'
        )
    return [*(app.config.get("SECRET_KEY_FALLBACKS") or []), key]
