"""embedsync for Django: live documents in the pages of a Django project, on its own server and port.

In ``settings.py``: ``INSTALLED_APPS += ["embedsync_django"]``; in ``asgi.py``::

    from embedsync_django.asgi import with_live_apps

    application = with_live_apps(get_asgi_application())

in the ``live.py`` of any installed app::

    from embedsync_django import embed

    embed.add_app("sliders", "sliders.py")

and in a template: ``{% load embedsync %}{% embed_app "sliders" %}``.
"""

from embedsync_django.registry import Registry, embed

__all__ = ["Registry", "embed"]
