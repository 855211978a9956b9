"""Live documents in any ASGI site, and the pages of ``embedsync serve``; needs no framework.

::

    hub = Hub(secret_key)
    hub.add_app("sliders", "sliders.py")
    site.mount("/live", embedsync.asgi.application(hub))
"""

from embedsync.asgi.application import Application, application
from embedsync.asgi.users import User, UserLoader

__all__ = ["Application", "User", "UserLoader", "application"]
