"""``manage.py check``: what is wrong with a set-up, in one sentence with the line to add."""

from __future__ import annotations

from collections.abc import Callable, Iterator
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
    return [*_settings_and_apps(), *_static_files(), *_server(), *_routing(), *_templates()]


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
    return found


def _settings_and_apps() -> Iterator[CheckMessage]:
    from embedsync_django.configuration import add_to, engine_settings, registrations, url_prefix
    from embedsync_django.registry import embed

    for look in (url_prefix, engine_settings):
        try:
            look()
        except ConfigurationError as error:
            yield Error(
                _sentence(error), hint="See embedsync/settings.py for all names.", id="embedsync.E001"
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
    from channels.routing import get_default_application

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
        yield Error(_sentence(error), hint="Correct ASGI_APPLICATION.", id="embedsync.E004")
        return
    except ConfigurationError:
        return  # It was told already, by the setting or the app that is wrong.
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
    if not _leads_to(application, is_consumer, through="AuthMiddleware"):
        yield Warn(
            "Live apps will not know who is logged in.",
            hint="Wrap the URLRouter of asgi.py in channels.auth.AuthMiddlewareStack.",
            id="embedsync.W005",
        )
    try:
        reverse("embedsync:live", args=["health"])
    except NoReverseMatch:
        yield Error(
            "Pages that have been open for long cannot ask for fresh tickets.",
            hint='Add path("", include("embedsync_django.urls")) to the urlpatterns of your project.',
            id="embedsync.E005",
        )


def _templates() -> Iterator[CheckMessage]:
    name = "django.template.context_processors.request"
    for engine in settings.TEMPLATES:
        if engine.get("BACKEND") != "django.template.backends.django.DjangoTemplates":
            continue
        if name not in engine.get("OPTIONS", {}).get("context_processors", []):
            yield Warn(
                "{% embed_app %} needs the request, and templates do not get it.",
                hint=f'Add "{name}" to the context_processors of TEMPLATES.',
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


def _leads_to(application: Any, wanted: Callable[[Any], bool], *, through: str = "") -> bool:
    """Whether what is wanted can be reached from an ASGI application, by the ways that wrappers keep it.

    Args:
        application: where to begin.
        wanted: says whether something is it.
        through: name of a class that must be met before.
    """
    waiting: list[tuple[Any, bool]] = [(application, not through)]
    seen: set[tuple[int, bool]] = set()
    while waiting:
        each, met = waiting.pop()
        met = met or type(each).__name__ == through
        if met and wanted(each):
            return True
        if (id(each), met) in seen:
            continue
        seen.add((id(each), met))
        waiting += [(inside, met) for inside in _inside(each)]
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
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith('.') else '.'}"
