"""Apps that the faults happen to: ordinary Bokeh code, which keeps a journal beside everything under test."""

from __future__ import annotations

import gc
import json
import logging
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from bokeh.document import Document
from bokeh.models import Button, Column, ColumnDataSource, Div, Slider, TextInput

from embedsync.hub import Hub

logger = logging.getLogger("tests.faults.apps")

LARGE = 1024 * 1024
"""Bytes of what the larger apps send at once."""


def note(doc: Document, what: str, value: Any) -> None:
    """Write one line into the journal: which process, which session, what ran."""
    path = os.environ.get("FAULTS_JOURNAL")
    if path is None:
        return
    line = json.dumps([os.getpid(), doc.session_context.id, what, value]) + "\n"
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        os.write(file, line.encode())
    finally:
        os.close(file)


def tally(doc: Document) -> None:
    """Each message is counted, summed up, and streamed to a table: whatever is lost or doubled shows."""
    count, total = TextInput(name="count", value="0"), TextInput(name="total", value="0")
    rows = ColumnDataSource(name="rows", data={"n": [], "square": []})
    amount = Slider(name="amount", start=0, end=1_000_000, value=1)
    seen = TextInput(name="seen", value="")

    def step(n: Any) -> None:
        if type(n) is not int:
            return  # Messages are spoilt on purpose, and some of them are whole still.
        note(doc, "step", n)
        count.value = str(int(count.value) + 1)
        total.value = str(int(total.value) + n)
        rows.stream({"n": [n], "square": [n * n]}, rollover=200)

    def moved(attr: str, old: float, new: float) -> None:
        note(doc, "moved", new)
        seen.value = f"amount is {new}"

    def grow(n: int) -> None:
        note(doc, "grow", n)
        held.children = [*held.children, TextInput(name=f"grown{n}", value=str(n))]
        if len(held.children) > 10:
            held.children = held.children[5:]

    held = Column(name="held")
    amount.on_change("value", moved)
    doc.on_message("step", step)
    doc.on_message("grow", grow)
    doc.add_root(Column(count, total, amount, seen, held, tags=[rows]))


def arrays(doc: Document) -> None:
    """Arrays both ways: what a message asks for is drawn, what is drawn by hand is reported."""
    source = ColumnDataSource(name="source", data={"x": np.zeros(8), "y": np.zeros(8)})
    report = TextInput(name="report", value="")

    def draw(n: int) -> None:
        note(doc, "draw", n)
        source.data = {"x": np.arange(8) + float(n), "y": np.sqrt(np.arange(8) + float(n))}

    def drawn(attr: str, old: Any, new: Any) -> None:
        x = np.asarray(source.data["x"])
        if len(x) and x.dtype == np.dtype("float32"):  # By hand: only tests send these.
            note(doc, "drawn", float(x[0]))
            report.value = f"x begins with {x[0]}"

    source.on_change("data", drawn)
    doc.on_message("draw", draw)
    doc.add_root(Column(report, tags=[source]))


def work(doc: Document) -> None:
    """A message keeps this session at work for so many seconds."""
    amount = Slider(name="amount", start=0, end=1000, value=1)
    seen, report = TextInput(name="seen", value=""), TextInput(name="report", value="idle")

    def sleep(seconds: float) -> None:
        note(doc, "sleep", seconds)
        report.value = "working"
        doc.session_context.flush()
        time.sleep(seconds)
        report.value = "done"
        note(doc, "slept", seconds)

    def moved(attr: str, old: float, new: float) -> None:
        note(doc, "moved", new)
        seen.value = f"amount is {new}"

    doc.on_message("sleep", sleep)
    amount.on_change("value", moved)
    doc.add_root(Column(amount, seen, report))


def hanging(doc: Document) -> None:
    """A message is never dealt with to its end."""

    def hang(n: int) -> None:
        note(doc, "hang", n)
        threading.Event().wait()

    doc.on_message("hang", hang)
    doc.add_root(Button(name="nothing"))


def pouring(doc: Document) -> None:
    """A message makes so many ops of 1 MiB each, and counts them all."""
    bulk, done = Div(name="bulk", text=""), TextInput(name="done", value="0")
    doc.add_root(Column(done, bulk))

    def pour(count: int) -> None:
        for _ in range(count):
            number = int(done.value) + 1
            bulk.text = str(number % 10) * LARGE
            done.value = str(number)
            doc.session_context.flush()

    doc.on_message("pour", pour)


