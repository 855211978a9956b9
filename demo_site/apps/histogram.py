"""Draw a sample from a distribution, and see which share of it falls inside a range."""

import numpy as np
from bokeh.io import curdoc
from bokeh.layouts import column, row
from bokeh.models import Button, ColumnDataSource, Div, RangeSlider, Select
from bokeh.plotting import figure

SIZE = 5_000
INSIDE, OUTSIDE = "#d98032", "#c9d3d8"

random = np.random.default_rng()
distributions = {
    "Normal": lambda: random.normal(0, 1, SIZE),
    "Two humps": lambda: random.normal(0, 0.6, SIZE) + random.choice([-1.5, 1.5], SIZE),
    "Uniform": lambda: random.uniform(-3, 3, SIZE),
    "Exponential": lambda: random.exponential(1, SIZE) - 2,
}
edges = np.linspace(-4, 4, 65)
centers = (edges[:-1] + edges[1:]) / 2
sample = np.zeros(0)
source = ColumnDataSource(
    data={"left": edges[:-1], "right": edges[1:], "count": [0] * 64, "color": [OUTSIDE] * 64}
)

plot = figure(
    height=240,
    sizing_mode="stretch_width",
    tools="",
    toolbar_location=None,
    x_range=(-4, 4),
    min_border_right=8,
)
plot.quad(
    left="left", right="right", top="count", bottom=0, source=source, fill_color="color", line_color="white"
)
plot.y_range.start = 0
plot.outline_line_color = None
plot.xgrid.grid_line_color = None

flexible = {"flex": "1 1 150px"}
distribution = Select(
    title="Distribution",
    value="Normal",
    options=list(distributions),
    sizing_mode="stretch_width",
    styles=flexible,
    name="distribution",
)
between = RangeSlider(
    title="Between",
    value=(-1, 1),
    start=-4,
    end=4,
    step=0.1,
    bar_color="#ecc096",
    sizing_mode="stretch_width",
    styles=flexible,
    name="between",
)
again = Button(label="Draw again", width=110, align="end", name="again")
share = Div(name="share", sizing_mode="stretch_width")


def draw_sample() -> None:
    """Take another sample and count it."""
    global sample
    sample = distributions[distribution.value]()
    counts, _ = np.histogram(sample, edges)
    source.data = {**source.data, "count": counts}
    mark_range()


def mark_range() -> None:
    """Color the bars inside the range and say how much of the sample they hold."""
    low, high = between.value
    inside = (centers > low) & (centers < high)
    source.data = {**source.data, "color": np.where(inside, INSIDE, OUTSIDE).tolist()}
    part = np.mean((sample >= low) & (sample <= high))
    share.text = f"<b>{part:.1%}</b> of {SIZE:,} values lie between {low:.1f} and {high:.1f}."


distribution.on_change("value", lambda _name, _old, _new: draw_sample())
between.on_change("value", lambda _name, _old, _new: mark_range())
again.on_click(draw_sample)

draw_sample()
controls = row(
    distribution, between, again, sizing_mode="stretch_width", styles={"flex-wrap": "wrap", "gap": "8px"}
)
curdoc().add_root(column(controls, plot, share, sizing_mode="stretch_width"))
curdoc().title = "Histogram"
