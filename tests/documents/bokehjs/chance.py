"""Steps by chance: the same seed gives the same steps."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

from tests.documents.bokehjs.play import Step

DTYPES = [
    *("int64", "int64", "int32", "float64", "float64", "float32"),
    *("float16", "uint8", "int8", "uint64", "bool", "U"),
]
COLUMNS = ["list"] * 3 + ["array"] * 3 + ["odd", "typed", "dates", "tuple", "object"]
ODD = [
    *("None", "True", "'a'", "'bb'", "1", "2.5", "nan", "2**40", "-0.0", "[1, 2]"),
    *("np.float32(0.1)", "np.float64(0.1)", "np.int64(7)", "np.datetime64('2024-01-02')"),
    "datetime(2024, 1, 2, 3, 4, 5, 678901)",
]
PLACES = [
    *("0", "0", "1", "2", "slice(0, 2)", "slice(0, 1)", "slice(None)", "slice(1, None)", "slice(0, 3, 2)"),
    *("slice(0, 0)", "slice(1)", "True"),
]
APP = [
    "slider.value = {small}",
    "slider.value = {small}",
    "text.text = '{small}'",
    "del text.text",
    "doc.title = '{small}'",
    "n{new} = Div(text='new', name='n{new}'); box.children = [*box.children, n{new}]",
    "n{old}.text = '{small}'",
    "box.children = box.children[::-1]",
    "box.children = box.children[:-1]",
    "box.children.append(text)",
    "box.children = [text, echo, slider]",
    "doc.remove_root(s) if s in doc.roots else doc.add_root(s)",
    "doc.add_root(t)",
    "doc.remove_root(t)",
    "doc.add_root(n{old})",
    "doc.hold()",
    "doc.unhold()",
    "doc.unhold()",
    "text.tags = [s, slider]",
    "text.tags = []",
    "text.tags = [nan, 1, {{'a': np.array([1.5])}}]",
    "text.tags.append({small})",
    "s.data = dict(s.data)",
    "u.data = dict(v.data)",
    "del s.data['y']",
    "s.selected.indices = [{small}]",
    "glyph.size = {small}",
    "glyph.size = {{'field': 'x'}}",
    "glyph.size = 'y'",
    "glyph.fill_color = 'red'",
    "glyph.angle = {small}",
    "glyph.angle_units = 'deg'",
    "glyph.angle = {{'value': {small}, 'units': 'rad'}}",
    "del glyph.size",
    "choice.value = ['b']",
    "choice.value.append('a')",
    "choice.options = [('a', 'A'), ('b', 'B{small}')]",
    "text.styles = {{'color': 'red'}}",
    "text.styles['width'] = '{small}px'",
    "text.update(text='{small}', width={small})",
    "rest.children = [button, choice, Column(children=[Div(text='in')], name='n{new}')]",
    "rest.children = [choice]",
    "rest.children = [n{old}]",
    "s.data['z'] = s.data['x']",
]
PAGE = [
    "slider.value = {small}",
    "slider.value = {small}",
    "text.text = '{small}'",
    "doc.set_title('{small}')",
    "box.children = [...box.children, new Div({{text: 'own', name: 'p{new}'}})]",
    "p{old}.text = '{small}'",
    "n{old}.text = '{small}'",
    "box.children = [...box.children].reverse()",
    "box.children = box.children.slice(0, -1)",
    "box.children = [text, echo, slider]",
    "doc.roots().includes(s) ? doc.remove_root(s) : doc.add_root(s)",
    "doc.add_root(t)",
    "doc.remove_root(t)",
    "doc.add_root(new Div({{text: 'root', name: 'p{new}'}}))",
    "text.tags = [s, slider]",
    "text.tags = []",
    "text.tags = [NaN, 1, {{a: new Float64Array([1.5])}}]",
    "s.data = t.data",
    "s.selected.indices = [{small}]",
    "glyph.size = {{value: {small}}}",
    "glyph.size = {{field: 'y'}}",
    "glyph.fill_color = {{value: 'blue'}}",
    "glyph.angle = {{value: {small}, units: 'deg'}}",
    "choice.value = ['a', 'b']",
    "choice.value = []",
    "text.styles = {{...text.styles, height: '{small}px'}}",
    "text.setv({{text: '{small}', width: {small}}})",
    "button.trigger_event(new ButtonClick())",
    "button.trigger_event(new ButtonClick())",
    "rest.children = [choice, new Div({{text: 'own', name: 'p{new}'}}), button]",
    "rest.children = [p{old}]",
    "rest.children = [choice, button]",
    "s.data = {{...s.data, z: s.data.x}}",
]
PAGE_VALUES = ["true", "`a`", "1", "2.5", "NaN", "3.5", "-4", "1700000000000"]
PAGE_PLACES = [
    *("0", "0", "1", "2", "true", "-1", "5", "new Slice({start: 0, stop: 2})", "{start: 0, stop: 2}"),
    *("new Slice({start: 0, stop: 1})", "new Slice({start: 1})", "new Slice({start: 0, stop: 3, step: 2})"),
]


class Chance:
    """Makes steps."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._new = 0

    def one_of(self, things: Sequence[Any]) -> Any:
        """Any of some things."""
        return self._random.choice(things)

    def steps(self, count: int) -> list[Step]:
        """Some steps."""
        return [self._step() for _ in range(count)]

    def columns(self, count: int | None = None) -> str:
        """Columns of one length, in Python."""
        count = self.one_of([0, 1, 2, 3, 4]) if count is None else count
        return f"{{'x': {self._column(count)}, 'y': {self._column(count)}}}"

    def _step(self) -> Step:
        kind = self._random.random()
        if kind < 0.3:
            return ("app", 0, self._app())
        if kind < 0.6:
            return ("page", self.one_of([0, 1]), self._page())
        where, count = self.one_of([0, 1]), self.one_of([1, 1, 2, 5, 50])
        step: Step = self.one_of(
            [
                *[("send", where, count)] * 2,
                *[("turns", 0, count)] * 2,
                *[("show", where, count)] * 2,
                ("cut", where, None),
                ("join", where, self.one_of([1, 2, 1000])),
                ("ack", where, None),
            ]
        )
        return step

    def _app(self) -> str:
        source = self.one_of("sstuv")
        kind = self._random.random()
        if kind < 0.35:
            new = self.columns(self.one_of([0, 1, 1, 2, 3]))
            return f"{source}.stream({new}, {self.one_of([None, None, None, 0, 1, 2, 3, 5])})"
        if kind < 0.6:
            patches = self._several(lambda: f"({self.one_of(PLACES)}, {self._patched()})")
            return f"{source}.patch({{'{self.one_of('xy')}': [{patches}]}})"
        if kind < 0.66:
            return f"{source}.data['x'] = {self._column(self.one_of([1, 2, 3]))}"
        if kind < 0.72:
            return f"{source}.data = {self.columns()}"
        return self._filled(APP)

    def _page(self) -> str:
        source = self.one_of("sstuv")
        kind = self._random.random()
        if kind < 0.35:
            count = self.one_of([0, 1, 1, 2, 3])
            rollover = self.one_of([*["undefined"] * 4, 0, 1, 2, 3, 3, 5])
            return f"{source}.stream({{x: {self._array(count)}, y: {self._array(count)}}}, {rollover})"
        if kind < 0.6:
            return f"{source}.patch({{{self.one_of('xy')}: [{self._several(self._page_patch)}]}})"
        if kind < 0.66:
            return f"{source}.data = {{...{source}.data, x: {self._array(self.one_of([1, 2, 3]))}}}"
        if kind < 0.72:
            count = self.one_of([0, 1, 2, 3])
            return f"{source}.data = {{x: {self._array(count)}, y: {self._array(count)}}}"
        return self._filled(PAGE)

    def _filled(self, texts: Sequence[str]) -> str:
        self._new += 1
        text: str = self.one_of(texts)
        return text.format(
            small=self._random.randrange(9), new=self._new, old=self._random.randrange(self._new)
        )

    def _several(self, make: Callable[[], str]) -> str:
        return ", ".join(make() for _ in range(self.one_of([1, 1, 2])))

    def _column(self, count: int) -> str:
        kind = self.one_of(COLUMNS)
        odd = f"[{', '.join(self.one_of(ODD) for _ in range(count))}]"
        made = {
            "array": f"np.array({self._numbers(count)}).astype({self.one_of(DTYPES)!r})",
            "odd": odd,
            "typed": f"array({self.one_of('dfB')!r}, {self._small(count)})",
            "dates": f"np.array({self._small(count)}).astype('datetime64[{self.one_of(['ms', 'ns', 'D'])}]')",
            "tuple": f"tuple({self._numbers(count)})",
            "object": f"np.array({odd}, dtype=object)",
            "list": self._numbers(count),
        }
        return made[kind]

    def _small(self, count: int) -> str:
        return repr([self._random.randrange(0, 9) for _ in range(count)])

    def _numbers(self, count: int) -> str:
        values: list[Any] = []
        for _ in range(count):
            kind = self._random.random()
            if kind < 0.5:
                values.append(self._random.randrange(-5, 9))
            elif kind < 0.6:
                values.append(1_700_000_000_000)
            else:
                values.append(self._random.randrange(-40, 40) / 8)
        if self._random.random() < 0.5:
            values = [int(each) for each in values]
        return repr(values)

    def _patched(self) -> str:
        if self._random.random() < 0.6:
            one: str = self.one_of([self.one_of(ODD), self._numbers(1)[1:-1]])
            return one
        return self._column(self.one_of([1, 2, 2, 3]))

    def _array(self, count: int) -> str:
        """A column in JavaScript."""
        kind = self._random.random()
        if kind < 0.5:
            return self._numbers(count)
        if kind < 0.6:
            return f"[{', '.join(self.one_of([*PAGE_VALUES, 'null', '[1, 2]']) for _ in range(count))}]"
        if kind < 0.8:
            return f"new {self.one_of(['Float64', 'Float32', 'Int32', 'Uint8'])}Array({self._numbers(count)})"
        if kind < 0.83:
            return f"nd([{', '.join(self.one_of('01') for _ in range(count))}], 'bool', [{count}])"
        dtype = self.one_of(["float64", "int32", "object", "uint8", "float32"])
        return f"nd({self._numbers(count)}, '{dtype}', [{count}])"

    def _page_patch(self) -> str:
        place = self.one_of(PAGE_PLACES)
        if self._random.random() < 0.4:
            return f"[{place}, {self._array(self.one_of([1, 2, 2, 3]))}]"
        # BokehJS itself fails where a place for several values gets none.
        values = [*PAGE_VALUES, "null"] if place.isdigit() else PAGE_VALUES
        return f"[{place}, {self.one_of(values)}]"
