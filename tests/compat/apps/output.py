"""Also meant for the command line: writes and shows there."""

from pathlib import Path

from bokeh.io import curdoc, output_file, reset_output, save, show
from bokeh.models import Div
from bokeh.plotting import show as show_plot

div = Div(text="written nowhere")
output_file("output.html")
show(div)
show_plot(div)
save(div)
reset_output()
if not Path("output.html").exists():
    curdoc().add_root(div)
