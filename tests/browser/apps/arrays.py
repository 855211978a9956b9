"""Arrays of a thousand numbers for each step of a slider, and the sum of what a browser sends."""

import numpy as np
from bokeh.io import curdoc
from bokeh.layouts import column
from bokeh.models import ColumnDataSource, Slider, TextInput
from bokeh.plotting import figure

steps = Slider(title="Thousands", start=1, end=10, value=2, name="steps")
total = TextInput(title="Sum", name="total")
source = ColumnDataSource(name="source", data={"x": np.arange(2000.0)})
plot = figure(width=300, height=200)
plot.line("x", "x", source=source)


def show_more(_name: str, _old: int, new: int) -> None:
    source.data = {"x": np.arange(new * 1000.0)}


def add_up(_name: str, _old: object, new: dict) -> None:
    total.value = str(float(np.sum(new["x"])))


steps.on_change("value", show_more)
source.on_change("data", add_up)
curdoc().add_root(column(steps, total, plot))
