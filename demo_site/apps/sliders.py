"""A sine wave that follows four sliders and a title."""

import numpy as np
from bokeh.io import curdoc
from bokeh.layouts import column, row
from bokeh.models import ColumnDataSource, Slider, TextInput
from bokeh.plotting import figure

x = np.linspace(0, 4 * np.pi, 200)
source = ColumnDataSource(data={"x": x, "y": np.sin(x)}, name="curve")

plot = figure(
    title="A sine wave",
    height=340,
    sizing_mode="stretch_width",
    styles={"flex": "3 1 320px"},
    tools="pan,box_zoom,wheel_zoom,reset,save",
    x_range=(0, 4 * np.pi),
    y_range=(-2.5, 2.5),
)
plot.line("x", "y", source=source, line_width=3, line_color="#2f6f8f", line_alpha=0.85)
plot.toolbar.logo = None
plot.title.text_font_size = "15px"
plot.outline_line_color = None

title = TextInput(title="Title", value="A sine wave", name="title", sizing_mode="stretch_width")
offset = Slider(title="Offset", value=0, start=-2, end=2, step=0.1, name="offset")
amplitude = Slider(title="Amplitude", value=1, start=-2, end=2, step=0.1, name="amplitude")
phase = Slider(title="Phase", value=0, start=0, end=6.3, step=0.1, name="phase")
frequency = Slider(title="Frequency", value=1, start=0.1, end=5, step=0.1, name="frequency")
sliders = [offset, amplitude, phase, frequency]


def change_title(_name: str, _old: str, new: str) -> None:
    """Put what was typed above the plot."""
    plot.title.text = new


def change_curve(_name: str, _old: float, _new: float) -> None:
    """Compute the curve again from all four sliders."""
    angle = frequency.value * x + phase.value
    source.data = {"x": x, "y": amplitude.value * np.sin(angle) + offset.value}


title.on_change("value", change_title)
for slider in sliders:
    slider.sizing_mode = "stretch_width"
    slider.bar_color = "#8fb8cc"
    slider.on_change("value", change_curve)

controls = column(title, *sliders, sizing_mode="stretch_width", styles={"flex": "1 1 220px"})
curdoc().add_root(
    row(controls, plot, sizing_mode="stretch_width", styles={"flex-wrap": "wrap", "gap": "12px"})
)
curdoc().title = "Sliders"
