"""What an ASGI server imports."""

import os

from channels.routing import ProtocolTypeRouter, URLRouter
from channels.sessions import CookieMiddleware
from django.apps import apps
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "benchmarks.sites.bokeh_django.settings")
get_asgi_application()  # It sets Django up.
routes = apps.get_app_config("bokeh_django").routes

application = ProtocolTypeRouter(
    {
        # bokeh-django reads cookies: this is the part of the usual middleware of Channels that it needs.
        "http": CookieMiddleware(URLRouter(routes.get_http_urlpatterns())),
        "websocket": CookieMiddleware(URLRouter(routes.get_websocket_urlpatterns())),
    }
)
