"""A site with two browsers, and steps to take in it, as text: found ones can be kept as they are printed.

A step is ``(who, where, what)``. ``app`` runs Python in a turn, ``page`` runs JavaScript in a browser, the
others move the network. What raises is left where it is: that is the app's, or the page's, own affair.
"""

from __future__ import annotations

import datetime as dt
import json
from array import array
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from bokeh.models import Button, Column, ColumnDataSource, CustomJS, Div, MultiChoice, Scatter, Slider

from tests.documents.bokehjs.browsers import Browsers
from tests.documents.bokehjs.site import Site

Step = tuple[str, int, Any]

NAMES = {"np": np, "pd": pd, "array": array, "datetime": dt.datetime, "nan": float("nan"), "Div": Div}


class Play:
    """Models that both sides know by their names, and steps that are taken with them.

    Args:
        browsers: where its browsers come from.
        data: Python code of the columns of the data sources.
        log_ops: how many ops the session keeps.
    """

    def __init__(self, browsers: Browsers, data: str, log_ops: int) -> None:
        self.names: dict[str, Any] = {**NAMES}
        self.raised: Exception | None = None
        self.site = Site(browsers, lambda doc: self._fill(doc, data), log_ops)
        for _ in range(2):
            self.site.visit()
        self.site.settle()

    def take(self, steps: Sequence[Step]) -> None:
        """Take steps."""
        for who, where, what in steps:
            getattr(self, f"_{who}")(where, what)

    def check(self) -> None:
        """All browsers hold what a fresh one is shown."""
        self.site.check()

    def kinds(self) -> list[str]:
        """The kinds of all events that were committed so far."""
        ops = self.site.session._log.since(0)
        return [json.loads(each.content)["kind"] for op in ops or () for each in op.patch.events]

    def _fill(self, doc: Any, data: str) -> None:
        sources = {name: ColumnDataSource(data=eval(data, self.names), name=name) for name in "stuv"}
        slider = Slider(start=0, end=10, value=1, name="slider")
        echo, text = Div(text="", name="echo"), Div(text="", name="text")
        glyph = Scatter(name="glyph", size=4)
        choice = MultiChoice(name="choice", options=["a", "b"], value=["a"])
        button = Button(name="button", label="0")
        box = Column(name="box", children=[text, echo, slider])
        rest = Column(name="rest", children=[choice, button], tags=[glyph])
        slider.on_change("value", lambda attr, old, new: setattr(slider, "value", min(new, 5)))
        slider.js_on_change("value", CustomJS(args={"echo": echo}, code="echo.text = `${cb_obj.value}`"))
        button.on_click(lambda: self._clicked(button, sources["s"]))
        text.on_change("text", lambda attr, old, new: doc.set_title(f"text {new}"))
        choice.on_change("value", lambda attr, old, new: new.append("b") if "b" not in new else 1 / 0)
        self.names.update(doc=doc, **sources, slider=slider, echo=echo, text=text, box=box, glyph=glyph)
        self.names.update(choice=choice, button=button, rest=rest)
        for each in (box, rest, *sources.values()):
            doc.add_root(each)

    @staticmethod
    def _clicked(button: Button, source: ColumnDataSource) -> None:
        button.label = f"{int(button.label) + 1}"
        if source.data and all(len(each) for each in source.data.values()):
            source.stream({name: each[:1] for name, each in source.data.items()}, 5)

    # Steps.

    def _app(self, _: int, code: str) -> None:
        def change() -> None:
            try:
                exec(code, self.names)
            except Exception as error:  # noqa: BLE001 - the app's own
                self.raised = error

        self.site.do(change)

    def _page(self, where: int, code: str) -> None:
        self.site.visits[where].browser.act(f"try {{ {code} }} catch {{}}")

    def _send(self, where: int, count: int) -> None:
        self.site.to_server(self.site.visits[where], count)

    def _turns(self, _: int, count: int) -> None:
        self.site.turns(count)

    def _show(self, where: int, count: int) -> None:
        self.site.to_browser(self.site.visits[where], count)

    def _cut(self, where: int, _: Any) -> None:
        self.site.disconnect(self.site.visits[where])

    def _join(self, where: int, limit: int) -> None:
        self.site.connect(self.site.visits[where], limit)

    def _ack(self, where: int, _: Any) -> None:
        self.site.visits[where].browser.acknowledge()
