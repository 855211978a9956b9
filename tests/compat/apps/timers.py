"""Timed callbacks, plain and asynchronous, added and removed."""

import asyncio

from bokeh.io import curdoc
from bokeh.models import Button, Div

doc = curdoc()
next_tick, timeout, periodic, waited, current = (Div(text="-") for _ in range(5))
removed = Div(text="never")
ticks = []


def tick():
    ticks.append(curdoc() is doc)
    periodic.text = f"ticked {len(ticks)}"
    if len(ticks) == 3:
        doc.remove_periodic_callback(periodical)


async def later():
    await asyncio.sleep(0.01)
    waited.text = "awaited"
    try:
        current.text = f"current {curdoc() is doc}"
    except (
        RuntimeError
    ):  # `bokeh serve` may take the document of a session that has ended for the current one
        current.text = "current False"


doc.add_next_tick_callback(lambda: setattr(next_tick, "text", "next tick"))
doc.add_timeout_callback(lambda: setattr(timeout, "text", "timeout"), 50)
periodical = doc.add_periodic_callback(tick, 50)
button = Button(label="Wait")
button.on_click(lambda: doc.add_next_tick_callback(later))
doc.add_root(button)
never = doc.add_timeout_callback(lambda: setattr(removed, "text", "ran all the same"), 100)
doc.remove_timeout_callback(never)
for each in (next_tick, timeout, periodic, waited, removed, current):
    doc.add_root(each)
