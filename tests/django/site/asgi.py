"""As a person would write it, who puts the imports first."""

import os

from django.core.asgi import get_asgi_application

from embedsync_django.asgi import with_live_apps

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.django.site.settings")

application = with_live_apps(get_asgi_application())
