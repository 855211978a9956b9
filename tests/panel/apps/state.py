"""What an app knows of its page, and what happens by itself."""

import panel as pn

pn.extension()

slider = pn.widgets.IntSlider(label="Number", start=0, end=10, value=3)
loaded, ticks = pn.pane.Markdown("loading"), pn.pane.Markdown("tick 0")
pn.state.location.sync(slider, {"value": "number"})
pn.state.onload(lambda: loaded.param.update(object=f"loaded at {pn.state.location.pathname}"))
count = iter(range(1, 4))
pn.state.add_periodic_callback(lambda: ticks.param.update(object=f"tick {next(count)}"), period=20, count=3)
pn.Column(loaded, ticks, slider).servable()
