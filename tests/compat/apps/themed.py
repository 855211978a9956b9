"""A theme by its name."""

from bokeh.io import curdoc
from bokeh.plotting import figure

plot = figure(width=300, height=200, name="plot")
plot.line([1, 2], [1, 2])
curdoc().theme = "dark_minimal"
curdoc().add_root(plot)
