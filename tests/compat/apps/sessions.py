"""One session changes all others."""

from bokeh.document import without_document_lock
from bokeh.io import curdoc
from bokeh.layouts import column
from bokeh.models import Button, Div

server_context = curdoc().session_context.server_context
shown = Div(text="-", name="shown")
button = Button(label="Tell all")


def change(doc):
    doc.get_model_by_name("shown").text = "told"


@without_document_lock
async def tell():
    for each in server_context.sessions:
        await each.with_document_locked(change, each.document)


def start():
    curdoc().add_next_tick_callback(tell)


button.on_click(start)
curdoc().add_root(column(button, shown))
