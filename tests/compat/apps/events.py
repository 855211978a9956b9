"""Events of the document, in a file that outlives the session."""

from bokeh.io import curdoc
from bokeh.models import Div
from neighbour import note

doc = curdoc()
shown = Div(text="-")


def ready(event):
    note("events", event.event_name)
    shown.text = "ready"


doc.on_event("document_ready", ready)
doc.on_event("connection_lost", lambda event, note=note: note("events", event.event_name))
# Under `bokeh serve` the names of this module are gone by then.
doc.on_session_destroyed(
    lambda session_context, note=note: note("events", f"destroyed {session_context.destroyed}")
)
doc.add_root(shown)
