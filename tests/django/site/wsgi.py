"""For pages by WSGI beside sockets by ASGI."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.django.site.settings")

application = get_wsgi_application()
