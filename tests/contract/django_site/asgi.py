"""With the project's own routing of sockets."""

import os

from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.contract.django_site.settings")
django_application = get_asgi_application()

from embedsync_django.routing import websocket_urlpatterns  # noqa: E402  (Django has to be set up)
from tests.contract.django_site.users import with_user_of_cookie  # noqa: E402

application = ProtocolTypeRouter(
    {"http": django_application, "websocket": with_user_of_cookie(URLRouter(websocket_urlpatterns))}
)
