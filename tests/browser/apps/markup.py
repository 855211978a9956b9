"""Whatever shows a text that somebody has written."""

from bokeh.io import curdoc
from bokeh.layouts import column
from bokeh.models import (
    AutocompleteInput,
    ColumnDataSource,
    DataTable,
    FileInput,
    HoverTool,
    PasswordInput,
    StringEditor,
    TableColumn,
    TextAreaInput,
    TextInput,
)
from bokeh.plotting import figure

arguments = curdoc().session_context.request.arguments
if "fail" in arguments:
    raise RuntimeError(arguments["fail"][0].decode())

inputs = [
    each(name=each.__name__, title=each.__name__)
    for each in (TextInput, TextAreaInput, PasswordInput, AutocompleteInput)
]
inputs[-1].restrict = False
source = ColumnDataSource({"word": ["one"], "x": [1], "y": [1]}, name="words")
table = DataTable(
    source=source,
    columns=[TableColumn(field="word", editor=StringEditor())],
    editable=True,
    height=80,
)
plot = figure(height=150, width=300, toolbar_location=None)
plot.text("x", "y", text="word", source=source)
plot.add_tools(HoverTool(tooltips=[("word", "@word")]))


def told(attr: str, old: str, new: str) -> None:
    """Show it where an app may well show it."""
    curdoc().title = new
    plot.title.text = new
    plot.xaxis.axis_label = new
    inputs[-1].completions = [new]


inputs[0].on_change("value", told)
curdoc().add_root(column(*inputs, FileInput(name="FileInput"), table, plot))
