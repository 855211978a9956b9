"""The short way of an edit, and of an event, that is one plain value leads to where the long one does."""

import itertools
import json
import re
import warnings
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest
from bokeh.core.serialization import Serializer
from bokeh.model import Model
from bokeh.models import Button, ColumnDataSource, Div, Slider, TextInput
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from embedsync.document import EventKind
from embedsync.documents.bokeh import document, events
from embedsync.documents.bokeh.edits import DecodedEdit, _ValueBefore
from embedsync.documents.bokeh.plain_events import plain_event
from embedsync.documents.bokeh.plain_values import told_at_once
from embedsync.documents.bokeh.plain_write import PlainSet, plain_write
from embedsync.documents.bokeh.private import PropertyDescriptor, UnsetValueError
from embedsync.documents.bokeh.serializer import Encoding, KnownModels, encode_json
from embedsync.errors import Refused
from tests.documents.bokeh.harness import Live, write
from tests.documents.bokeh.test_attributes import CLASSES

pytestmark = pytest.mark.filterwarnings("ignore::bokeh.util.warnings.BokehDeprecationWarning")

VALUES = (True, 0, 1, -3, 2.5, 1e300, 2**53 - 1, -(2**53), "", "red", "start", "Größe", None)

SLIDER = {"start": 0, "end": 10, "value": 1, "step": 0.5}
GIVEN = {"Slider": SLIDER, "RangeSlider": {**SLIDER, "value": (1, 2)}}
"""Values without which a model cannot be shown."""


def is_complete(model_class: type[Model]) -> bool:
    try:
        model_class(**GIVEN.get(model_class.__name__, {})).properties_with_values()
    except UnsetValueError:
        return False
    return True


with warnings.catch_warnings(action="ignore"):
    COMPLETE = [each for each in CLASSES if is_complete(each)]


def renumbered(told: list[Any]) -> str:
    """All of it, with ids by the order in which they appear: the long way makes some for nothing."""
    numbers: dict[str, str] = {}

    def number(found: re.Match[str]) -> str:
        return numbers.setdefault(found[0], f"#{len(numbers)}")

    return re.sub(r"\bp[0-9]{4,}\b", number, repr(told))


def life(model_class: type[Model], authority: str) -> list[Any]:
    """All that browsers, callbacks and logs are told while each property of a model is given some values."""
    model = model_class(**GIVEN.get(model_class.__name__, {}))
    told: list[Any] = []

    def fill(doc: Any) -> None:
        doc.add_root(model)
        for name in model_class.properties():
            model.on_change(name, lambda attribute, old, new: told.append((attribute, repr(old), repr(new))))

    live = Live(fill, authority=authority)
    values = itertools.cycle(VALUES)
    for name in [*model_class.properties(), "no such property"]:
        for value in itertools.islice(values, 3):
            told.append((name, value))
            try:
                edited = live.edit(write(model, name, value))
            except Refused as refused:
                told.append((refused.code, str(refused), refused.where))
            else:
                prepared = edited.prepared.written, edited.prepared.skipped
                told.append((edited.before, prepared, edited.patch, edited.differs, edited.effects))
    told += [repr(model._property_values), live.mirror.models, [str(error) for error, _ in live.host.reports]]
    return told


