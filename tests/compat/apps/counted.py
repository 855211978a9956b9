"""Runs once for each visit."""

import itertools

import neighbour
from bokeh.io import curdoc
from bokeh.models import Div

counter = neighbour.__dict__.setdefault("counter", itertools.count(1))
curdoc().add_root(Div(text=f"visit {next(counter)}"))
