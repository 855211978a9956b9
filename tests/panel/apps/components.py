"""Components with JavaScript of their own, of both kinds."""

import panel as pn
import param

from embedsync import allow_client_write

pn.extension()


class Counter(pn.custom.JSComponent):
    value = param.Integer(default=0)

    _esm = """
export function render({ model }) {
  const button = document.createElement("button");
  const show = () => { button.textContent = `count ${model.value}`; };
  button.onclick = () => { model.value += 1; };
  model.on("value", show);
  show();
  return button;
}
"""


class Clicked(pn.reactive.ReactiveHTML):
    clicks = param.Integer(default=0)

    _template = '<div id="clicked" onclick="${_clicked}">clicked ${clicks}</div>'

    def _clicked(self, event: object) -> None:
        self.clicks += 1


# What these hold is written by their own JavaScript: sites have to be told that browsers may.
allow_client_write(Counter._data_model, "value")

counter, clicked = Counter(), Clicked()
told = pn.bind("counter {}, clicked {}".format, counter.param.value, clicked.param.clicks)
pn.Column(counter, clicked, pn.pane.Markdown(told)).servable()
