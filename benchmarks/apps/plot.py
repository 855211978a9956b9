"""A plot with nothing beside it."""

import numpy as np
from bokeh.io import curdoc
from bokeh.plotting import figure

x = np.linspace(0, 4 * np.pi, 200)
plot = figure(title="A sine wave", width=400, height=300)
plot.line("x", "y", source={"x": x, "y": np.sin(x)}, line_width=2)
curdoc().add_root(plot)
