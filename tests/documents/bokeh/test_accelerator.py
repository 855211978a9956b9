"""The accelerator changes how long models take to make, and nothing else: each life is lived twice."""

from __future__ import annotations

import contextvars
import copy
import gc
import json
import re
import warnings
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bokeh.core.has_props import HasProps
from bokeh.core.properties import Dict, Instance, Int, List, Override, Required, String
from bokeh.core.property.validation import without_property_validation
from bokeh.core.property.wrappers import PropertyValueContainer
from bokeh.document import Document
from bokeh.model import Model, collect_models
from bokeh.models import (
    ColumnDataSource,
    CustomJS,
    Div,
    FixedTicker,
    LinearAxis,
    Menu,
    Plot,
    Range1d,
    Scatter,
    Slider,
    Title,
)
from bokeh.themes import Theme, built_in_themes
from hypothesis import given, settings
from hypothesis import strategies as st

import bokeh.models  # isort: skip  (it registers them all)
import bokeh.plotting  # isort: skip
from embedsync import Hub, Settings
from embedsync.documents import load
from embedsync.documents.bokeh import accelerator
from embedsync.documents.bokeh.live import LiveDocument
from embedsync.errors import ConfigurationError
from tests.contract import apps as contract_apps
from tests.documents.bokeh.harness import Host, info, run_steps

pytestmark = [
    pytest.mark.filterwarnings("ignore::bokeh.util.warnings.BokehDeprecationWarning"),
    pytest.mark.filterwarnings("ignore:The inplace keyword in DataFrame.reset_index"),  # of Bokeh itself
]

CLASSES = sorted(
    (
        each
        for each in Model.model_class_reverse_map.values()
        if each.__module__.startswith(("bokeh.models.", "bokeh.plotting.")) and issubclass(each, Model)
    ),
    key=lambda each: each.__qualified_model__,
)
THEMES = [
    *built_in_themes.values(),
    Theme(json={"attrs": {"Model": {"tags": ["themed"]}, "Plot": {"width": 123}, "Title": {"text": "T"}}}),
]
ROOT = Path(__file__).parents[3]
SCRIPTS = [
    path
    for folder in ("benchmarks/apps", "demo_site/apps", "tests/compat/apps")
    for path in sorted((ROOT / folder).glob("[!_]*.py"))
    # These fail, or are another document at each visit.
    if path.stem not in ("failing", "sometimes", "hooked", "counted")
]


@contextmanager
def accelerated() -> Iterator[None]:
    accelerator.install()
    try:
        yield
    finally:
        accelerator.remove()


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    yield
    accelerator.remove()


def told(value: Any, depth: int = 4) -> Any:
    """A value in words that can be compared; models by their ids and what they hold."""
    if isinstance(value, HasProps):
        name = f"{type(value).__name__} {getattr(value, 'id', '')}"
        if depth == 0:
            return name
        try:
            held = value.properties_with_values(include_defaults=True, include_undefined=True)
        except ValueError as error:
            return name, str(error)
        return name, {key: told(each, depth - 1) for key, each in held.items()}
    if isinstance(value, PropertyValueContainer):
        owners = sorted((f"{each!r}", descriptor.name) for each, descriptor in value._owners)
        return type(value).__name__, owners, told(_plain(value), depth)
    if isinstance(value, dict):
        return [(told(key, depth), told(each, depth)) for key, each in value.items()]
    if isinstance(value, list | tuple):
        return type(value).__name__, [told(each, depth) for each in value]
    if isinstance(value, set | frozenset):
        return type(value).__name__, sorted(repr(each) for each in value)
    text = repr(value)
    return type(value).__name__, text if " at 0x" not in text else ""


def _plain(value: Any) -> Any:
    return next(kind(value) for kind in (dict, set, list) if isinstance(value, kind))


def outcome(call: Callable[[], Any], depth: int = 2) -> Any:
    """What comes of something: its value, or the type and the words of what it raises."""
    try:
        return told(call(), depth)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is compared
        text = str(error)
        return type(error).__name__, text if " at 0x" not in text else ""


def lived(history: Callable[[], Any], monkeypatch: pytest.MonkeyPatch) -> Any:
    """Live through something, from the same ids and the same random numbers on."""
    monkeypatch.setattr("bokeh.util.serialization._simple_id", 999)
    chance = np.random.default_rng
    monkeypatch.setattr("numpy.random.default_rng", lambda *_: chance(1))
    try:
        return history()
    finally:
        monkeypatch.undo()


