"""A curve of 200 points that follows four sliders, and a title that follows a text input."""

import numpy as np
from bokeh.io import curdoc
from bokeh.layouts import column, row
from bokeh.models import ColumnDataSource, Slider, TextInput
from bokeh.plotting import figure

x = np.linspace(0, 4 * np.pi, 200)
source = ColumnDataSource(data={"x": x, "y": np.sin(x)}, name="curve")
plot = figure(title="A sine wave", width=400, height=300, x_range=(0, 4 * np.pi), y_range=(-5, 5))
plot.title.name = "heading"
plot.line("x", "y", source=source, line_width=2)

title = TextInput(title="Title", value="A sine wave", name="title")
offset = Slider(title="Offset", value=0, start=-5, end=5, step=0.001, name="offset")
amplitude = Slider(title="Amplitude", value=1, start=-5, end=5, step=0.001, name="amplitude")
phase = Slider(title="Phase", value=0, start=0, end=6.3, step=0.001, name="phase")
frequency = Slider(title="Frequency", value=1, start=0.1, end=5, step=0.001, name="frequency")


def change_title(_name, _old, new):
    plot.title.text = new


def change_curve(_name, _old, _new):
    angle = frequency.value * x + phase.value
    source.data = {"x": x, "y": amplitude.value * np.sin(angle) + offset.value}


title.on_change("value", change_title)
for slider in (offset, amplitude, phase, frequency):
    slider.on_change("value", change_curve)
curdoc().add_root(row(column(title, offset, amplitude, phase, frequency), plot))
