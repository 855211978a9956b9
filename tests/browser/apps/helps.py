"""What shows help, hides a group, opens and closes, and takes texts for numbers."""

import numpy as np
from bokeh.io import curdoc
from bokeh.layouts import column
from bokeh.models import (
    Button,
    ColumnDataSource,
    DataRange1d,
    DataTable,
    Div,
    HelpButton,
    Range1d,
    RendererGroup,
    TableColumn,
    TabPanel,
    Tabs,
    TextInput,
    Tooltip,
)
from bokeh.plotting import figure

heard = Div(name="heard")


def note(name: str) -> None:
    if name not in heard.text.split():
        heard.text += f" {name}"


helper = HelpButton(tooltip=Tooltip(content="what it does", position="right"))
helper.tooltip.on_change("closable", lambda attr, old, new: note("help"))

described = TextInput(title="Described", description=Tooltip(content="what to write", position="right"))
described.description.on_change("closable", lambda attr, old, new: note("description"))

tabs = Tabs(
    tabs=[
        TabPanel(child=Div(text="one"), title="Tab one", closable=True),
        TabPanel(child=Div(text="two"), title="Tab two", closable=True),
    ],
    active=1,
    name="tabs",
)
tabs.on_change("tabs", lambda attr, old, new: note(f"tabs{len(new)}"))

told = Tabs(
    tabs=[
        TabPanel(child=Div(text="x"), title="Told tab", tooltip=Tooltip(content="about it", position="right"))
    ]
)
told.tabs[0].tooltip.on_change("visible", lambda attr, old, new: note("told"))

group = RendererGroup()
plot = figure(
    name="plot",
    width=400,
    height=250,
    x_range=Range1d(0, 10),
    y_range=DataRange1d(bounds=(0, 10)),
    tools="pan,undo,redo,reset,examine,help,fullscreen,save",
)
plot.toolbar.logo = None
line = plot.line([0, 10], [0, 10])
line.group = group
line.on_change("visible", lambda attr, old, new: note("group"))
plot.x_range.on_change("start", lambda attr, old, new: note("panned"))
hide = Button(label="Hide", name="hide")
hide.on_click(lambda: setattr(group, "visible", False))

source = ColumnDataSource({"number": np.array([11, 22])})
table = DataTable(
    source=source, columns=[TableColumn(field="number")], editable=True, width=300, height=100, name="table"
)
source.on_change("data", lambda attr, old, new: note(f"number{new['number'][0]}"))

curdoc().add_root(column(heard, helper, described, tabs, told, plot, hide, table))
