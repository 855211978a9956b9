"""A callback that fails keeps nothing else from running."""

from bokeh.io import curdoc
from bokeh.layouts import column
from bokeh.models import Button, Div

seen = Div(text="nothing")
bad = Button(label="Fail")
good = Button(label="Go on")


def fail():
    raise ValueError("on purpose")


bad.on_click(fail)
good.on_click(lambda: setattr(seen, "text", "went on"))
curdoc().add_root(column(bad, good, seen))