@pytest.mark.parametrize("authority", ["compat", "closed"])
@pytest.mark.parametrize("model_class", COMPLETE, ids=lambda each: each.__name__)
def test_each_property_of_each_model_takes_a_value_the_short_way_as_the_long_way(
    model_class: type[Model], authority: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = life(model_class, authority)
    monkeypatch.setattr(events, "plain_write", lambda *_: None)
    monkeypatch.setattr(document, "plain_event", lambda *_: None)
    assert renumbered(short) == renumbered(life(model_class, authority))


def test_a_slider_a_text_and_a_button_that_is_disabled_take_the_short_way() -> None:
    for model, name, value in (
        (Slider(), "value", 0.5),
        (TextInput(), "value", "a"),
        (Button(), "disabled", True),
    ):
        step = plain_write([write(model, name, value)], {model.id: model}.get)
        assert isinstance(step, PlainSet)


def test_the_second_value_is_put_in_past_bokehs_own_way_unless_somebody_stands_in_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slow: list[float] = []
    put = PropertyDescriptor._set

    def noted(self: Any, obj: Any, old: Any, value: Any, **named: Any) -> None:
        slow.append(value)
        put(self, obj, old, value, **named)

    slider = Slider(**SLIDER)
    seen: list[Any] = []
    slider.on_change("value", lambda attribute, old, new: seen.append((attribute, old, new)))
    live = Live(lambda doc: doc.add_root(slider), authority="closed")
    monkeypatch.setattr(PropertyDescriptor, "_set", noted)
    live.edit(write(slider, "value", 2.5))
    live.edit(write(slider, "value", 2.5))
    assert (slow, slider.value) == ([], 2.5)
    assert seen == [("value", 1, 2.5)]
    monkeypatch.setattr(Model, "trigger", lambda self, *change, **named: None)
    live.edit(write(slider, "value", 3.0))
    assert (slow, slider.value) == ([3.0], 3.0)


def held(model: Any) -> list[Any]:
    """All that a model holds, and who is told when one of its lists is changed in place."""
    kinds = model._property_values, model._unstable_default_values, model._unstable_themed_values
    return [
        {name: (value, set(getattr(value, "_owners", ()))) for name, value in values.items()}
        for values in kinds
    ]


@pytest.mark.parametrize("model_class", COMPLETE, ids=lambda each: each.__name__)
def test_a_value_that_was_put_in_is_taken_back(model_class: type[Model]) -> None:
    model = model_class(**GIVEN.get(model_class.__name__, {}))
    live = Live(lambda doc: doc.add_root(model), authority="compat")
    for name, value in itertools.product(model_class.properties(), VALUES):
        step = plain_write([write(model, name, value)], {model.id: model}.get)
        if step is not None:
            there = held(model)
            before = DecodedEdit([step]).before(live.document.bokeh)
            assert type(before) is _ValueBefore
            step.apply(live.document.bokeh, None)
            before.put_back()
            assert held(model) == there


def test_where_a_model_may_change_more_than_one_value_all_are_taken_back() -> None:
    class Following(Slider):
        def trigger(self, attr: str, *change: Any, **named: Any) -> None:
            super().trigger(attr, *change, **named)
            if attr == "value":
                self.title = "changed"

    slider = Following(**SLIDER, title="as it was")
    live = Live(lambda doc: doc.add_root(slider), authority="compat")
    step = plain_write([write(slider, "value", 2.5)], {slider.id: slider}.get)
    assert step is not None
    before = DecodedEdit([step]).before(live.document.bokeh)
    step.apply(live.document.bokeh, None)
    assert (slider.value, slider.title) == (2.5, "changed")
    before.put_back()
    assert (slider.value, slider.title) == (1, "as it was")


@pytest.mark.parametrize(
    "edit",
    [
        {"kind": "ModelChanged", "model": {"id": "gone"}, "attr": "value", "new": 1},
        {"kind": "ModelChanged", "model": {"id": 1}, "attr": "value", "new": 1},
        {"kind": "ModelChanged", "model": {"id": "shown", "type": "ref"}, "attr": "value", "new": 1},
        {"kind": "ModelChanged", "model": {"id": "shown"}, "attr": 1, "new": 1},
        {"kind": "ModelChanged", "model": {"id": "shown"}, "attr": "value"},
        {"kind": "ModelChanged", "model": {"id": "shown"}, "attr": "value", "new": [1]},
        {"kind": "ModelChanged", "model": {"id": "shown"}, "attr": "value", "new": "wrong"},
        {"kind": "TitleChanged", "title": "new"},
        "no event",
    ],
    ids=repr,
)
def test_whatever_is_unfamiliar_or_wrong_is_left_to_the_long_way(edit: Any) -> None:
    slider = Slider()
    slider._id = "shown"  # type: ignore[assignment]
    assert plain_write([edit], {"shown": slider}.get) is None
    assert plain_write([write(slider, "value", 0.5)] * 2, {"shown": slider}.get) is None


@given(
    st.one_of(
        st.booleans(),
        st.floats(),
        st.integers(-(2**60), 2**60),
        st.text(st.characters(codec="utf-8")),
        st.none(),
        st.lists(st.integers()),
    )
)
def test_the_event_of_a_plain_value_is_that_of_the_encoding(value: Any) -> None:
    model = Div()
    key = (model.id, "name")
    event = plain_event(KnownModels(), model, "name", value, key)
    fields = {"kind": "ModelChanged", "model": model.ref, "attr": "name"}
    if event is None:
        assert type(value) is not bool
        return
    whole = Encoding(KnownModels()).event(fields, {"new": value}, EventKind.WRITE, key)
    assert event == whole
    assert json.loads(event.content)["new"] == value


SMALL = st.integers(0, 5)
SPANS = st.integers(-(2**31), 2**31)
TEXT = st.text(st.characters(codec="utf-8"), max_size=3)
SCALARS = st.one_of(st.floats(), st.integers(-(2**60), 2**60), st.booleans(), st.none(), TEXT)
LISTS = st.one_of(
    st.lists(st.floats()),
    st.lists(st.integers(-(2**54), 2**54)),
    st.lists(TEXT),
    st.lists(SCALARS),
    st.lists(st.one_of(SCALARS, st.lists(st.floats(), max_size=3), st.just(Div), st.text(max_size=2))),
    arrays("f8", SMALL).map(list),
    arrays("f4", SMALL).map(list),
    arrays("i8", SMALL).map(list),
    arrays("u8", SMALL).map(list),
    arrays("bool", SMALL).map(list),
    arrays("U2", SMALL).map(list),
    st.builds(
        lambda numbers, unit: [*numbers.astype(f"m8[{unit}]")],
        arrays("i8", SMALL, elements=SPANS),
        st.sampled_from(["ns", "ms", "s", "D"]),
    ),
)


@given(LISTS)
def test_a_list_of_text_and_numbers_is_told_at_once_as_the_serializer_tells_it(values: list[Any]) -> None:
    told = told_at_once(values)
    if told is None:
        plain = all(type(each) in (str, bool, float, type(None)) for each in values)
        assert not plain
        return
    assert encode_json(told) == encode_json(Serializer().encode(values))


@pytest.mark.parametrize("unit", ["ns", "ms", "s", "D"])
def test_lengths_of_time_in_a_list_are_told_in_milliseconds(unit: str) -> None:
    span = np.timedelta64(1, unit)
    column = ColumnDataSource(data={"x": [span, span]}).data["x"]
    told = Encoding(KnownModels()).encode(column)
    assert told == Serializer().encode(column) == [span / np.timedelta64(1, "ms")] * 2


@settings(suppress_health_check=[HealthCheck.too_slow])  # arrays of objects take long to invent
@given(
    st.dictionaries(
        TEXT,
        st.one_of(
            arrays(st.sampled_from(["f8", "f4", "i4", "u1", "i8", "bool", ">f8"]), SMALL),
            arrays("O", SMALL, elements=SCALARS),
            arrays(st.sampled_from(["U2", "M8[ns]", "M8[D]", "m8[ms]", "u8"]), SMALL),
            arrays("f8", st.sampled_from([(2, 3), (0,), (4,), (2, 0, 3)])),
            arrays("O", (2, 2), elements=SCALARS),
            LISTS,
            LISTS.map(tuple),
            st.lists(SCALARS).map(pd.Series),
            st.lists(st.floats()).map(pd.Index),
            st.lists(st.datetimes(datetime(1700, 1, 1), datetime(2200, 1, 1))).map(pd.Series),
            st.just(np.arange(10.0)[::2]),
            st.just(np.ma.masked_array([1.0, 2.0], [True, False])),
        ),
        max_size=3,
    )
)
def test_the_event_of_plain_columns_is_that_of_the_encoding(columns: dict[str, Any]) -> None:
    source = ColumnDataSource()
    key = (source.id, "data")
    quick, slow = KnownModels(), KnownModels()
    event = plain_event(quick, source, "data", columns, key)
    fields = {"kind": "ModelChanged", "model": source.ref, "attr": "data"}
    if event is None:
        assert not quick.columns
        return
    encoding = Encoding(slow)
    assert event == encoding.event(fields, {"new": columns}, EventKind.WRITE, key)
    assert quick.columns == encoding.columns
    whole = json.loads(event.content)["new"]
    bokeh = Serializer().encode(columns)
    assert [name for name, _ in whole.get("entries", [])] == [name for name, _ in bokeh.get("entries", [])]


@pytest.mark.parametrize(
    ("column", "is_plain"),
    [
        (np.arange(3.0), True),
        (np.arange(10.0)[::2], True),
        (np.array(["a", None, 1.5, float("nan")], dtype=object), True),
        (np.array(["2026-01-01"], dtype="M8[D]"), True),
        ([1, 2.5, "a", None], True),
        (pd.Series(["a", "b"]), True),
        ([[1.0], [2.0]], False),
        (np.array([Div], dtype=object), False),
        ([Slider], False),
        (["half of a pair: \ud800"], False),
        ([2**60], False),
    ],
    ids=str,
)
def test_columns_of_text_and_numbers_take_the_short_way(column: Any, is_plain: bool) -> None:
    source = ColumnDataSource()
    event = plain_event(KnownModels(), source, "data", {"x": column}, (source.id, "data"))
    assert (event is not None) == is_plain
