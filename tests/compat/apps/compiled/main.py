"""A model with a view of the app's own, in TypeScript; another one comes later."""

from bokeh.core.properties import Int
from bokeh.io import curdoc
from bokeh.models import Button, Div, LayoutDOM
from bokeh.util.compiler import JavaScript

LATER = """
import {Div, DivView} from "models/widgets/div"

export class LaterView extends DivView {
  render() {
    super.render()
    const shown = document.createElement("p")
    shown.textContent = "came later"
    this.shadow_el.append(shown)
  }
}

export class Later extends Div {
  static __name__ = "Later"

  static {
    this.prototype.default_view = LaterView
  }
}
"""


class Meter(LayoutDOM):
    __implementation__ = "meter.ts"

    level = Int(0)


class Later(Div):
    __implementation__ = JavaScript(LATER)


meter = Meter(level=3)
heard = Div(text="heard nothing")
rise = Button(label="Rise")
more = Button(label="More")
meter.on_change("level", lambda attr, old, new: heard.update(text=f"heard {new}"))
rise.on_click(lambda: meter.update(level=10))
more.on_click(lambda: curdoc().add_root(Later()))
for root in (meter, heard, rise, more):
    curdoc().add_root(root)
