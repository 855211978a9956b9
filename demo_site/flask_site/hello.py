"""A live app that knows who is logged in to the site around it."""

from datetime import datetime
from html import escape

from bokeh.document import Document
from bokeh.layouts import column
from bokeh.models import Button, Div


def hello(doc: Document) -> None:
    """Greet the person who opened the page."""
    user = doc.session_context.request.user
    name = user.name if user and user.is_authenticated else "stranger"

    greeting = Div(text=f"<h2>Hello, {escape(name)}!</h2>", name="greeting")
    answer = Div(text="This text was written by Python, for you alone.", name="answer")
    ask = Button(label="What time is it on the server?", width=240, name="ask")

    def tell_time() -> None:
        answer.text = f"It is {datetime.now():%H:%M:%S}, {escape(name)}."

    ask.on_click(tell_time)
    doc.add_root(column(greeting, ask, answer, sizing_mode="stretch_width"))
