"""Explore 392 cars of the seventies: choose what each axis, color and size stands for."""

from bokeh.io import curdoc
from bokeh.layouts import column, row
from bokeh.models import ColumnDataSource, Div, LinearInterpolator, Select
from bokeh.palettes import Viridis256
from bokeh.plotting import figure
from bokeh.transform import factor_cmap, jitter, linear_cmap
from bokeh_sampledata.autompg import autompg_clean

NUMBERS = {
    "mpg": "Miles per gallon",
    "displ": "Displacement",
    "hp": "Horsepower",
    "weight": "Weight",
    "accel": "Seconds to 60 mph",
    "yr": "Year",
}
GROUPS = {"cyl": "Cylinders", "origin": "Origin"}
EVERYTHING = NUMBERS | GROUPS
COLORS = ["#2f6f8f", "#d98032", "#5c9a62", "#b0566b", "#7d6ba8"]

cars = autompg_clean.copy()
cars["cyl"] = cars["cyl"].astype(str)
source = ColumnDataSource(cars, name="cars")
factors = {name: sorted(cars[name].unique()) for name in GROUPS}


def choice(title: str, value: str, options: dict[str, str]) -> Select:
    """Make a drop-down list that shares a row with others and wraps on a narrow page."""
    return Select(
        title=title,
        value=value,
        options=list(options.items()),
        name=title.lower(),
        sizing_mode="stretch_width",
        styles={"flex": "1 1 130px"},
    )


nothing = {"": "None"}
x = choice("X", "hp", EVERYTHING)
y = choice("Y", "mpg", EVERYTHING)
color = choice("Color", "origin", nothing | EVERYTHING)
size = choice("Size", "", nothing | NUMBERS)
report = Div(name="report", sizing_mode="stretch_width")


def build_plot() -> figure:
    """Draw the cars as the four lists say."""
    ranges = {}
    if x.value in GROUPS:
        ranges["x_range"] = factors[x.value]
    if y.value in GROUPS:
        ranges["y_range"] = factors[y.value]
    plot = figure(
        height=420,
        sizing_mode="stretch_width",
        tools="pan,box_select,lasso_select,wheel_zoom,tap,hover,reset",
        active_drag="box_select",
        tooltips=[("", "@name"), (EVERYTHING[x.value], f"@{x.value}"), (EVERYTHING[y.value], f"@{y.value}")],
        **ranges,
    )
    plot.toolbar.logo = None
    plot.outline_line_color = None
    plot.xaxis.axis_label = EVERYTHING[x.value]
    plot.yaxis.axis_label = EVERYTHING[y.value]

    fill = COLORS[0]
    if color.value in GROUPS:
        fill = factor_cmap(color.value, COLORS, factors[color.value])
    elif color.value:
        fill = linear_cmap(color.value, Viridis256, cars[color.value].min(), cars[color.value].max())

    # Cars of one group would lie on top of each other, so they are spread within the group.
    points = plot.scatter(
        jitter(x.value, 0.5, range=plot.x_range) if x.value in GROUPS else x.value,
        jitter(y.value, 0.5, range=plot.y_range) if y.value in GROUPS else y.value,
        source=source,
        size=diameter(),
        fill_color=fill,
        fill_alpha=0.65,
        line_color="white",
        line_width=0.5,
        nonselection_fill_alpha=0.12,
        **({"legend_group": color.value} if color.value in GROUPS else {}),
    )
    if color.value in NUMBERS:
        bar = points.construct_color_bar(title=NUMBERS[color.value], width=10, padding=6)
        plot.add_layout(bar, "right")
    if color.value in GROUPS:
        plot.legend.title = GROUPS[color.value]
        plot.legend.background_fill_alpha = 0.7
        plot.legend.border_line_color = None
    return plot


def diameter() -> int | dict[str, object]:
    """Return one size for all points, or a scale from the smallest value to the largest."""
    if not size.value:
        return 9
    values = cars[size.value]
    return {"field": size.value, "transform": LinearInterpolator(x=[values.min(), values.max()], y=[4, 22])}


def describe_selection() -> None:
    """Say how many cars are selected and what they are like on average."""
    indices = source.selected.indices
    if not indices:
        report.text = f"Drag over the plot to select some of the {len(cars)} cars."
        return
    means = cars.iloc[indices][list(NUMBERS)].mean()
    shown = [name for name in dict.fromkeys([x.value, y.value]) if name in NUMBERS] or ["mpg"]
    averages = ", ".join(f"{NUMBERS[name].lower()} {means[name]:.1f}" for name in shown)
    report.text = f"<b>{len(indices)}</b> of {len(cars)} cars selected. On average: {averages}."


def rebuild(_name: str, _old: str, _new: str) -> None:
    """Put a new plot in the place of the present one."""
    layout.children[1] = build_plot()
    describe_selection()


for widget in (x, y, color, size):
    widget.on_change("value", rebuild)
source.selected.on_change("indices", lambda _name, _old, _new: describe_selection())

lists = row(x, y, color, size, sizing_mode="stretch_width", styles={"flex-wrap": "wrap"})
layout = column(lists, build_plot(), report, sizing_mode="stretch_width")
describe_selection()
curdoc().add_root(layout)
curdoc().title = "Crossfilter"
