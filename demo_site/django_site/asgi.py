"""What an ASGI server imports: `daphne demo_site.django_site.asgi:application`."""

import os

from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler
from django.core.asgi import get_asgi_application

from embedsync_django.asgi import with_live_apps

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "demo_site.django_site.settings")
get_asgi_application()  # It sets Django up.

# A real site lets its web server send the static files; this one has to stand alone.
application = with_live_apps(ASGIStaticFilesHandler(get_asgi_application()))
