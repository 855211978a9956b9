"""An app that is a directory, with a file that only those may have who may use the app."""

from bokeh.io import curdoc
from bokeh.models import Div

curdoc().add_root(Div(text="only for members"))
