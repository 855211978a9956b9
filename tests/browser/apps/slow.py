"""A click keeps Python busy until there is a file; a slider is answered when Python is free."""

import time
from pathlib import Path

from bokeh.io import curdoc
from bokeh.layouts import column
from bokeh.models import Button, Slider, TextInput

gate = Path(curdoc().session_context.request.arguments["gate"][0].decode())
go = Button(label="Go", name="go")
amount = Slider(title="Amount", start=0, end=100, value=1, name="amount")
report = TextInput(title="Report", value="idle", name="report")


def work() -> None:
    report.value = "working"
    curdoc().session_context.flush()
    while not gate.exists():
        time.sleep(0.01)
    report.value = "done"


go.on_click(work)
amount.on_change("value", lambda _name, _old, new: setattr(report, "value", f"amount is {new}"))
curdoc().add_root(column(go, amount, report))
