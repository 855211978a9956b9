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

from embedsync_flask.extension import EmbedSync

__all__ = ["EmbedSync"]
