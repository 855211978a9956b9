"""Callbacks of every kind say what they saw."""

from bokeh.events import ButtonClick
from bokeh.io import curdoc
from bokeh.layouts import column
from bokeh.models import Button, Div, Select, Slider, TextInput, Toggle

seen = Div(text="", name="seen")
order = Div(text="", name="order")
slider = Slider(start=0, end=10, value=3, title="Slide", name="slider")
select = Select(options=["red", "green"], value="red", title="Colour")
entry = TextInput(title="Words")
toggle = Toggle(label="Toggle")
button = Button(label="Press")


def note(words):
    seen.text += f"[{words}]"


slider.on_change("value", lambda attr, old, new: note(f"slider {attr} {old} {new}"))
select.on_change("value", lambda attr, old, new: note(f"select {old} {new}"))
entry.on_change("value", lambda attr, old, new: note(f"entry {new}"))
toggle.on_click(lambda active: note(f"toggle {active}"))
button.on_click(lambda: note("click"))
button.on_click(lambda event: note(f"click {event.event_name}"))
button.on_event(ButtonClick, lambda: note("event"))
button.on_event("button_click", lambda event: note(f"event {type(event).__name__}"))


def clamp(attr, old, new):
    if new > 6:
        slider.value = 6


slider.on_change("value", clamp)


def changed(event):
    model = getattr(event, "model", None)
    if model is slider:
        order.text += f"({event.attr} {slider.value})"


curdoc().on_change(changed)
curdoc().add_root(column(slider, select, entry, toggle, button, seen, order))
