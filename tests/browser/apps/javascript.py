"""A slider with a callback in JavaScript, held as text."""

from bokeh.io import curdoc
from bokeh.models import CustomJS, Slider

amount = Slider(title="Amount", start=0, end=100, value=1, name="amount")
amount.js_on_change("value", CustomJS(code="document.title = `JavaScript saw ${cb_obj.value}`"))
curdoc().add_root(amount)
