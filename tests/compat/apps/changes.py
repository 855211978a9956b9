"""Changes of data, of the title and of the roots."""

import numpy as np
from bokeh.io import curdoc
from bokeh.layouts import row
from bokeh.models import Button, ColumnDataSource, Div
from bokeh.plotting import figure

doc = curdoc()
source = ColumnDataSource(data={"x": np.arange(3.0), "y": np.array([1.0, 2.0, 3.0])}, name="source")
plot = figure(width=300, height=200, title="A plot", name="plot")
plot.line("x", "y", source=source)
later = Div(text="a later root")


def stream():
    source.stream({"x": [3.0], "y": [9.0]}, rollover=3)


def patch():
    source.patch({"y": [(0, 7.5)]})


def replace():
    source.data = {"x": np.array([0.0]), "y": np.array([4.0])}


def hold():
    doc.hold("combine")
    for text in ("one", "two"):
        later.text = text
    doc.unhold()


def rename():
    doc.title = "Renamed"
    plot.title.text = "Renamed as well"


actions = {
    "Stream": stream,
    "Patch": patch,
    "Replace": replace,
    "Hold": hold,
    "Rename": rename,
    "Add": lambda: doc.add_root(later),
    "Remove": lambda: doc.remove_root(later),
}
buttons = []
for label, action in actions.items():
    button = Button(label=label, width=80)
    button.on_click(action)
    buttons.append(button)
doc.title = "Changes"
doc.add_root(row(*buttons))
doc.add_root(plot)
