"""Draws its page for some visitors only."""

from bokeh.io import curdoc
from bokeh.models import Div

curdoc().add_root(Div(text="the root"))
if "draw" in curdoc().session_context.request.arguments:
    curdoc().template = "{% block contents %}<h1>Drawn</h1>{{ embed(roots[0]) }}{% endblock %}"
