"""What a script finds around itself."""

import os
import sys
from pathlib import Path

import neighbour
from bokeh.io import curdoc
from bokeh.models import Div

found = {
    "argv": " ".join([Path(sys.argv[0]).name, *sys.argv[1:]]) if len(sys.argv) > 1 else "",
    "file": Path(__file__).name,
    "module": __name__.rsplit("_", 1)[0],
    "registered": sys.modules[__name__].__name__ == __name__,
    "neighbour": neighbour.WORDS,
    "folder": Path.cwd() == Path(os.environ["PWD"]),
}
curdoc().title = "The basics"
curdoc().add_root(Div(text="; ".join(f"{name}={value}" for name, value in found.items())))
