"""A directory with a template, and roots by their names."""

from bokeh.io import curdoc
from bokeh.models import Button, Div, Slider
from bokeh.plotting import figure

doc = curdoc()
plot = figure(name="plot", height=200, sizing_mode="stretch_width")
plot.line([1, 2, 3], [3, 1, 2])
slider = Slider(start=0, end=9, value=2, title="Level", name="level")
shown = Div(text="level 2", name="shown")
slider.on_change("value", lambda attr, old, new: setattr(shown, "text", f"level {new}"))
late = Button(label="Late", name="late")
late.on_click(lambda: doc.add_root(Div(text="a root that came later")))
for each in (plot, slider, shown, late):
    doc.add_root(each)
doc.title = "A page of its own"
doc.template_variables["crew"] = ["Ada", "Grace"]