def outsized(doc: Document) -> None:
    """A message makes an op of 8 MiB: more than any buffer on the way takes."""
    bulk = Div(name="bulk", text="")
    doc.add_root(bulk)

    def swell(n: int) -> None:
        bulk.text = str(n % 10) * LARGE * 8
        note(doc, "swell", n)

    doc.on_message("swell", swell)


def swelling(doc: Document) -> None:
    """Holds 1 MiB, so that a session that is kept by mistake is felt."""
    ballast = ColumnDataSource(name="ballast", data={"x": np.ones(LARGE // 8)})
    doc.add_root(TextInput(name="report", value="here"))
    doc.on_session_destroyed(lambda context: note(doc, "destroyed", 1))
    doc.on_message("look", lambda n: ballast.data["x"])


def greedy(doc: Document) -> None:
    """A document of 1 MiB."""
    report = TextInput(name="report", value="here")
    doc.on_message("look", lambda n: setattr(report, "value", f"looked at {n}"))
    doc.add_root(Column(report, tags=[ColumnDataSource(data={"x": np.ones(LARGE // 8)})]))


def bulky(doc: Document) -> None:
    """A document of 8 MiB: more than any buffer on the way takes."""

    def step(n: int) -> None:
        note(doc, "step", n)

    doc.on_message("step", step)
    doc.add_root(Div(text="x" * LARGE * 8))


class Fragile:
    """Shared. The first build of each room waits for a file, and fails; the next works."""

    def __init__(self) -> None:
        self._builds: dict[str, int] = {}

    def __call__(self, doc: Document) -> None:
        arguments = doc.session_context.request.arguments
        room, gate = (arguments[name][0].decode() for name in ("room", "gate"))
        number = self._builds[room] = self._builds.get(room, 0) + 1
        note(doc, "build", number)
        if number == 1:
            while not Path(gate).exists():
                time.sleep(0.01)
            raise ValueError("the secret of the build")
        doc.add_root(TextInput(name="report", value="built"))


def failing_callback(doc: Document) -> None:
    """A callback that raises after it has changed something, and says so at length."""
    amount = Slider(name="amount", start=0, end=100, value=1)
    report = TextInput(name="report", value="")

    def changed(attr: str, old: float, new: float) -> None:
        report.value = f"amount is {new}"
        raise LookupError("the secret of the callback")

    amount.on_change("value", changed)
    doc.add_root(Column(amount, report))


def chatty(doc: Document) -> None:
    """Logs at each message."""
    report = TextInput(name="report", value="")

    def say(n: int) -> None:
        logger.warning("the app says %d", n)
        report.value = f"said {n}"

    doc.on_message("say", say)
    doc.add_root(report)


def census(doc: Document) -> None:
    """What is alive in this process, this session included."""
    gc.collect()
    objects = gc.get_objects()
    kinds = [type(each) for each in objects]
    hub = objects[kinds.index(Hub)]
    documents = [each for each in kinds if issubclass(each, Document)]
    del objects
    alive = {
        "process": os.getpid(),
        "documents": len(documents),
        "lost": hub.pool.lost,
        "threads": [each.name for each in threading.enumerate()],
        "counters": hub.counters.read(),
    }
    doc.add_root(TextInput(name="report", value=json.dumps(alive)))


def log_to_pipe() -> None:
    """What is logged goes into a pipe as well, if the test has made one. It reads it, or not."""
    path = os.environ.get("FAULTS_PIPE")
    if path is not None:
        handler = logging.StreamHandler(Path(path).open("w"))  # noqa: SIM115 - as long as there is a log
        handler.setLevel(logging.WARNING)
        logging.getLogger().addHandler(handler)


def all_apps() -> dict[str, tuple[Callable[[Document], Any], dict[str, Any]]]:
    """Sources and options by name."""
    log_to_pipe()
    return {
        "tally": (tally, {}),
        "room": (tally, {"shared": True, "grace": 2.0}),
        "brief": (tally, {"grace": 0.3}),
        "arrays": (arrays, {}),
        "brief-arrays": (arrays, {"grace": 0.3}),
        "work": (work, {}),
        "hanging": (hanging, {}),
        "pouring": (pouring, {"shared": True, "grace": 1.0}),
        "poured": (pouring, {"shared": True}),
        "swelling": (swelling, {"grace": 0.3}),
        "outsized": (outsized, {}),
        "greedy": (greedy, {}),
        "bulky": (bulky, {"grace": 0.3}),
        "fragile": (Fragile().__call__, {"shared": True, "grace": 0.5}),
        "failing-callback": (failing_callback, {}),
        "chatty": (chatty, {}),
        "census": (census, {}),
    }
