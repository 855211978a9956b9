"""A server that takes stock clients, with apps that say little and do something."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from bokeh.document import Document
from bokeh.layouts import column
from bokeh.models import ColumnDataSource, Slider, TextInput

from embedsync import Hub, Settings
from embedsync.asgi import application
from embedsync.authority import Permissive
from embedsync.errors import Refused
from embedsync.wire import Refusal
from tests.asgi.server import running

KEY = "only for tests"
AS_SERVED: dict[str, Any] = {"stock_clients": True, "stock_unsigned": True, "authority": "compat"}
"""What `embedsync serve` sets by itself."""


def amounts(doc: Document) -> None:
    """Twice the amount, an array, and a text that refuses nothing; a child comes with the amount 7."""
    amount = Slider(name="amount", start=0, end=10, value=1)
    double = Slider(name="double", start=0, end=20, value=2)
    words = TextInput(name="words")
    source = ColumnDataSource(name="source", data={"x": np.arange(4.0)})
    plotted = ColumnDataSource(name="plotted", data={"x": np.arange(200.0), "y": np.zeros(200)})
    place = column(amount, double, words, name="place", tags=[plotted])

    def changed(attr: str, old: float, new: float) -> None:
        double.value = new * 2
        if new == 7:
            place.children = [*place.children, TextInput(name="late", value="here")]
            source.stream({"x": np.array([9.0])})
        plotted.data = {"x": np.arange(200.0), "y": np.full(200, new)}

    amount.on_change("value", changed)
    doc.add_root(place)
    doc.add_root(source)
    doc.title = "Amounts"


class NoWords(Permissive):
    """Lets browsers write everything but words."""

    def write(self, model: Any, attribute: str, value: Any) -> None:
        if model.name == "words":
            raise Refused(Refusal.FORBIDDEN)


class Site:
    """A server.

    Attributes:
        hub: its hub.
        url: of its root.
    """

    def __init__(self, hub: Hub, url: str) -> None:
        self.hub, self.url = hub, url

    def app(self, name: str = "amounts") -> str:
        return f"{self.url}/{name}"

    def socket(self, name: str = "amounts") -> str:
        return f"{self.url}/{name}/ws"


@contextmanager
def serving(**settings: Any) -> Iterator[Site]:
    hub = Hub(KEY, Settings(**{**AS_SERVED, **settings}))
    hub.add_app("amounts", amounts, script_tag=True, script_arguments=None)
    hub.add_app("shared", amounts, shared=True, script_tag=True)
    hub.add_app("private", amounts)
    hub.add_app("guarded", amounts, script_tag=True, authority=NoWords())
    with running(application(hub, pages=True), hub) as url:
        yield Site(hub, url)


@pytest.fixture
def site() -> Iterator[Site]:
    with serving() as served:
        yield served


@pytest.fixture
def signing() -> Iterator[Site]:
    with serving(stock_unsigned=False) as served:
        yield served
