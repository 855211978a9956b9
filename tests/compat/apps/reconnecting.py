"""Says when its browser has come back."""

from bokeh.io import curdoc
from bokeh.models import CustomJS, Div

doc = curdoc()
shown, js = Div(text="never away"), Div(text="never lost", name="js")
doc.on_event("client_reconnected", lambda event: setattr(shown, "text", "is back"))
doc.js_on_event("connection_lost", CustomJS(code="window.wasLost = true"))
doc.js_on_event("client_reconnected", CustomJS(code="window.cameBack = true"))
doc.add_root(shown)
