"""A click raises, but not before a file is there."""

import time
from pathlib import Path

from bokeh.io import curdoc
from bokeh.models import Button

gate = Path(curdoc().session_context.request.arguments["gate"][0].decode())
fail = Button(label="Fail late")


def raise_error() -> None:
    while not gate.exists():
        time.sleep(0.01)
    raise ValueError("the secret of the callback")


fail.on_click(raise_error)
curdoc().add_root(fail)
