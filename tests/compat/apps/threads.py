"""Threads of the app, and callbacks without the lock."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from bokeh.document import without_document_lock
from bokeh.io import curdoc
from bokeh.models import Div

doc = curdoc()
thread_div, unlocked_div, refused_div = (Div(text="-") for _ in range(3))
executor = ThreadPoolExecutor(1)


def from_thread():
    doc.add_next_tick_callback(partial(setattr, thread_div, "text", "from a thread"))


@without_document_lock
def refused():
    try:
        curdoc().add_root(Div())
        words = "not refused"
    except AttributeError:
        words = "a change is refused"
    doc.add_next_tick_callback(partial(setattr, refused_div, "text", words))


@without_document_lock
async def unlocked():
    value = await asyncio.wrap_future(executor.submit(lambda: 6 * 7))
    doc.add_next_tick_callback(partial(setattr, unlocked_div, "text", f"without the lock {value}"))


def start():
    threading.Thread(target=from_thread, daemon=True).start()


doc.add_next_tick_callback(start)
doc.add_timeout_callback(unlocked, 10)
doc.add_timeout_callback(refused, 10)
doc.on_session_destroyed(lambda session_context: executor.shutdown(wait=False))
for each in (thread_div, unlocked_div, refused_div):
    doc.add_root(each)
