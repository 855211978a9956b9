"""The words of older templates."""

from bokeh.io import curdoc
from bokeh.models import Div
from jinja2 import Template

curdoc().add_root(Div(text="first root"))
curdoc().add_root(Div(text="second root"))
curdoc().template = Template(
    """<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{{ title }}</title>
{{ bokeh_css }} {{ bokeh_js }}</head>
<body><main>{{ plot_div }}</main>{{ plot_script }}</body></html>"""
)
curdoc().title = "Places"
