"""A board that everyone on the page can write on, where the server shares one session among visitors."""

from datetime import datetime
from html import escape

from bokeh.io import curdoc
from bokeh.layouts import column, row
from bokeh.models import Button, Div, TextInput

NOTES_KEPT = 8
COLORS = ["#e3eef3", "#f7e9db", "#e4f0e5", "#f3e3e7", "#e9e5f2"]
PAPER = {"padding": "8px 12px", "border-radius": "6px", "box-sizing": "border-box"}

count = 0
heading = Div(text="Nobody has pressed the button yet.", name="heading", sizing_mode="stretch_width")
flexible = {"flex": "1 1 180px"}
note = TextInput(
    title="Your note", placeholder="Hello!", name="note", sizing_mode="stretch_width", styles=flexible
)
post = Button(label="Pin it to the board", button_type="primary", width=150, align="end", name="post")
clear = Button(label="Clear", width=80, align="end", name="clear")
notes = column(sizing_mode="stretch_width", styles={"gap": "6px"}, name="notes")


def pin_note() -> None:
    """Add the note as a new model, and let the oldest go when the board is full."""
    global count
    count += 1
    words = escape(note.value or "Hello!")
    paper = Div(
        text=f"<b>{count}</b>&ensp;{words}&ensp;<small>{datetime.now():%H:%M:%S}</small>",
        sizing_mode="stretch_width",
        styles={**PAPER, "background": COLORS[count % len(COLORS)]},
    )
    notes.children = [paper, *notes.children][:NOTES_KEPT]
    heading.text = f"The button was pressed <b>{count}</b> {'time' if count == 1 else 'times'}."
    note.value = ""


def clear_board() -> None:
    """Take every note down."""
    notes.children = []


post.on_click(pin_note)
clear.on_click(clear_board)

controls = row(note, post, clear, sizing_mode="stretch_width", styles={"flex-wrap": "wrap", "gap": "8px"})
curdoc().add_root(column(heading, controls, notes, sizing_mode="stretch_width"))
curdoc().title = "Board"
