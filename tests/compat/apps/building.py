"""Callbacks that bring several things with views of their own at once."""

import numpy as np
from bokeh.io import curdoc
from bokeh.layouts import column, row
from bokeh.models import (
    BoxAnnotation,
    Button,
    ColorBar,
    ColumnDataSource,
    Div,
    HoverTool,
    Label,
    Legend,
    LegendItem,
    LinearAxis,
    LinearColorMapper,
    Range1d,
    Slider,
    Span,
    TabPanel,
    Tabs,
    TapTool,
    Title,
)
from bokeh.plotting import figure

doc = curdoc()
source = ColumnDataSource(data={"x": [0, 1, 2], "y": [1, 3, 2]})


def some_plot(name):
    made = figure(width=400, height=260, title="Before", name=name, x_range=(0, 5), y_range=(0, 5))
    made.line("x", "y", source=source)
    return made


plot = some_plot("plot")
spare = some_plot("spare")
box = column(Div(text="one"), name="box", tags=[spare])  # Browsers know the spare plot, and don't show it.
tabs = Tabs(tabs=[TabPanel(title="first", child=Div(text="in the first"))], name="tabs")
slider = Slider(start=0, end=10, value=1, name="slider")


def legend():
    plot.scatter([1, 2], [3, 4], size=12, legend_label="points")
    plot.title.text = "After"


def several():
    for index in range(3):
        plot.line([0, 5], [index, index + 1], legend_label=f"line {index}")
        plot.scatter([index], [index], legend_label=f"point {index}")
    plot.legend.location = "bottom_left"
    plot.legend.title = "Legend"
    plot.title.text = "After"


def axis():
    plot.extra_y_ranges = {"other": Range1d(0, 100)}
    plot.add_layout(LinearAxis(y_range_name="other", axis_label="other"), "right")
    plot.line([0, 5], [10, 90], y_range_name="other")
    plot.yaxis[0].axis_label = "first"
    plot.min_border_right = 80


def annotations():
    plot.scatter([1], [1], size=20)
    plot.add_layout(Span(location=2, dimension="width", line_width=3))
    plot.add_layout(Label(x=1, y=2, text="a label"))
    plot.add_layout(BoxAnnotation(left=1, right=2, fill_alpha=0.3))
    plot.add_layout(Title(text="below"), "below")
    plot.title.text = "After"
    plot.width = 450


def tools():
    plot.scatter([1, 2], [3, 4], size=12)
    plot.add_tools(HoverTool(), TapTool())
    plot.add_layout(Legend(items=[LegendItem(label="outside", renderers=plot.renderers[:1])]), "left")
    plot.toolbar.active_tap = plot.tools[-1]
    plot.title.text = "After"


def bar():
    mapper = LinearColorMapper("Viridis256", low=0, high=3)
    plot.image([np.array([[0.0, 1.0], [2.0, 3.0]])], x=0, y=0, dw=5, dh=5, color_mapper=mapper)
    plot.add_layout(ColorBar(color_mapper=mapper), "right")
    plot.background_fill_color = "#eeeeee"
    plot.title.text = "After"
    plot.toolbar_location = "above"


def children():
    box.children = [spare, Div(text="two")]
    spare.x_range = Range1d(0, 3)
    spare.scatter([1, 2], [3, 4], size=12, legend_label="points")
    spare.title.text = "After"
    spare.width = 450


def moved():
    box.children = [plot, Div(text="two")]
    doc.remove_root(plot)
    plot.scatter([1, 2], [3, 4], size=12, legend_label="points")
    plot.title.text = "After"


def root():
    doc.add_root(spare)
    spare.scatter([1, 2], [3, 4], size=12, legend_label="points")
    spare.title.text = "After"
    plot.scatter([1, 2], [3, 4], size=12, legend_label="points")
    plot.title.text = "After"


def tab():
    tabs.tabs = [*tabs.tabs, TabPanel(title="second", child=spare)]
    tabs.active = 1
    spare.x_range = Range1d(0, 3)
    spare.scatter([1, 2], [3, 4], size=12, legend_label="points")
    spare.title.text = "After"
    spare.width = 450


def renewed():
    plot.renderers = []
    plot.center = plot.center[:2]
    plot.scatter([1, 2], [3, 4], size=12, legend_label="points")
    plot.legend.items = [*plot.legend.items, LegendItem(label="more", renderers=plot.renderers)]
    plot.title = Title(text="After")


def with_data():
    plot.scatter("x", "y", size=12, source=source, legend_label="points")
    source.data = {"x": [4, 3, 1], "y": [4, 3, 1]}
    source.stream({"x": [2], "y": [4]})
    plot.renderers[0].glyph.line_width = 4
    plot.title.text = "After"
    plot.title.text_color = "red"


shapes = [legend, several, axis, annotations, tools, bar, children, moved, root, tab, renewed, with_data]
said = Div(text="value 1")
done = Div(text="nothing is done")


def button_for(shape):
    def clicked():
        shape()
        done.text = f"{shape.__name__} is done"

    made = Button(label=shape.__name__, width=70)
    made.on_click(clicked)
    return made


slider.on_change("value", lambda attr, old, new: said.update(text=f"value {new}"))
for each in (row([button_for(each) for each in shapes]), row(slider, said, done), plot, row(box, tabs)):
    doc.add_root(each)
