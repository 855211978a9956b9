"""A page of Panel's own, with places for what is in it."""

import panel as pn

pn.extension()

slider = pn.widgets.IntSlider(label="Number", start=0, end=10, value=3)
shown = pn.pane.Markdown(pn.bind("the number is {}".format, slider))
pn.template.FastListTemplate(title="A page of Panel's", sidebar=[slider], main=[shown]).servable()
