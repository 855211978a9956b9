"""What is looked up once for a class is what each model says; what it refers to is what Bokeh finds."""

import copy
from typing import Any

import numpy as np
import pytest
from bokeh.core.properties import Instance, Int, List, Nullable, String
from bokeh.document import Document
from bokeh.layouts import column, gridplot
from bokeh.model import Model
from bokeh.models import Button, ColumnDataSource, CustomJS, DataTable, Div, Label, Slider, TableColumn
from bokeh.plotting import figure
from bokeh.transform import linear_cmap
from hypothesis import given
from hypothesis import strategies as st

from embedsync.documents.bokeh.live import LiveDocument
from embedsync.documents.bokeh.private import PropertyDescriptor, Serializer, UnsetValueError
from embedsync.documents.bokeh.properties import descriptor_of, value_of
from embedsync.documents.bokeh.references import all_models
from embedsync.documents.bokeh.serializer import Encoding, KnownModels
from tests.documents.bokeh.test_attributes import CLASSES, THEMES

pytestmark = pytest.mark.filterwarnings("ignore::bokeh.util.warnings.BokehDeprecationWarning")


def read(model: Model, attribute: str) -> Any:
    try:
        return getattr(model, attribute)
    except UnsetValueError:
        return UnsetValueError


def quickly(model: Model, attribute: str) -> Any:
    try:
        return value_of(model, attribute)
    except UnsetValueError:
        return UnsetValueError


@pytest.mark.parametrize("model_class", CLASSES, ids=lambda each: each.__name__)
def test_each_property_reads_as_bokeh_reads_it_in_any_theme(model_class: type[Model]) -> None:
    for theme in (None, *THEMES):
        model = model_class()
        if theme is not None:
            theme.apply_to_model(model)
        for name in model_class.properties():
            value, quick = read(model, name), quickly(model, name)
            assert type(quick) is type(value), name
            assert quick is value or repr(quick) == repr(value), name
            descriptor: Any = model.lookup(name, raises=False)
            assert descriptor_of(model, name) is (
                descriptor if isinstance(descriptor, PropertyDescriptor) else None  # An alias is none.
            )
    assert descriptor_of(model_class(), "no such property") is None


@pytest.mark.parametrize("model_class", CLASSES, ids=lambda each: each.__name__)
def test_a_model_refers_to_what_bokeh_says(model_class: type[Model]) -> None:
    model, twin = model_class(), model_class()
    try:
        twin.references()
    except UnsetValueError:
        with pytest.raises(UnsetValueError):
            all_models([model])
        return
    found = all_models([model])
    assert set(found.values()) == model.references()
    assert {each.id: each for each in found.values()} == found
    # Reading has made what defaults make, and nothing else.
    assert model._unstable_default_values.keys() == twin._unstable_default_values.keys()


class Own(Model):
    """A model of an app."""

    title = String(default="")
    parts = List(Instance(Model))
    other = Nullable(Instance(Model))


class Counted(Slider):
    """A model of Bokeh's that an app has added to."""

    count = Int(default=3)
    label = Instance(Model, default=lambda: Div(text="label"))


def deep() -> list[Model]:
    source = ColumnDataSource({"x": [1, 2], "y": [3, 4]})
    plots = []
    for _ in range(3):
        plot = figure()
        plot.scatter("x", "y", source=source, color=linear_cmap("y", "Viridis256", 3, 4))
        plot.js_on_event("tap", CustomJS(args={"source": source}))
        plot.add_layout(Label(x=1, y=2, text="here"), "left")
        plots.append(plot)
    table = DataTable(source=source, columns=[TableColumn(field="x")])
    slider = Counted(tags=[{"deep": [Div(text="in a tag"), (Button(),)]}])
    slider.js_link("value", plots[0].renderers[0].glyph, "size")
    own = Own(parts=[Div(), Own(other=Slider())])
    return [gridplot([plots]), column(table, slider), own]


@pytest.mark.parametrize("theme", [None, *THEMES])
def test_a_whole_document_refers_to_what_bokeh_says(theme: Any) -> None:
    roots = deep()
    for each in roots if theme is not None else ():
        for model in each.references():
            theme.apply_to_model(model)
    bokehs = set().union(*(each.references() for each in roots))
    assert set(all_models(roots).values()) == bokehs


