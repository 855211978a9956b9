"""Waits for a file before it goes on; with `fail`, raises as long as the file is not there."""

import time
from pathlib import Path

from bokeh.io import curdoc
from bokeh.models import Div

arguments = curdoc().session_context.request.arguments
gate = Path(arguments["gate"][0].decode())
if "fail" in arguments and not gate.exists():
    raise ValueError("the secret of the build")
while not gate.exists():
    time.sleep(0.01)
curdoc().add_root(Div(text="The gate is open"))
