"""Two strings, one of them a little out of tune: together they swell and fade.

The document has four roots, so that a page can place each where its text speaks of it.
"""

import numpy as np
from bokeh.io import curdoc
from bokeh.models import ColumnDataSource, Div, Slider
from bokeh.plotting import figure

FIRST = 55.0
time = np.linspace(0, 1, 1600)
source = ColumnDataSource(name="sound")

plot = figure(
    name="waves",
    height=320,
    sizing_mode="stretch_width",
    tools="",
    toolbar_location=None,
    x_range=(0, 1),
    y_range=(-2.1, 2.1),
    min_border_right=12,
)
plot.line("time", "sum", source=source, line_color="#2f6f8f", line_alpha=0.75)
for edge in ("upper", "lower"):
    plot.line("time", edge, source=source, line_color="#d98032", line_width=2)
plot.xaxis.axis_label = "Seconds"
plot.yaxis.visible = False
plot.outline_line_color = None
plot.ygrid.grid_line_color = None

look = {"sizing_mode": "stretch_width", "bar_color": "#8fb8cc"}
second = Slider(title="The second string, in Hz", value=58, start=50, end=60, step=0.5, name="second", **look)
loudness = Slider(title="Its loudness", value=0.8, start=0, end=1, step=0.05, name="loudness", **look)
answer = Div(name="answer", sizing_mode="stretch_width")


def play() -> None:
    """Add the two strings up, and say how often they beat."""
    apart = abs(second.value - FIRST)
    turn = 2 * np.pi * time
    envelope = np.sqrt(1 + loudness.value**2 + 2 * loudness.value * np.cos(turn * apart))
    source.data = {
        "time": time,
        "sum": np.sin(turn * FIRST) + loudness.value * np.sin(turn * second.value),
        "upper": envelope,
        "lower": -envelope,
    }
    if apart == 0:
        answer.text = "They are <b>in tune</b>: nothing beats."
    elif loudness.value == 0:
        answer.text = "One string alone: nothing beats."
    else:
        answer.text = f"They beat <b>{apart:g} times a second</b>."


for slider in (second, loudness):
    slider.on_change("value", lambda _name, _old, _new: play())
play()
for root in (plot, second, loudness, answer):
    curdoc().add_root(root)
curdoc().title = "Beats"
