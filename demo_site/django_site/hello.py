"""A live app that knows who is logged in to the site around it."""

from bokeh.document import Document
from bokeh.layouts import column
from bokeh.models import Button, Div
from django.utils.html import format_html
from django.utils.timezone import localtime


def hello(doc: Document) -> None:
    """Greet the person who opened the page."""
    user = doc.session_context.request.user
    since = f"{localtime(user.last_login):%H:%M}"

    greeting = Div(text=format_html("<h2>Hello, {}!</h2>", user.get_full_name()), name="greeting")
    answer = Div(text="This text was written by Python, for you alone.", name="answer")
    ask = Button(label="What time is it on the server?", width=240, name="ask")

    def tell_time() -> None:
        now = f"{localtime():%H:%M:%S}"
        answer.text = format_html("It is {}, {}. You are here since {}.", now, user.first_name, since)

    ask.on_click(tell_time)
    doc.add_root(column(greeting, ask, answer, sizing_mode="stretch_width"))