def same_twice(history: Callable[[], Any]) -> None:
    """Live through something with and without the accelerator, and compare."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        before = lived(history, monkeypatch)
        with accelerated():
            first = lived(history, monkeypatch)
            again = lived(history, monkeypatch)  # Now that all classes are known.
        after = lived(history, monkeypatch)
    assert first == before
    assert again == before
    assert after == before


def life(model_class: type[Model]) -> list[Any]:
    """What a model is from its making on, under themes, in a document, as a copy."""
    try:
        model = model_class()
    except Exception as error:  # noqa: BLE001 - some need arguments, and say so
        return [str(error)]
    seen = [outcome(lambda: model)]
    seen.append(outcome(lambda: [each.id for each in collect_models(model)]))
    seen += [
        outcome(lambda name=name: getattr(model, name), 0) for name in model.properties(_with_props=True)
    ]
    seen.append(outcome(model.clone, 1))
    seen.append(outcome(lambda: copy.copy(model), 1))
    seen.append(outcome(lambda: model.to_serializable(bokeh.core.serialization.Serializer())))
    for theme in (THEMES[0], THEMES[-1]):
        theme.apply_to_model(model)
        seen.append(outcome(lambda: model, 1))
        seen.append(outcome(lambda: sorted(model.themed_values() or ())))
    model.unapply_theme()
    document = Document()
    seen.append(outcome(lambda: document.add_root(model)))
    seen.append(outcome(lambda: json.dumps(document.to_json(deferred=False))))
    seen.append(outcome(lambda: sorted(each.id for each in document.models)))
    seen.append(outcome(model_class, 1))
    return seen


@pytest.mark.parametrize("model_class", CLASSES, ids=lambda each: each.__name__)
def test_every_model_is_what_it_was(model_class: type[Model]) -> None:
    same_twice(lambda: life(model_class))


def test_every_default_of_every_class_is_what_it_was() -> None:
    def history() -> list[Any]:
        return [
            (each.__name__, name, outcome(lambda each=each, name=name: each.lookup(name).class_default(each)))
            for each in CLASSES
            for name in each.properties(_with_props=True)
        ]

    same_twice(history)


VALUES: list[Callable[[], Any]] = [
    lambda: None,
    lambda: True,
    lambda: 0,
    lambda: 1,
    lambda: 7.5,
    lambda: float("nan"),
    lambda: "",
    lambda: "red",
    lambda: "x",
    lambda: "left",
    lambda: "10px",
    lambda: "solid",
    lambda: (1, 2),
    lambda: (0.5, 0.25, 0.125, 1),
    list,
    lambda: [1, 2, 3],
    lambda: ["a", "b"],
    dict,
    lambda: {"a": 1},
    lambda: {"x": [1, 2], "y": np.arange(2)},
    lambda: {"value": 3},
    lambda: {"field": "x", "units": "screen"},
    lambda: {"value": 1, "units": "data"},
    lambda: np.arange(3),
    lambda: {1, 2},
    lambda: Range1d(start=1),
    lambda: Title(text="a title"),
    lambda: ColumnDataSource(data={"x": [1]}),
    lambda: LinearAxis(),
    lambda: [Range1d(), CustomJS(code="1")],
    lambda: {"change": [CustomJS(code="2")]},
    lambda: FixedTicker(ticks=[1, 2]),
    lambda: object(),
]

STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["set", "update"]), st.integers(0, 400), st.sampled_from(VALUES)),
        st.tuples(
            st.sampled_from(["read", "delete", "set to its default", "change inside", "read twice"]),
            st.integers(0, 400),
            st.none(),
        ),
        st.tuples(st.sampled_from(["theme", "unapply", "attach", "detach", "clone"]), st.integers(0, 400)),
    ),
    max_size=10,
)


class Life:
    """One model, and what is done to it; notes what it and its document say."""

    def __init__(self, model_class: type[Model], given: dict[int, Callable[[], Any]]) -> None:
        self.names = list(model_class.properties(_with_props=True))
        self.seen: list[Any] = []
        arguments = {self.name(number): value() for number, value in given.items()}
        self.model = model_class(**arguments)
        self.document = LiveDocument()  # Bokeh's own goes through its models in the order of their addresses.
        self.document.on_change(self._document_changed)
        for name in self.names:
            try:
                self.model.on_change(name, self._changed)
            except AttributeError as error:
                self.seen.append(str(error))

    def name(self, number: int) -> str:
        return self.names[number % len(self.names)]

    def _changed(self, attr: str, old: Any, new: Any) -> None:
        self.seen.append(("changed", attr, told(old, 1), told(new, 1)))

    def _document_changed(self, event: Any) -> None:
        self.seen.append((type(event).__name__, getattr(event, "attr", ""), outcome(lambda: event.new, 1)))

    def step(self, what: str, number: int, value: Callable[[], Any] | None = None) -> Any:
        model, name = self.model, self.name(number)
        match what:
            case "set":
                assert value is not None
                setattr(model, name, value())
            case "update":
                assert value is not None
                model.update(**{name: value()})
            case "read":
                return getattr(model, name)
            case "read twice":
                return getattr(model, name) is getattr(model, name)
            case "delete":
                delattr(model, name)
            case "set to its default":
                setattr(model, name, type(model).lookup(name).class_default(type(model)))
            case "change inside":
                held = getattr(model, name)
                if isinstance(held, dict):
                    held["a"] = 1
                elif isinstance(held, list):
                    held.append(1)
                elif isinstance(held, set):
                    held.add("a")
            case "theme":
                THEMES[number % len(THEMES)].apply_to_model(model)
            case "unapply":
                model.unapply_theme()
            case "attach":
                self.document.theme = THEMES[number % len(THEMES)]
                self.document.add_root(model)
            case "detach":
                self.document.remove_root(model)
            case "clone":
                return model.clone()
        return None


@settings(max_examples=250, deadline=None)
@given(
    st.sampled_from(CLASSES),
    st.dictionaries(st.integers(0, 400), st.sampled_from(VALUES), max_size=4),
    STEPS,
)
def test_whatever_is_done_to_a_model_has_the_same_effects(
    model_class: type[Model], given: dict[int, Callable[[], Any]], steps: list[Any]
) -> None:
    def history() -> Any:
        try:
            lives = Life(model_class, given)
        except Exception as error:  # noqa: BLE001 - values that do not fit are refused the same way
            text = str(error)
            return type(error).__name__, text if " at 0x" not in text else ""
        for step in steps:
            lives.seen.append((step[:2], outcome(lambda step=step: lives.step(*step), 1)))
        lives.seen.append(outcome(lambda: lives.model))
        lives.seen.append(outcome(lambda: [each.id for each in collect_models(lives.model)]))
        lives.seen.append(outcome(lambda: json.dumps(lives.document.to_json(deferred=False))))
        return lives.seen

    with warnings.catch_warnings(action="ignore"):
        same_twice(history)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda each: each.stem)
def test_every_app_has_the_same_document(path: Path) -> None:
    def history() -> Any:
        document = built(path)
        definition = document.bokeh.to_json(deferred=False)
        document.destroy()
        return _without_chance(json.dumps(definition))

    same_twice(history)


@pytest.mark.parametrize("name", ["echo", "asynchronous", "slow"])
def test_apps_that_are_functions_have_the_same_snapshot(name: str) -> None:
    def history() -> Any:
        document = built(getattr(contract_apps, name))
        snapshot = document.snapshot()
        document.destroy()
        return snapshot.content, snapshot.buffers

    same_twice(history)


def built(source: Any) -> Any:
    return contextvars.copy_context().run(run_steps, load(source).build(Host(), info()))


def _without_chance(text: str) -> str:
    """Leave out names of modules, which are new for each run."""
    return re.sub(r"bokeh_app_[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "", text)


def test_models_are_found_wherever_they_come_from() -> None:
    def history() -> list[Any]:
        plot, mark = Plot(), Menu()
        Theme(json={"attrs": {"Plot": {"context_menu": mark}}}).apply_to_model(plot)
        themed = [each.id for each in collect_models(plot)]
        plot.unapply_theme()
        del plot.title  # It gets another one as soon as somebody looks.
        plot.js_property_callbacks["change:width"] = [CustomJS(code="1")]
        found = [each.id for each in collect_models(plot)]
        return [mark.id in themed, mark.id in found, themed, found]

    same_twice(history)
    assert history()[:2] == [True, False]


# Classes of apps.


def own_classes() -> list[Any]:
    class Base(Model):
        number = Int(default=3)
        words = List(String, default=["a"])
        needed = Required(String)
        inner = Instance(Range1d, default=lambda: Range1d(start=5))

    class Derived(Base):
        number = Override(default=4)
        words = Override(default=lambda: ["made"])
        inner = Override(default=lambda: Range1d(start=6))
        table = Dict(String, Int, default={"b": 1})

    class Further(Derived):
        number: Any = Override(default=lambda: 9)

    class Plain(Plot):
        title = Override(default=lambda: Title(text="by itself"))

    seen: list[Any] = []
    for each in (Base, Derived, Further, Plain):
        seen.append(outcome(each))
        seen.append(outcome(lambda each=each: each(needed="x") if each is not Plain else each()))
        seen.append(outcome(lambda each=each: each(needed="x", number="not a number")))
        made = outcome(lambda each=each: each(nothing_of_the_kind=1))
        seen.append(made)
    model = Further(needed="x")
    model.words.append("b")
    model.table["c"] = 2
    seen.append(told(model))
    seen.append(told(Derived(needed="y").words))
    return seen


@pytest.mark.filterwarnings("ignore:Duplicate qualified model definition")
def test_classes_of_apps_with_overrides_are_what_they_were() -> None:
    before = dict(Model.model_class_reverse_map)
    try:
        same_twice(own_classes)
    finally:
        for name in Model.model_class_reverse_map.keys() - before.keys():
            bokeh.core.has_props._default_resolver.remove(Model.model_class_reverse_map[name])


def test_nothing_of_a_class_that_is_gone_is_kept() -> None:
    with accelerated():

        class Passing(Scatter):
            extra = Int(default=3)

        Passing()
        bokeh.core.has_props._default_resolver.remove(Passing)
        gone = weakref.ref(Passing)
        for kind in (HasProps, Model):
            for each in vars(kind).values():
                clear = getattr(getattr(each, "__func__", each), "cache_clear", None)
                if clear is not None:
                    clear()  # Bokeh keeps the class here.
        del Passing
        gc.collect()
        assert gone() is None


def test_defaults_that_were_made_without_validation_are_checked_later() -> None:
    class Right(Model):
        count = Int(default=2)

    class Wrong(Right):
        count: Any = Override(default="no number")

    try:
        with accelerated():

            @without_property_validation
            def unchecked() -> Any:
                return Wrong().count

            assert unchecked() == "no number"
            with pytest.raises(ValueError, match=r"failed to validate Wrong\.count"):
                _ = Wrong().count
    finally:
        for each in (Right, Wrong):
            bokeh.core.has_props._default_resolver.remove(each)


def test_models_made_before_and_after_go_on_as_they_are() -> None:
    early = Slider(start=0, end=1, value=0.5)
    with accelerated():
        late = Slider(start=0, end=1, value=0.5)
        early.tags.append("one")
    late.tags.append("two")
    assert (early.tags, late.tags) == (["one"], ["two"])
    assert late.js_property_callbacks == {}
    assert told(Div(text="a"), 1)[1]["text"] == told("a")


def test_two_models_never_share_a_list() -> None:
    with accelerated():
        first, second = Div(), Div()
        first.tags.append(1)
        first.styles["color"] = "red"
        assert (second.tags, second.styles, Div().tags) == ([], {}, [])
        assert first.tags is first.tags


def test_it_does_what_it_is_for() -> None:
    with accelerated():
        assert "tags" not in Div()._unstable_default_values
    assert "tags" in Div()._unstable_default_values


# Turning it on.


def test_it_is_off_unless_a_setting_turns_it_on() -> None:
    Hub("key").stop()
    assert not accelerator.is_installed()
    Hub("key", Settings(accelerate=True)).stop()
    assert accelerator.is_installed()


def test_nothing_is_left_when_it_is_removed() -> None:
    before = {name: HasProps.__dict__[name] for name in ("__init__", "__setattr__", "themed_values")}
    accelerator.install()
    accelerator.install()
    assert HasProps.__dict__["__init__"] is not before["__init__"]
    Plot()
    accelerator.remove()
    accelerator.remove()
    assert {name: HasProps.__dict__[name] for name in before} == before
    assert not [each for each in CLASSES if accelerator._OUTLINE in each.__dict__]


def test_a_bokeh_that_it_was_not_tested_with_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bokeh.__version__", "3.11.0")
    with pytest.raises(ConfigurationError, match=r"'accelerate'.* 3\.11\.0"):
        Hub("key", Settings(accelerate=True))
    assert not accelerator.is_installed()
