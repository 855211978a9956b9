"""When a session ends, what it held is gone: at once, without a garbage collector, after very many too."""

from __future__ import annotations

import gc
import os
import threading
import weakref
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bokeh.document import Document
from bokeh.layouts import column
from bokeh.models import ColumnDataSource, Slider, TextInput
from bokeh.plotting import figure

from embedsync import wire
from embedsync.hub import Hub
from embedsync.settings import Settings
from tests.support.memory import MemoryBrowser, wait_until
from tests.support.resources import resources

MIB = 1024 * 1024


class Data:
    """What app code keeps for a session, such as a table of many rows."""


@pytest.fixture
def hub() -> Iterator[Hub]:
    hub = Hub("key", Settings(grace=0.001))
    yield hub
    hub.stop()


@contextmanager
def no_garbage_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def visit(hub: Hub, app: str) -> MemoryBrowser:
    browser = MemoryBrowser(hub).open(hub.ticket(app))
    browser.wait_for(wire.SnapshotFrame)
    return browser


def leave(hub: Hub, browser: MemoryBrowser) -> None:
    browser.send(wire.Detach())
    browser.endpoint.lost()
    wait_until(lambda: not hub.sessions)


def test_models_and_what_callbacks_keep_are_gone_without_a_garbage_collector(hub: Hub) -> None:
    gone: list[weakref.ref[Any]] = []

    def app(doc: Document) -> None:
        data = Data()
        source = ColumnDataSource({"x": np.arange(1000), "y": np.arange(1000)})
        plot = figure(name="plot")
        plot.line("x", "y", source=source)
        slider, text = Slider(start=0, end=9, value=1), TextInput(tags=[1, 2])
        slider.on_change("value", lambda attr, old, new: text.update(value=f"{new} {data}"))
        text.on_change("value", lambda attr, old, new: slider.update(title=f"{data}"))
        doc.add_periodic_callback(lambda: text.update(value=str(data)), 1000)
        doc.add_root(column(plot, slider, text))
        gone.extend(weakref.ref(each) for each in [data, *doc.models])

    hub.add_app("app", app)
    with no_garbage_collector():
        leave(hub, visit(hub, "app"))
        wait_until(lambda: not [each for each in gone if each() is not None])
    assert len(gone) > 20


def test_the_module_of_a_script_is_gone_without_a_garbage_collector(hub: Hub, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import weakref\n"
        "from bokeh.io import curdoc\n"
        "from bokeh.models import Slider\n"
        "from tests.documents.bokeh import test_letting_go\n"
        "data = test_letting_go.Data()\n"
        "test_letting_go.KEPT.append(weakref.ref(data))\n"
        "slider = Slider(start=0, end=9, value=1)\n"
        "def moved(attr, old, new):\n"
        "    slider.title = str(data)\n"
        "slider.on_change('value', moved)\n"
        "curdoc().add_root(slider)\n"
    )
    KEPT.clear()
    hub.add_app("app", script)
    with no_garbage_collector():
        leave(hub, visit(hub, "app"))
        wait_until(lambda: KEPT[0]() is None)


def others() -> Counter[str]:
    """Threads beside those of the pool, which starts one when it is needed."""
    return Counter(each.name for each in threading.enumerate() if each.name != "embedsync-worker")


KEPT: list[weakref.ref[Data]] = []


def test_a_thousand_sessions_leave_threads_files_documents_and_memory_as_they_were(hub: Hub) -> None:
    documents: weakref.WeakSet[Document] = weakref.WeakSet()

    def app(doc: Document) -> None:
        documents.add(doc)
        slider = Slider(start=0, end=9, value=1)
        text = TextInput(value="x" * 50_000)
        slider.on_change("value", lambda attr, old, new: text.update(value=str(new)))
        doc.add_root(column(slider, text))
        doc.add_periodic_callback(lambda: None, 50)

    hub.add_app("app", app)

    def visits(count: int) -> None:
        for _ in range(count):
            leave(hub, visit(hub, "app"))
        gc.collect()

    visits(100)
    before, threads = resources(os.getpid()), others()
    visits(1000)
    grown = resources(os.getpid()) - before
    wait_until(lambda: len(documents) == 0)
    assert not others() - threads
    assert hub.pool.threads <= hub.settings.workers
    assert grown.files <= 0
    # Each session held more than 50 kB of text: were one in five kept, it would be more than this.
    assert grown.memory < 10 * MIB
