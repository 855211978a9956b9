"""Plots with every tool that a person can use, and a line of text that names what Python has heard of."""

from bokeh.io import curdoc
from bokeh.layouts import column
from bokeh.models import (
    BoxAnnotation,
    BoxEditTool,
    ColumnDataSource,
    Div,
    PointDrawTool,
    Range1d,
    RangeTool,
    Span,
)
from bokeh.plotting import figure

heard = Div(text="", name="heard")
names: set[str] = set()


def note(name: str) -> None:
    names.add(name)
    heard.text = " ".join(sorted(names))


def told(model, name: str, *attributes: str) -> None:
    for each in attributes:
        model.on_change(each, lambda attr, old, new: note(name))


def plot(name: str, height: int = 160, **options):
    made = figure(
        name=name, width=400, height=height, x_range=Range1d(0, 10), y_range=Range1d(0, 10), **options
    )
    made.toolbar.logo = None
    return made


moved = plot("moved", 280, tools="pan,wheel_zoom,reset,box_zoom,tap", active_scroll="wheel_zoom")
points = moved.scatter([2, 5, 8], [3, 8, 4], size=20, legend_label="points")
moved.legend.click_policy = "hide"
moved.legend.location = "top_left"
told(moved.x_range, "panned", "start")
told(points.data_source.selected, "tapped", "indices")
told(points, "hidden", "visible")
moved.on_event("reset", lambda _: note("reset"))

selected = plot("selected", tools="box_select,lasso_select,poly_select", active_drag="box_select")
chosen = selected.scatter([2, 5, 8], [3, 8, 4], size=20)
told(chosen.data_source.selected, "selected", "indices")
selected.on_event("selectiongeometry", lambda _: note("geometry"))

source = ColumnDataSource({"x": [2.0, 5.0], "y": [3.0, 8.0]})
drawn = plot("drawn", tools="")
drawn_points = drawn.scatter("x", "y", source=source, size=20)
tool = PointDrawTool(renderers=[drawn_points])
drawn.add_tools(tool)
drawn.toolbar.active_tap = tool
told(source, "drawn", "data")

boxes = ColumnDataSource({"x": [5.0], "y": [5.0], "w": [2.0], "h": [2.0]})
edited = plot("edited", tools="")
box_tool = BoxEditTool(renderers=[edited.rect("x", "y", "w", "h", source=boxes)])
edited.add_tools(box_tool)
edited.toolbar.active_drag = box_tool
told(boxes, "boxes", "data")

overview = plot("overview", tools="")
overview.line([0, 10], [0, 10])
ranger = RangeTool(x_range=Range1d(2, 6))
overview.add_tools(ranger)
told(ranger.x_range, "ranged", "start")

dragged = plot("dragged", tools="pan", active_drag=None)
area = BoxAnnotation(left=2, right=6, top=8, bottom=2, editable=True)
span = Span(location=9, dimension="height", editable=True, line_width=6)
dragged.add_layout(area)
dragged.add_layout(span)
told(area, "area", "left")
told(span, "span", "location")

curdoc().add_root(column(heard, moved, selected, drawn, edited, overview, dragged))
