"""``manage.py check``: what is wrong with a set-up, in one sentence with the line to add."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.core.checks import Warning as Warn
from django.core.exceptions import ImproperlyConfigured
from django.urls import NoReverseMatch, reverse

from embedsync.errors import ConfigurationError, EmbedSyncError
from embedsync.hub import Hub
from embedsync.settings import Settings

__all__ = ["check_deployment", "check_project"]

_ASGI_LINES = (
    "In asgi.py: `from embedsync_django.asgi import with_live_apps` and "
    "`application = with_live_apps(get_asgi_application())`."
)


def check_project(**kwargs: Any) -> list[CheckMessage]:
    """Look for what would keep live apps from working."""
    found = [*_settings_and_apps(), *_static_files(), *_server(), *_routing(), *_users(), *_sizes()]
    # A setting that nothing can be made of is met by several of them.
    return list({each.msg: each for each in reversed(found)}.values())[::-1]


def check_deployment(**kwargs: Any) -> list[CheckMessage]:
    """Look for what must not be in production (``check --deploy``)."""
    found: list[CheckMessage] = []
    if str(settings.SECRET_KEY).startswith("django-insecure-"):
        found.append(
            Error(
                "Tickets of live apps are signed with the SECRET_KEY that startproject made up.",
                hint="Set SECRET_KEY from the environment of the server.",
                id="embedsync.E006",
            )
        )
    if "*" in settings.ALLOWED_HOSTS:
        found.append(
            Warn(
                "ALLOWED_HOSTS allows every name: a foreign one that points here passes for the site itself.",
                hint='Name the hosts: ALLOWED_HOSTS = ["example.org"].',
                id="embedsync.W007",
            )
        )
    return [*found, *_collected_files()]


def _settings_and_apps() -> Iterator[CheckMessage]:
    from embedsync_django.configuration import add_to, engine_settings, registrations, url_prefix
    from embedsync_django.registry import embed

    for look in (url_prefix, engine_settings):
        try:
            look()
        except ConfigurationError as error:
            yield Error(
                _sentence(error),
                hint="See docs/settings.md of embedsync.",
                id="embedsync.E001",
            )
    try:
        registered = registrations(embed)
    except ConfigurationError as error:
        yield Error(_sentence(error), id="embedsync.E002")
        return
    hub = Hub("of a check", Settings())  # It starts nothing, and is forgotten.
    for name, registration in registered.items():
        try:
            add_to(hub, name, registration)
        except EmbedSyncError as error:
            yield Error(f"Live app {name!r}: {_sentence(error)}", id="embedsync.E002")


def _static_files() -> Iterator[CheckMessage]:
    from embedsync_django.finders import FINDER

    if not apps.is_installed("django.contrib.staticfiles"):
        yield Warn(
            "The files of live apps are served by Python, because staticfiles is not installed.",
            hint='Add "django.contrib.staticfiles" to INSTALLED_APPS.',
            id="embedsync.W003",
        )
    elif FINDER not in settings.STATICFILES_FINDERS:
        yield Error(
            "collectstatic will not find the files of live apps.",
            hint=f'Add "{FINDER}" to STATICFILES_FINDERS.',
            id="embedsync.E003",
        )
    elif not settings.STATIC_URL:
        yield Error(
            "The files of live apps have no address.",
            hint='Set STATIC_URL = "static/".',
            id="embedsync.E003",
        )
    elif not settings.DEBUG and _folder_of_collectstatic() == "":
        yield Warn(
            "Without debug mode nobody serves the files of live apps, and collectstatic has no folder.",
            hint='Set STATIC_ROOT = BASE_DIR / "collected", run manage.py collectstatic, and let the server '
            "in front, or WhiteNoise, serve that folder at STATIC_URL.",
            id="embedsync.W008",
        )


def _collected_files() -> Iterator[CheckMessage]:
    from embedsync_django.registry import embed

    folder = _folder_of_collectstatic()
    if not folder:
        return
    try:
        names = embed.hub.assets.files()
    except EmbedSyncError:
        return  # Other checks tell it.
    if not all(Path(folder, "embedsync", each).exists() for each in names):
        yield Warn(
            f"The files of live apps, as they are now, are not in {folder}.",
            hint="Run manage.py collectstatic, after each change of embedsync or Bokeh as well.",
            id="embedsync.W009",
        )


def _folder_of_collectstatic() -> str | None:
    """Where files are collected, empty without STATIC_ROOT; ``None`` if it is no folder, or is not needed."""
    from django.contrib.staticfiles.storage import StaticFilesStorage, staticfiles_storage

    if not isinstance(staticfiles_storage, StaticFilesStorage):
        return None
    if getattr(settings, "WHITENOISE_USE_FINDERS", False):
        return None
    return str(settings.STATIC_ROOT or "")


def _server() -> Iterator[CheckMessage]:
    installed = list(settings.INSTALLED_APPS)
    names = [each.rpartition(".apps.")[0] or each for each in installed]
    if not settings.DEBUG:
        return
    if "daphne" not in names:
        yield Warn(
            "runserver cannot serve the sockets of live apps.",
            hint='Put "daphne" at the top of INSTALLED_APPS.',
            id="embedsync.W004",
        )
    elif "django.contrib.staticfiles" in names and names.index("daphne") > names.index(
        "django.contrib.staticfiles"
    ):
        yield Warn(
            "The runserver of staticfiles comes before that of daphne, and cannot serve sockets.",
            hint='Move "daphne" to the top of INSTALLED_APPS.',
            id="embedsync.W004",
        )


def _routing() -> Iterator[CheckMessage]:
    try:
        from channels.routing import get_default_application
    except ImportError:
        yield Error(
            "Channels is not installed, without which there are no sockets.",
            hint='Run: pip install "./embedsync[django]".',
            id="embedsync.E004",
        )
        return
    if not getattr(settings, "ASGI_APPLICATION", None):
        yield Error(
            "ASGI_APPLICATION is not set, so no server finds the sockets of live apps.",
            hint=f'Set ASGI_APPLICATION = "{_project()}.asgi.application".',
            id="embedsync.E004",
        )
        return
    try:
        application = get_default_application()
    except ImproperlyConfigured as error:
        reason = f" ({error.__context__})" if error.__context__ is not None else ""
        # A setting that the module needs may be the one that is wrong.
        hint = "Correct ASGI_APPLICATION." if "ASGI_APPLICATION" in str(error) or reason else None
        yield Error(f"{str(error).rstrip('.')}{reason}.", hint=hint, id="embedsync.E004")
        return
    except ConfigurationError:
        return  # It was told already, by the setting or the app that is wrong.
    except Exception as error:  # noqa: BLE001  (whatever that module does, other checks go on)
        yield Error(
            f"The module of ASGI_APPLICATION fails: {type(error).__name__}: {error}",
            hint=f"Correct {settings.ASGI_APPLICATION.rpartition('.')[0]}.",
            id="embedsync.E004",
        )
        return
    yield from _routes_of(application)


def _routes_of(application: Any) -> Iterator[CheckMessage]:
    from embedsync_django.asgi import LiveApplication
    from embedsync_django.consumers import LiveConsumer

    if _leads_to(application, lambda each: isinstance(each, LiveApplication)):
        return
    is_consumer: Callable[[Any], bool] = lambda each: getattr(each, "consumer_class", None) is LiveConsumer  # noqa: E731
    if not _leads_to(application, is_consumer):
        yield Error(
            "ASGI_APPLICATION leads no socket to live apps.",
            hint=f"{_ASGI_LINES} Or put embedsync_django.routing.websocket_urlpatterns into your URLRouter.",
            id="embedsync.E004",
        )
        return
    try:
        reverse("embedsync:live", args=["health"])
    except NoReverseMatch:
        yield Error(
            "Pages that have been open for long cannot ask for fresh tickets.",
            hint='Add path("", include("embedsync_django.urls")) to the urlpatterns of your project.',
            id="embedsync.E005",
        )


def _users() -> Iterator[CheckMessage]:
    from embedsync_django.configuration import registrations
    from embedsync_django.registry import embed

    try:
        registered = registrations(embed)
    except ConfigurationError:
        return
    asking = [name for name, each in registered.items() if each.options.get("permission")]
    if asking and not apps.is_installed("django.contrib.auth"):
        yield Error(
            f"Live app {asking[0]!r} asks who is logged in, and this project has no users.",
            hint='Add "django.contrib.auth" and "django.contrib.sessions" to INSTALLED_APPS.',
            id="embedsync.E007",
        )


def _sizes() -> Iterator[CheckMessage]:
    from embedsync_django.configuration import daphne_limit, engine_settings

    limit = daphne_limit()
    try:
        wanted = engine_settings().message_bytes
    except ConfigurationError:
        return
    if limit is not None and wanted > limit and apps.is_installed("daphne"):
        yield Warn(
            f"EMBEDSYNC['MESSAGE_BYTES'] is {wanted}, and daphne takes no message above {limit} bytes.",
            hint=f"Set DAPHNE_WEBSOCKET_MAX_MESSAGE_SIZE = DAPHNE_WEBSOCKET_MAX_FRAME_SIZE = {wanted}, and "
            "start the daphne command with the options of the same names.",
            id="embedsync.W006",
        )


_INSIDE = (
    "application",
    "app",
    "site",
    "inner",
    "application_mapping",
    "routes",
    "callback",
    "func",
    "__wrapped__",
)


def _leads_to(application: Any, wanted: Callable[[Any], bool]) -> bool:
    """Whether what is wanted can be reached from an ASGI application, by the ways that wrappers keep it."""
    waiting = [application]
    seen: set[int] = set()
    while waiting:
        each = waiting.pop()
        if wanted(each):
            return True
        if id(each) not in seen:
            seen.add(id(each))
            waiting += _inside(each)
    return False


def _inside(application: Any) -> Iterator[Any]:
    if isinstance(application, dict):
        yield from application.values()
    elif isinstance(application, list | tuple):
        yield from application
    else:
        for name in _INSIDE:
            inside = getattr(application, name, None)
            if inside is not None and not isinstance(inside, str | bytes):
                yield inside
        for cell in getattr(application, "__closure__", None) or ():
            yield cell.cell_contents


def _project() -> str:
    return str(getattr(settings, "ROOT_URLCONF", "") or "mysite.urls").partition(".")[0]


def _sentence(error: Exception) -> str:
    text = str(error)
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith(('.', '?')) else '.'}"
