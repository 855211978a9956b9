"""A script, as Bokeh's users write them."""

from bokeh.io import curdoc
from bokeh.models import Slider

curdoc().add_root(Slider(name="amount", start=0, end=100, value=1))
