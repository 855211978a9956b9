"""embedsync for Flask: live documents in the pages of a Flask site, on its own server and port.

::

    from embedsync_flask import EmbedSync
    from flask import Flask, render_template

    app = Flask(__name__)
    app.config["SECRET_KEY"] = "…"
    live = EmbedSync(app)
    live.add_app("sliders", "sliders.py")

and in a template: ``{{ embed_app("sliders") }}``.
"""

try:
    from embedsync_flask.extension import EmbedSync
except ModuleNotFoundError as error:
    if (error.name or "").partition(".")[0] not in ("flask", "flask_sock", "simple_websocket", "markupsafe"):
        raise
    raise ImportError(
        f'embedsync for Flask needs {error.name}, which is not installed: pip install "./embedsync[flask]"'
    ) from error

__all__ = ["EmbedSync"]
