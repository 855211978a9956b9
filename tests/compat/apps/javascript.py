"""JavaScript of the app: callbacks, links, notifications."""

from bokeh.io import curdoc
from bokeh.layouts import column
from bokeh.models import Button, CustomJS, Div, Slider

slider = Slider(start=0, end=10, value=1, title="One", name="one")
other = Slider(start=0, end=10, value=1, title="Two", name="two")
shown = Div(text="untouched", name="shown")
python = Div(text="-", name="python")
button = Button(label="Run")
slider.js_link("value", other, "value")
slider.js_on_change("value", CustomJS(args={"shown": shown}, code="shown.text = `moved to ${cb_obj.value}`"))
shown.on_change("text", lambda attr, old, new: setattr(python, "text", f"Python saw: {new}"))
button.js_on_click(
    CustomJS(
        args={"notifications": curdoc().config.notifications},
        code="notifications.push.emit({type: 'success', text: 'Well done'})",
    )
)
curdoc().js_on_event("document_ready", CustomJS(code="window.wasReady = true"))
curdoc().add_root(column(slider, other, button, shown, python))
