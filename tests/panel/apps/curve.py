"""A plot of HoloViews that follows a widget and hears where a person taps and zooms."""

import holoviews as hv
import panel as pn

hv.extension("bokeh")
pn.extension()

slope = pn.widgets.IntSlider(label="Slope", start=1, end=9, value=2)
tap, ranges = hv.streams.Tap(x=0.0, y=0.0), hv.streams.RangeXY()


def line(slope: int) -> hv.Curve:
    return hv.Curve([(0, 0), (1, slope)]).opts(width=400, height=300, active_tools=["wheel_zoom"])


curve = hv.DynamicMap(pn.bind(line, slope))
tap.source = ranges.source = curve


def told(x: float, x_range: tuple[float, float] | None) -> str:
    return f"tapped {x > 0}, zoomed {x_range is not None and x_range[0] > 0}"


pn.Column(slope, curve, pn.pane.Markdown(pn.bind(told, tap.param.x, ranges.param.x_range))).servable()
