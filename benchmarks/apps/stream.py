"""Ten rows of five columns each 50 ms."""

import numpy as np
from bokeh.io import curdoc
from bokeh.models import ColumnDataSource
from bokeh.plotting import figure

NAMES = "abcde"
random = np.random.default_rng(1)
source = ColumnDataSource(data={name: [] for name in NAMES}, name="rows")
plot = figure(width=400, height=300)
plot.line("a", "b", source=source)


def tick():
    source.stream({name: random.normal(size=10) for name in NAMES}, rollover=200)


curdoc().add_periodic_callback(tick, 50)
curdoc().add_root(plot)
