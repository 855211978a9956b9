"""A live price chart: ten ticks a second, five ticks to a bar. The prices are made up.

The page may choose the name and the course of the prices with the arguments `symbol` and `seed`.
"""

from datetime import datetime, timedelta

import numpy as np
from bokeh.io import curdoc
from bokeh.layouts import column, row
from bokeh.models import CheckboxButtonGroup, ColumnDataSource, Select, Toggle
from bokeh.plotting import figure

TICKS_PER_BAR = 5
BARS_KEPT = 120
UP, DOWN = "#4f9a76", "#c4625a"

document = curdoc()
arguments = document.session_context.request.arguments if document.session_context else {}
symbol = arguments.get("symbol", [b"DEMO"])[0].decode()
seed = arguments.get("seed", [b""])[0].decode()
random = np.random.default_rng(int(seed) if seed.isdecimal() else None)

columns = ["time", "open", "high", "low", "close", "color", "average", "exponential", "upper", "lower"]
source = ColumnDataSource(data={name: [] for name in columns}, name="prices")

plot = figure(
    title=symbol,
    height=360,
    sizing_mode="stretch_width",
    x_axis_type="datetime",
    tools="xpan,xwheel_zoom,reset",
    y_axis_location="right",
)
plot.x_range.follow = "end"
plot.x_range.follow_interval = timedelta(minutes=80)
plot.x_range.range_padding = 0.02
plot.y_range.range_padding = 0.08
plot.toolbar.logo = None
plot.toolbar.autohide = True
plot.outline_line_color = None
plot.title.text_font_size = "15px"
plot.xgrid.grid_line_color = None
plot.xaxis.formatter.context = None

band = plot.varea("time", "lower", "upper", source=source, fill_color="#7d6ba8", fill_alpha=0.12)
plot.segment("time", "low", "time", "high", source=source, line_color="color", line_width=1.5)
plot.vbar(
    "time", timedelta(seconds=42), "open", "close", source=source, fill_color="color", line_color="color"
)
average = plot.line("time", "average", source=source, line_color="#2f6f8f", line_width=2)
exponential = plot.line("time", "exponential", source=source, line_color="#d98032", line_width=2)
indicators = {"Moving average": average, "Exponential": exponential, "Bollinger bands": band}

shown = CheckboxButtonGroup(labels=list(indicators), active=[0], name="indicators")
window = Select(
    title="Bars to average", value="20", options=["5", "10", "20", "50"], width=120, name="window"
)
pause = Toggle(label="Pause", width=90, name="pause")


class Market:
    """A random walk, collected into bars."""

    def __init__(self) -> None:
        self.time = datetime(2026, 1, 5, 9, 30)
        self.price = 100.0
        self.closes: list[float] = []
        self.ticks = 0

    def tick(self) -> None:
        """Move the price; change the newest bar, or begin another."""
        self.price = max(1.0, self.price * (1 + 0.002 * random.standard_normal()))
        if self.ticks % TICKS_PER_BAR == 0:
            self.begin_bar()
        else:
            self.change_bar()
        self.ticks += 1
        plot.title.text = f"{symbol}  {self.price:.2f}"

    def begin_bar(self) -> None:
        """Add a bar that has seen one price so far."""
        previous = self.closes[-1] if self.closes else self.price
        self.time += timedelta(minutes=1)
        self.closes = [*self.closes[-BARS_KEPT:], self.price]
        bar = {
            "time": self.time,
            "open": previous,
            "high": max(previous, self.price),
            "low": min(previous, self.price),
            "close": self.price,
            "color": UP if self.price >= previous else DOWN,
            **self.averages(),
        }
        source.stream({name: [value] for name, value in bar.items()}, rollover=BARS_KEPT)

    def change_bar(self) -> None:
        """Let the newest bar take in the present price."""
        last = len(source.data["time"]) - 1
        self.closes[-1] = self.price
        bar = {
            "high": max(source.data["high"][last], self.price),
            "low": min(source.data["low"][last], self.price),
            "close": self.price,
            "color": UP if self.price >= source.data["open"][last] else DOWN,
            **self.averages(),
        }
        source.patch({name: [(last, value)] for name, value in bar.items()})

    def averages(self) -> dict[str, float]:
        """Compute every indicator for the newest bar."""
        length = int(window.value)
        recent = np.array(self.closes[-length:])
        weights = (1 - 2 / (length + 1)) ** np.arange(len(self.closes) - 1, -1, -1)
        return {
            "average": float(recent.mean()),
            "exponential": float(np.average(self.closes, weights=weights)),
            "upper": float(recent.mean() + 2 * recent.std()),
            "lower": float(recent.mean() - 2 * recent.std()),
        }


def show_indicators(_name: str, _old: list[int], new: list[int]) -> None:
    """Show the chosen indicators and hide the others."""
    for position, renderer in enumerate(indicators.values()):
        renderer.visible = position in new


market = Market()
for _ in range(90 * TICKS_PER_BAR):
    market.tick()
show_indicators("active", [], shown.active)
shown.on_change("active", show_indicators)


def tick() -> None:
    """Go on, unless the person asked for a pause."""
    if not pause.active:
        market.tick()


controls = row(
    shown,
    window,
    pause,
    sizing_mode="stretch_width",
    styles={"flex-wrap": "wrap", "align-items": "flex-end", "gap": "8px"},
)
document.add_root(column(controls, plot, sizing_mode="stretch_width"))
document.add_periodic_callback(tick, 100)
document.title = f"{symbol} prices"
