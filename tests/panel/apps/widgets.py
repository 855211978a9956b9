"""Widgets, both ways: what a person does shows in Python, and what Python does shows in the page."""

import panel as pn

pn.extension()

slider = pn.widgets.IntSlider(label="Number", start=0, end=10, value=3)
text = pn.widgets.TextInput(label="Text", value="hello")
button = pn.widgets.Button(label="Seven", button_type="primary")
button.on_click(lambda event: slider.param.update(value=7))


def told(number: int, words: str) -> str:
    return f"{words}, {number}"


pn.Column(slider, text, button, pn.pane.Markdown(pn.bind(told, slider, text))).servable()
