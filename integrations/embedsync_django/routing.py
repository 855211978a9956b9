"""For a project's own ``URLRouter``: ``URLRouter([*websocket_urlpatterns, …])``."""

from __future__ import annotations

from django.urls import path

from embedsync_django.configuration import url_prefix
from embedsync_django.consumers import LiveConsumer, StockConsumer

__all__ = ["websocket_urlpatterns"]

websocket_urlpatterns = [
    path(f"{url_prefix()}/socket", LiveConsumer.as_asgi()),
    path(f"{url_prefix()}/<path:app>/ws", StockConsumer.as_asgi()),
]
"""The live socket, and those of clients that speak Bokeh's own protocol. They find out by themselves who
is logged in, and may stand inside an authentication middleware of the project just as well."""
