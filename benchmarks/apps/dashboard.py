"""Twelve figures of 1,000 points, twenty widgets and a table. A widget changes the title of a figure."""

from functools import partial

import numpy as np
from bokeh.io import curdoc
from bokeh.layouts import column, gridplot, row
from bokeh.models import ColumnDataSource, DataTable, Slider, TableColumn
from bokeh.plotting import figure

random = np.random.default_rng(1)
figures = []
for number in range(12):
    source = ColumnDataSource(data={"x": np.arange(1000), "y": random.normal(size=1000).cumsum()})
    plot = figure(title=f"Figure {number}", name=f"figure{number}", width=300, height=200)
    plot.title.name = f"title{number}"
    plot.line("x", "y", source=source)
    plot.scatter("x", "y", source=source, size=3)
    figures.append(plot)
table_source = ColumnDataSource(data={name: random.normal(size=100) for name in "abcde"})
table = DataTable(source=table_source, columns=[TableColumn(field=name, title=name) for name in "abcde"])


def change_title(number, _name, _old, new):
    figures[number % 5].title.text = f"Figure {number}: {new}"


widgets = []
for number in range(20):
    slider = Slider(title=f"Value {number}", name=f"widget{number}", value=0, start=0, end=1e9, step=1)
    slider.on_change("value", partial(change_title, number))
    widgets.append(slider)
curdoc().add_root(row(column(*widgets), gridplot(figures, ncols=4), table))
