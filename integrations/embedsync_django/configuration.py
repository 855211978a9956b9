"""The project's settings, and the hub that they ask for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from django.conf import settings
from django.urls import get_script_prefix

from embedsync.errors import ConfigurationError
from embedsync.hub import Hub
from embedsync.settings import Settings
from embedsync_django.finders import asset_url
from embedsync_django.nobody import nobody
from embedsync_django.permissions import permission_of
from embedsync_django.registry import Registration, Registry

__all__ = ["daphne_limit", "endpoint", "engine_settings", "make_hub", "registrations", "url_prefix"]

_OWN = ("APPS", "URL")
_DEFAULT_URL = "live"


def url_prefix() -> str:
    """Below which path of the project everything of ours is; setting ``EMBEDSYNC["URL"]``.

    Raises:
        ConfigurationError: it is no path.
    """
    given = _configuration().get("URL", _DEFAULT_URL)
    path = given.strip("/") if isinstance(given, str) else ""
    if not path or not all(each.isalnum() or each in "-_/" for each in path):
        raise ConfigurationError(f"EMBEDSYNC['URL'] must be a path such as 'live/', not {given!r}")
    return path


def endpoint() -> str:
    """The URL of the endpoint, as pages reach it, without slash at the end."""
    return f"{get_script_prefix()}{url_prefix()}"


def engine_settings() -> Settings:
    """What ``EMBEDSYNC`` says of the engine: ``{"GRACE": 600}`` and so on.

    Details of errors are shown in debug mode, unless ``"DEBUG"`` says otherwise.
    ``CSRF_TRUSTED_ORIGINS`` may connect, for they may post forms as well. Messages are taken up to the size
    that daphne takes, unless ``"MESSAGE_BYTES"`` says otherwise.

    Raises:
        ConfigurationError: there is no such setting, or its value is out of range.
    """
    values: dict[str, Any] = {"debug": settings.DEBUG}
    if (limit := daphne_limit()) is not None:
        values["message_bytes"] = limit
    for name, value in _configuration().items():
        if name not in _OWN:
            if not name.isupper():
                raise ConfigurationError(
                    f"settings in EMBEDSYNC are in upper case: {name.upper()!r}, not {name!r}"
                )
            values[name.lower()] = value
    origins = values.get("allowed_origins", ())
    if isinstance(origins, list | tuple):
        values["allowed_origins"] = (*origins, *settings.CSRF_TRUSTED_ORIGINS)
    return Settings.of(values, written=lambda name: f"EMBEDSYNC['{name.upper()}']")


def daphne_limit() -> int | None:
    """Bytes of the largest message that daphne hands on; ``None`` without a limit.

    A larger one makes it close the socket, whereas a page that knows the limit gives up the one edit. The
    ``daphne`` command knows the settings that its ``runserver`` reads as options only.
    """
    names = ("DAPHNE_WEBSOCKET_MAX_MESSAGE_SIZE", "DAPHNE_WEBSOCKET_MAX_FRAME_SIZE")
    limits = [int(getattr(settings, name, 1024 * 1024)) for name in names]
    return min((each for each in limits if each > 0), default=None)


def registrations(registry: Registry) -> dict[str, Registration]:
    """The apps of the project: those of its ``live.py`` files, and of ``EMBEDSYNC["APPS"]``.

    The latter are given by source, or by a dictionary of ``SOURCE`` and options:
    ``{"sliders": "apps/sliders.py", "board": {"SOURCE": "apps/board.py", "SHARED": True}}``.

    Raises:
        ConfigurationError: a name is used twice, or an entry is nothing of the kind.
    """
    found = registry.registrations
    given = _configuration().get("APPS", {})
    if not isinstance(given, Mapping):
        raise ConfigurationError(f"EMBEDSYNC['APPS'] must map names to sources, not {type(given).__name__}")
    for name, entry in given.items():
        if name in found:
            raise ConfigurationError(f"app {name!r} of EMBEDSYNC['APPS'] was added by a live.py already")
        found[name] = _registration(name, entry)
    return found


def make_hub(registry: Registry) -> Hub:
    """The hub that the settings describe.

    Raises:
        ConfigurationError: a setting or an app is wrong.
    """
    keys = [*reversed(settings.SECRET_KEY_FALLBACKS), settings.SECRET_KEY]
    hub = Hub(keys, engine_settings(), asset_url=asset_url, nobody=nobody())
    for name, registration in registrations(registry).items():
        add_to(hub, name, registration)
    return hub


def add_to(hub: Hub, name: str, registration: Registration) -> None:
    """Add a registered app to a hub.

    Raises:
        ConfigurationError: the name or the source is not usable, or an option is unknown.
    """
    options = dict(registration.options)
    permission: Callable[..., Any] | None = permission_of(options.pop("permission", None))
    try:
        hub.add_app(name, _located(registration.source), permission=permission, **options)
    except TypeError as error:
        raise ConfigurationError(f"app {name!r}: {error}") from error


def _registration(name: str, entry: Any) -> Registration:
    if not isinstance(entry, Mapping):
        return Registration(entry)
    options = {key.lower(): value for key, value in entry.items()}
    if "source" not in options:
        raise ConfigurationError(f"app {name!r} of EMBEDSYNC['APPS'] lacks 'SOURCE'")
    return Registration(options.pop("source"), options)


def _located(source: Any) -> Any:
    """Paths are relative to the project rather than to wherever the server was started."""
    if isinstance(source, str | Path):
        return Path(getattr(settings, "BASE_DIR", ""), source)
    return source


def _configuration() -> Mapping[str, Any]:
    given = getattr(settings, "EMBEDSYNC", {})
    if not isinstance(given, Mapping):
        raise ConfigurationError(f"the setting EMBEDSYNC must be a dictionary, not {type(given).__name__}")
    return given
