"""A directory with hooks, a theme and a package."""

from bokeh.io import curdoc
from bokeh.models import Div
from bokeh.plotting import figure

from .helper import WORDS
from .notes import note

payload = curdoc().session_context.token_payload
note(f"main {payload['visit']}")
plot = figure(width=300, height=200, name="plot")
plot.line([1, 2], [1, 2])
curdoc().add_root(Div(text=f"{WORDS}; visit {payload['visit']}"))
curdoc().add_root(plot)


def destroyed(session_context, note=note, visit=payload["visit"]):
    # Under `bokeh serve` the names of this module are gone by now.
    note(f"document destroyed {visit}")


curdoc().on_session_destroyed(destroyed)
