"""The Django app: finds live apps, keeps the hub, and connects what has to be connected once."""

from __future__ import annotations

import threading
from types import ModuleType

from django.apps import AppConfig, apps
from django.conf import settings
from django.contrib.auth.signals import user_logged_out
from django.core import checks
from django.utils.module_loading import autodiscover_modules

from embedsync.errors import ConfigurationError
from embedsync.hub import Hub
from embedsync.running import register
from embedsync_django.checks import check_deployment, check_project
from embedsync_django.configuration import make_hub
from embedsync_django.finders import FINDER
from embedsync_django.registry import embed
from embedsync_django.users import end_sessions_of_login

__all__ = ["EmbedSyncConfig", "present_config"]


class EmbedSyncConfig(AppConfig):
    """Configuration of ``embedsync_django``."""

    name = "embedsync_django"
    verbose_name = "Live apps"

    def __init__(self, app_name: str, app_module: ModuleType | None) -> None:
        super().__init__(app_name, app_module)
        self._hub: Hub | None = None
        self._lock = threading.Lock()

    def ready(self) -> None:
        """Import every ``live.py``; let ``collectstatic`` find our files; end sessions at logout."""
        autodiscover_modules("live", register_to=None)
        if FINDER not in settings.STATICFILES_FINDERS:
            # So that one line in INSTALLED_APPS is enough: an app cannot bring a finder otherwise.
            settings.STATICFILES_FINDERS = [*settings.STATICFILES_FINDERS, FINDER]
        checks.register(check_project)
        checks.register(check_deployment, deploy=True)
        user_logged_out.connect(end_sessions_of_login, dispatch_uid="embedsync_django")

    @property
    def hub(self) -> Hub:
        """The hub of this process, made when it is first needed; it starts nothing by itself.

        Raises:
            ConfigurationError: a setting or an app is wrong.
        """
        with self._lock:
            if self._hub is None:
                self._hub = make_hub(embed)
                register(self._hub)
            return self._hub

    @property
    def running_hub(self) -> Hub | None:
        """The hub, if anything has needed it so far."""
        return self._hub

    def stop(self) -> None:
        """Stop the hub, if there is one. A server that starts once more in this process gets another."""
        hub = self._hub
        if hub is None:
            return
        # Who comes meanwhile is told by this hub to come back, rather than made another one.
        hub.stop()
        with self._lock:
            if self._hub is hub:
                self._hub = None


def present_config() -> EmbedSyncConfig:
    """The configuration of this project.

    Raises:
        ConfigurationError: ``"embedsync_django"`` is not in ``INSTALLED_APPS``.
        AppRegistryNotReady: Django is not set up yet.
    """
    try:
        config = apps.get_app_config("embedsync_django")
    except LookupError:
        raise ConfigurationError('add "embedsync_django" to INSTALLED_APPS') from None
    assert isinstance(config, EmbedSyncConfig)  # noqa: S101  (for the type checker: it is ours)
    return config
