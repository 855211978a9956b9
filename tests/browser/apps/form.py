"""Inputs of several kinds: one exists only after another was made, and some are not to be put in again."""

from bokeh.io import curdoc
from bokeh.layouts import column
from bokeh.models import Button, Checkbox, CustomJS, PasswordInput, Select, Slider, TextInput
from bokeh.plotting import figure

runs: list[str] = []
report = TextInput(title="Report", name="report")
kind = Select(title="Kind", options=["plain", "advanced"], value="plain", name="kind")
amount = Slider(title="Amount", start=0, end=100, value=1, name="amount")
mirror = Slider(title="Mirror", start=0, end=100, value=1, name="mirror")
words = TextInput(title="Words", name="words")
secret = PasswordInput(title="Secret", name="secret")
once = TextInput(title="Once", name="once", tags=["embedsync:no-recovery"])
agree = Checkbox(label="Agree", name="agree")
send = Button(label="Send", name="send")
plot = figure(
    width=300, height=200, x_range=(0, 10), y_range=(0, 10), tools="wheel_zoom", active_scroll="wheel_zoom"
)
plot.x_range.name = "across"
plot.scatter([2, 5, 8], [3, 8, 4], size=20)
inputs = column(kind, amount, mirror, words, secret, once, agree, send)


def note(what: str, value: object) -> None:
    runs.append(f"{what}={value}")
    report.value = " ".join(runs)


def choose(_name: str, _old: str, new: str) -> None:
    note("kind", new)
    if new == "advanced":
        depth = Slider(title="Depth", start=0, end=9, value=0)
        depth.on_change("value", lambda _name, _old, new: note("depth", new))
        inputs.children = [*inputs.children, depth]


kind.on_change("value", choose)
send.on_click(lambda: note("sent", "yes"))
for each in (amount, mirror, words, secret, once):
    each.on_change("value", lambda _name, _old, new, name=each.name: note(name, new))
agree.on_change("active", lambda _name, _old, new: note("agree", new))
amount.js_on_change("value", CustomJS(args={"mirror": mirror}, code="mirror.value = cb_obj.value"))
curdoc().add_root(column(inputs, plot, report))
