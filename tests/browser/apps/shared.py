"""Everybody may add a field; what is typed into it is reported."""

from bokeh.io import curdoc
from bokeh.layouts import column
from bokeh.models import Button, TextInput

add = Button(label="Add", name="add")
report = TextInput(title="Report", name="report")
fields = column(name="fields")


def add_field() -> None:
    number = len(fields.children) + 1
    field = TextInput(title=f"Field {number}", name=f"field{number}")
    field.on_change("value", lambda _name, _old, new: setattr(report, "value", f"{number}: {new}"))
    fields.children = [*fields.children, field]


add.on_click(add_field)
curdoc().add_root(column(add, report, fields))
