"""The Django app."""

from django.apps import AppConfig


class CellarConfig(AppConfig):
    """Configuration of the cellar."""

    name = "demo_site.django_site.cellar"
    label = "cellar"

    def ready(self) -> None:
        """Begin to listen for changes of the table."""
        from . import signals  # noqa: F401  (importing it connects its receivers)
