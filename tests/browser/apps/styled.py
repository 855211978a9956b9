"""Styles of an app's own, over one another, that change and go."""

from bokeh.io import curdoc
from bokeh.layouts import column
from bokeh.models import Button, Div, InlineStyleSheet

changing = InlineStyleSheet(css=":host { background-color: green; }")
styled = Div(name="styled", text="styled", stylesheets=[":host { background-color: red; }", changing])
untouched = Div(name="untouched", text="untouched")
if "imports" in curdoc().session_context.request.arguments:
    untouched.stylesheets = ["@import url('data:text/css,');"]


def change() -> None:
    changing.css = ":host { background-color: blue; }"


def take_away() -> None:
    styled.stylesheets = styled.stylesheets[:1]


buttons = [Button(label="Change"), Button(label="Take away")]
for button, callback in zip(buttons, (change, take_away), strict=True):
    button.on_click(callback)
curdoc().add_root(column(styled, untouched, *buttons))
