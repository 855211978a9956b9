"""Two columns of 100,000 numbers, both replaced when a slider moves; one slider changes only one of them."""

import numpy as np
from bokeh.io import curdoc
from bokeh.layouts import column
from bokeh.models import ColumnDataSource, Slider
from bokeh.plotting import figure

base = np.random.default_rng(1).normal(size=100_000)
source = ColumnDataSource(data={"x": base, "y": base}, name="curve")
plot = figure(width=400, height=300)
plot.scatter("x", "y", source=source)
offset = Slider(value=0, start=-1e9, end=1e9, step=1, title="Offset", name="offset")
amplitude = Slider(value=1, start=-1e9, end=1e9, step=1, title="Amplitude", name="amplitude")


def change_arrays(_name, _old, _new):
    source.data = {"x": base + offset.value, "y": base * amplitude.value + offset.value}


offset.on_change("value", change_arrays)
amplitude.on_change("value", change_arrays)
curdoc().add_root(column(offset, amplitude, plot))
