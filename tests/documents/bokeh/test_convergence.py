"""Whatever app code and browsers do, a browser that took every patch holds what a fresh one is shown."""

from __future__ import annotations

from typing import Any

import numpy as np
from bokeh.models import Column, ColumnDataSource, Div, Row, Slider
from hypothesis import event, given, settings
from hypothesis import strategies as st

from embedsync.errors import Refused
from tests.documents.bokeh.harness import Live, write

_SMALL = st.integers(0, 7)


class World:
    """A document with a few models, some of them in it, that random changes are made to."""

    def __init__(self) -> None:
        self.sources = [ColumnDataSource(data={"x": [1.0, 2.0], "y": np.array([1.0, 2.0])}) for _ in range(2)]
        self.leaves: list[Any] = [
            Div(text="a"),
            Slider(start=0, end=10, value=1),
            Div(text="b"),
            *self.sources,
        ]
        self.boxes: list[Any] = [Column(), Row(), Column()]
        self.live = Live(lambda doc: doc.add_root(self.boxes[0]))
        slider = self.leaves[1]
        slider.on_change("value", lambda attr, old, new: setattr(slider, "value", min(new, 5)))

    def change(self, operation: tuple[Any, ...]) -> None:
        """Let app code change something."""
        name, *arguments = operation
        getattr(self, name)(*arguments)

    def fill(self, box: int, members: list[int]) -> None:
        # A box holds leaves and the boxes after it, so that there are no circles.
        box %= len(self.boxes)
        inner = self.boxes[box + 1 :]
        things = [*self.leaves, *inner]
        self.boxes[box].tags = [things[each % len(things)] for each in members]

    def append(self, box: int, member: int) -> None:
        self.boxes[box % len(self.boxes)].tags.append(self.leaves[member % len(self.leaves)])

    def text(self, leaf: int, value: int) -> None:
        self.leaves[(0, 2)[leaf % 2]].text = str(value)

    def unset(self, leaf: int) -> None:
        del self.leaves[(0, 2)[leaf % 2]].text

    def slide(self, value: int) -> None:
        self.leaves[1].value = value

    def stream(self, source: int, value: int, rollover: int) -> None:
        data = {"x": [float(value)], "y": [float(value)]}
        self.sources[source % 2].stream(data, rollover or None)

    def patch(self, source: int, value: int) -> None:
        self.sources[source % 2].patch({"x": [(0, float(value))]})

    def column(self, source: int, value: int) -> None:
        self.sources[source % 2].data["x"] = [float(value)] * len(self.sources[source % 2].data["y"])

    def whole(self, source: int, value: int) -> None:
        self.sources[source % 2].data = {"x": [float(value)], "y": np.array([1.0])}

    def root(self, box: int) -> None:
        box_ = self.boxes[box % len(self.boxes)]
        if box_ in self.live.doc.roots:
            self.live.doc.remove_root(box_)
        else:
            self.live.doc.add_root(box_)

    def title(self, value: int) -> None:
        self.live.doc.title = str(value)

    def hold(self) -> None:
        self.live.doc.hold()

    def unhold(self) -> None:
        self.live.doc.unhold()

    def edit_of(self, operation: tuple[Any, ...]) -> list[dict[str, Any]]:
        """A browser's edit, of models that it knows."""
        events = self._events_of(operation)
        known = self.live.mirror.models
        return [each for each in events if "model" not in each or each["model"]["id"] in known]

    def _events_of(self, operation: tuple[Any, ...]) -> list[dict[str, Any]]:
        name, *arguments = operation
        known = list(self.live.mirror.models)
        if name == "slide":
            return [write(self.leaves[1], "value", arguments[0])]
        if name == "stream":
            data = {"type": "map", "entries": [["x", [float(arguments[1])]], ["y", [1.0]]]}
            model = {"id": self.sources[arguments[0] % 2].id}
            rollover = arguments[2] or None
            return [
                {
                    "kind": "ColumnsStreamed",
                    "model": model,
                    "attr": "data",
                    "data": data,
                    "rollover": rollover,
                }
            ]
        if name == "fill":
            box = self.boxes[arguments[0] % len(self.boxes)]
            inner = {each.id for each in self.boxes[self.boxes.index(box) + 1 :]}
            usable = [each for each in known if each in inner or each in {leaf.id for leaf in self.leaves}]
            return [
                write(box, "tags", [{"id": usable[each % len(usable)]} for each in arguments[1] if usable])
            ]
        if name == "bring":
            new = {"type": "object", "name": "Div", "id": f"new{arguments[0]}", "attributes": {"text": "new"}}
            return [write(self.boxes[-1], "tags", [new])]
        if name == "root":
            box = self.boxes[arguments[0] % len(self.boxes)]
            kind = "RootRemoved" if box.id in self.live.mirror.roots else "RootAdded"
            return [{"kind": kind, "model": {"id": box.id}}]
        return [{"kind": "TitleChanged", "title": str(arguments)}]


_OPERATIONS = st.one_of(
    st.tuples(st.just("fill"), _SMALL, st.lists(_SMALL, max_size=4)),
    st.tuples(st.just("append"), _SMALL, _SMALL),
    st.tuples(st.just("text"), _SMALL, _SMALL),
    st.tuples(st.just("unset"), _SMALL),
    st.tuples(st.just("slide"), _SMALL),
    st.tuples(st.just("stream"), _SMALL, _SMALL, st.integers(0, 4)),
    st.tuples(st.just("patch"), _SMALL, _SMALL),
    st.tuples(st.just("column"), _SMALL, _SMALL),
    st.tuples(st.just("whole"), _SMALL, _SMALL),
    st.tuples(st.just("root"), _SMALL),
    st.tuples(st.just("title"), _SMALL),
    st.tuples(st.just("hold")),
    st.tuples(st.just("unhold")),
)
_EDITS = st.one_of(
    st.tuples(st.just("slide"), _SMALL),
    st.tuples(st.just("stream"), _SMALL, _SMALL, st.integers(0, 4)),
    st.tuples(st.just("fill"), _SMALL, st.lists(_SMALL, max_size=3)),
    st.tuples(st.just("bring"), _SMALL),
    st.tuples(st.just("root"), _SMALL),
    st.tuples(st.just("title"), _SMALL),
)
_TURNS = st.lists(
    st.one_of(
        st.tuples(st.just("app"), st.lists(_OPERATIONS, max_size=5)),
        st.tuples(st.just("browser"), st.lists(_EDITS, min_size=1, max_size=3)),
    ),
    max_size=14,
)


@settings(max_examples=300, deadline=None, print_blob=True)
@given(_TURNS)
def test_browsers_that_took_every_patch_hold_what_a_fresh_one_is_shown(turns: list[Any]) -> None:
    world = World()
    live = world.live
    for who, operations in turns:
        if who == "app":
            live.do(lambda operations=operations: [world.change(each) for each in operations])
        else:
            try:
                live.edit(*(one for each in operations for one in world.edit_of(each)))
                event("an edit was committed")
            except Refused:
                event("an edit was refused")
        if not live.document._recorder.held:
            live.check_mirror()
    live.do(live.doc.unhold)
    live.settle()
    assert live.host.reports == []
    live.check_mirror()
