"""Points that a button takes away, and puts back."""

from bokeh.io import curdoc
from bokeh.layouts import column
from bokeh.models import Button, ColumnDataSource, TextInput
from bokeh.plotting import figure

POINTS = {"x": [1, 2, 3], "y": [4, 5, 6]}
source = ColumnDataSource(data=POINTS, name="points")
plot = figure(width=300, height=200)
plot.x_range.name = "across"
plot.scatter("x", "y", source=source)
clear = Button(label="Clear")
fill = Button(label="Fill")
report = TextInput(title="Starts at", name="report", disabled=True)


def tell(_name, _old, new):
    report.value = str(new)


plot.x_range.on_change("start", tell)
clear.on_click(lambda: setattr(source, "data", {"x": [], "y": []}))
fill.on_click(lambda: setattr(source, "data", {"x": [7, 8], "y": [7, 8]}))
curdoc().add_root(column(clear, fill, report, plot))
