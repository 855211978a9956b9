"""Apps that the contract scenarios use: ordinary Bokeh code, one promise each."""

from __future__ import annotations

import asyncio
import hashlib
import importlib
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from bokeh.document import Document
from bokeh.io import curdoc
from bokeh.models import Button, Column, ColumnDataSource, Slider, TextInput

from embedsync import allow_client_write

NUMBERS = np.random.default_rng(7).normal(size=1_000_000)


def echo(doc: Document) -> None:
    """What is set on the slider is reported; ``curdoc()`` is right in callbacks."""
    amount = Slider(name="amount", start=0, end=100, value=1)
    report = TextInput(name="report", value="nothing yet")

    def changed(attr: str, old: float, new: float) -> None:
        assert curdoc() is doc
        report.value = f"amount is {new}"

    amount.on_change("value", changed)
    doc.add_root(Column(amount, report))


async def asynchronous(doc: Document) -> None:
    """The same, asynchronously throughout."""
    await asyncio.sleep(0)
    amount = Slider(name="amount", start=0, end=100, value=1)
    report = TextInput(name="report", value="nothing yet")

    async def changed(attr: str, old: float, new: float) -> None:
        await asyncio.sleep(0)
        assert curdoc() is doc
        report.value = f"amount is {new}"

    amount.on_change("value", changed)
    doc.add_root(Column(amount, report))


def slow(doc: Document) -> None:
    """A click keeps this session busy until there is a file."""
    go = Button(name="go")
    report = TextInput(name="report", value="idle")

    def work() -> None:
        gate = Path(doc.session_context.request.arguments["gate"][0].decode())
        report.value = "working"
        doc.session_context.flush()
        while not gate.exists():
            time.sleep(0.01)

    go.on_click(work)
    doc.add_root(Column(go, report))


def shared(doc: Document) -> None:
    """Each click adds a model, which every viewer then changes and sees changed."""
    add = Button(name="add")
    notes = Column(name="notes")

    def said(attr: str, old: Any, new: Any) -> None:
        add.label = f"add another after {new!r}"

    def added() -> None:
        note = TextInput(name=f"note{len(notes.children)}", value="new")
        note.on_change("value", said)
        notes.children = [*notes.children, note]

    add.on_click(added)
    doc.add_root(Column(add, notes))


def heavy(doc: Document) -> None:
    """Each amount replaces more numbers than may wait for a browser."""
    amount = Slider(name="amount", start=0, end=100, value=0)
    source = ColumnDataSource(name="source", data={"y": np.zeros(200_000)})

    def changed(attr: str, old: float, new: float) -> None:
        source.data = {"y": np.full(200_000, float(new))}

    amount.on_change("value", changed)
    doc.add_root(Column(amount, tags=[source]))


def big(doc: Document) -> None:
    """A million numbers each way."""
    source = ColumnDataSource(name="source", data={"x": NUMBERS})
    report = TextInput(name="report", value="")

    def changed(attr: str, old: Any, new: Any) -> None:
        report.value = hashlib.sha256(np.asarray(source.data["x"]).tobytes()).hexdigest()

    source.on_change("data", changed)
    allow_client_write(source, "data")
    doc.add_root(report)
    report.tags = [source]


def ticking(doc: Document) -> None:
    """Counts by itself."""
    report = TextInput(name="report", value="0")

    def tick() -> None:
        report.value = str(int(report.value) + 1)

    doc.add_periodic_callback(tick, 50)
    doc.add_root(report)


def visitor(doc: Document) -> None:
    """Reports what it knows of the visit."""
    request = doc.session_context.request
    arguments = {name: [each.decode() for each in values] for name, values in request.arguments.items()}
    report = TextInput(name="report", value=repr((request.user, arguments, request.cookies.get("colour"))))
    doc.add_root(report)


class Ahead:
    """Does not look at its visit before a callback does; says which of the documents so far this one is."""

    def __init__(self) -> None:
        self.builds = 0

    def __call__(self, doc: Document) -> None:
        self.builds += 1
        number = self.builds
        amount = Slider(name="amount", start=0, end=1_000_000, value=0)
        report = TextInput(name="report", value=f"document {number}")

        def changed(attr: str, old: float, new: float) -> None:
            request = doc.session_context.request
            report.value = (
                f"{new}: {self.builds} built, {request.user!r}, {request.arguments['symbol'][0].decode()}"
            )

        amount.on_change("value", changed)
        doc.add_root(Column(amount, report))


def raising(doc: Document) -> None:
    """A callback that raises, after it has changed something."""
    amount = Slider(name="amount", start=0, end=100, value=1)
    report = TextInput(name="report", value="")

    def changed(attr: str, old: float, new: float) -> None:
        report.value = f"amount is {new}"
        raise ValueError("the secret of the callback")

    amount.on_change("value", changed)
    doc.add_root(Column(amount, report))


class Failing:
    """Raises while the first document is built, and works afterwards."""

    def __init__(self) -> None:
        self.builds = 0

    def __call__(self, doc: Document) -> None:
        self.builds += 1
        if self.builds == 1:
            raise ValueError("the secret of the build")
        doc.add_root(TextInput(name="report", value="built"))


def site_settings() -> dict[str, Any]:
    """The settings of a site: its heart beats fast, unless a test has said otherwise."""
    return {"heartbeat": 1.0, "stock_clients": True, **json.loads(os.environ.get("SITE_SETTINGS", "{}"))}


def all_apps() -> dict[str, tuple[Callable[[Document], Any], dict[str, Any]]]:
    """Sources and options by name; a test may have named a module with further ones."""
    more = os.environ.get("SITE_APPS")
    return {
        **(importlib.import_module(more).all_apps() if more else {}),
        "echo": (echo, {}),
        "asynchronous": (asynchronous, {}),
        "slow": (slow, {}),
        "shared": (shared, {"shared": True}),
        "big": (big, {}),
        "heavy": (heavy, {"shared": True}),
        "ticking": (ticking, {}),
        "visitor": (visitor, {}),
        "raising": (raising, {}),
        "open": (echo, {"script_tag": True}),
        "guest": (visitor, {"script_tag": True, "script_arguments": ["symbol"]}),
        # Those who name further apps count documents, and want none that waits for somebody.
        "ahead": (Ahead().__call__, {"prebuild": 0 if more else 1}),
        "failing": (Failing().__call__, {}),
    }
