"""What an ASGI server imports."""

import os

from django.core.asgi import get_asgi_application

from embedsync_django.asgi import with_live_apps

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "benchmarks.sites.django_site.settings")
application = with_live_apps(get_asgi_application())
