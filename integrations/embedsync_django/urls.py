"""The HTTP side: ``path("", include("embedsync_django.urls"))``.

A project whose ``asgi.py`` uses :func:`embedsync_django.asgi.with_live_apps` has these already.
"""

from __future__ import annotations

from django.urls import path

from embedsync_django.configuration import url_prefix
from embedsync_django.views import live

__all__ = ["app_name", "urlpatterns"]

app_name = "embedsync"
urlpatterns = [path(f"{url_prefix()}/<path:path>", live, name="live")]
