"""Two roots, and something of each kind: a plot, inputs that Python answers, and a count that goes on."""

from bokeh.io import curdoc
from bokeh.layouts import column
from bokeh.models import Button, ColumnDataSource, Slider, TextInput
from bokeh.plotting import figure

plot = figure(
    width=400,
    height=240,
    tools="pan,wheel_zoom",
    active_scroll="wheel_zoom",
    x_range=(0, 10),
    y_range=(0, 10),
    name="plot",
)
plot.toolbar.logo = None
plot.x_range.name = "across"
plot.scatter([2, 5, 8], [3, 8, 4], size=20)

amount = Slider(title="Amount", start=0, end=100, value=1, name="amount")
given = curdoc().session_context.request.arguments.get("words", [b""])[0].decode()
words = TextInput(title="Words", value=given, name="words")
report = TextInput(title="Report", value="nothing yet", name="report")
fail = Button(label="Fail", name="fail")
count = ColumnDataSource(data={"n": [0]}, name="count")
report.tags = [count]


def report_amount(_name: str, _old: float, new: float) -> None:
    report.value = f"amount is {new}"


def report_words(_name: str, _old: str, new: str) -> None:
    report.value = f"words are {new}"


def raise_error() -> None:
    raise ValueError("the secret of the callback")


def go_on() -> None:
    count.stream({"n": [len(count.data["n"])]})


amount.on_change("value", report_amount)
words.on_change("value", report_words)
fail.on_click(raise_error)
curdoc().add_periodic_callback(go_on, 100)
curdoc().add_root(column(amount, words, report, fail, name="controls"))
curdoc().add_root(plot)
curdoc().title = "Bench"
