"""Does not tell its visitors of the connection."""

from bokeh.io import curdoc
from bokeh.models import Div

curdoc().config.notify_connection_status = False
curdoc().add_root(Div(text="quiet"))
