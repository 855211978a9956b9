"""Does not reconnect."""

from bokeh.io import curdoc
from bokeh.models import Div

curdoc().config.reconnect_session = False
curdoc().add_root(Div(text="giving up"))