def test_models_come_and_go_with_what_refers_to_them() -> None:
    document = LiveDocument()
    left: list[Model] = []
    document.models.on_leave = left.extend
    for each in deep():
        document.add_root(each)
    own = document.roots[2]
    inner = own.parts[0]
    assert inner.document is document
    own.parts = own.parts[1:]
    assert inner.document is None
    assert left == [inner]
    assert document.models.seen(inner.id)
    inner.name = "comes back"
    own.parts = [inner]
    assert inner.document is document
    assert document.get_model_by_name("comes back") is inner
    assert set(document.models) == set().union(*(each.references() for each in document.roots))


class Attached(Slider):
    """A model of an app that notes when it is put into a document."""

    def _attach_document(self, doc: Any) -> None:
        super()._attach_document(doc)
        self.tags = ["attached"]


@pytest.mark.parametrize("theme", [None, *THEMES[:2]])
def test_a_model_is_put_into_a_document_as_bokeh_puts_it(theme: Any) -> None:
    documents = LiveDocument(), Document()
    for document in documents:
        if theme is not None:
            document.theme = theme
        own = Div(text="themed on its own")
        own.apply_theme({"text_color": "red"} if "text_color" in own.properties() else {"width": 7})
        slider = Attached(start=0, end=1, value=0)
        plot = figure(title="plot")
        plot.on_event("tap", lambda: None)
        document.add_root(column(own, slider, plot))
    ours, bokehs = map(in_order, documents)
    for model, twin in zip(ours, bokehs, strict=True):
        assert type(model) is type(twin)
        assert model.document is documents[0]
        assert vars(model).get("__themed_values__") == vars(twin).get("__themed_values__")
    assert documents[0].callbacks._subscribed_models.keys() == {"tap"}
    for models in (ours, bokehs):
        assert [each.tags for each in models if isinstance(each, Attached)] == [["attached"]]
    with pytest.raises(RuntimeError, match="already in a doc"):
        LiveDocument().add_root(ours[1])


def in_order(document: Document) -> list[Any]:
    return sorted(document.models, key=lambda each: int(each.id[1:]))


DTYPES = [
    "bool",
    "u1",
    "i1",
    "u2",
    "i2",
    "u4",
    "i4",
    "u8",
    "i8",
    "f4",
    "f8",
    ">f8",
    ">i4",
    "M8[ms]",
    "U3",
    "O",
]


@given(dtype=st.sampled_from(DTYPES), shape=st.lists(st.integers(0, 4), max_size=3), data=st.data())
def test_an_array_is_encoded_as_bokeh_encodes_it(dtype: str, shape: list[int], data: st.DataObject) -> None:
    numbers = data.draw(
        st.lists(st.integers(0, 127), min_size=int(np.prod(shape)), max_size=int(np.prod(shape)))
    )
    array = np.array(numbers, dtype="i8").reshape(shape).astype(dtype)
    if data.draw(st.booleans()) and array.ndim:
        array = array[..., ::-1]
    assert same_as_bokehs(array)
    assert same_as_bokehs({"column": array, "other": [array, 1.5]})


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
        max_leaves=12,
    )
)
@pytest.mark.filterwarnings("ignore:out of range integer")
def test_a_value_is_encoded_as_bokeh_encodes_it(value: Any) -> None:
    assert same_as_bokehs(value)


def same_as_bokehs(value: Any) -> bool:
    encoding = Encoding(KnownModels())
    ours = encoding.encode(copy.copy(value))
    buffers = {each.id: each.data for each in encoding._taken}
    theirs = Serializer(deferred=True).encode(value)
    return plain(ours, buffers) == plain(theirs, {})


def plain(rep: Any, buffers: dict[str, bytes]) -> Any:
    """An encoded value with its bytes in their places; numbers with their types."""
    if isinstance(rep, dict):
        if rep.get("type") == "bytes":
            data = rep["data"]
            return buffers[data["id"]] if isinstance(data, dict) else bytes(data.data)
        return {name: plain(each, buffers) for name, each in rep.items()}
    if isinstance(rep, list | tuple):
        return [plain(each, buffers) for each in rep]
    return (type(rep), rep)
