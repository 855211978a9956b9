from __future__ import annotations

import contextlib
import json
from typing import Any

import bokeh.models as models
import numpy as np
import pytest
from bokeh.core.properties import Any as Any_
from bokeh.core.properties import Int
from bokeh.document import Document
from bokeh.model import DataModel
from bokeh.models import Button, Column, ColumnDataSource, CustomJS, DataRange1d, Div, FileInput, Slider
from bokeh.plotting import figure
from bokeh.transform import factor_cmap, linear_cmap

from embedsync.document import EventKind
from embedsync.documents.bokeh.private import UnsetValueError, forget_classes
from tests.documents.bokeh.harness import Live, Mirror, events, kinds, write


def plots() -> Any:
    source = ColumnDataSource(
        data={
            "x": np.arange(5.0),
            "y": [1, 2, 3, 4, 5],
            "category": ["a", "b", "a", "b", "a"],
            "time": np.array(["2024-01-01"] * 5, dtype="datetime64[D]"),
            "mixed": [None, float("nan"), 1, "text", True],
        }
    )
    plot = figure(tools="pan,wheel_zoom,box_select,hover,reset", title="a plot", x_axis_label=r"$$\alpha$$")
    plot.scatter(
        "x", "y", source=source, color=factor_cmap("category", "Category10_3", ["a", "b"]), legend_label="p"
    )
    plot.line("x", "y", source=source, line_width=2)
    plot.vbar(x="x", top="y", width=0.5, fill_color=linear_cmap("y", "Viridis256", 0, 5), source=source)
    plot.image([np.zeros((3, 3), dtype="uint8")], x=0, y=0, dw=1, dh=1)
    plot.add_layout(models.ColorBar(color_mapper=models.LinearColorMapper(palette="Viridis256")), "right")
    categories = figure(x_range=["a", "b"], output_backend="webgl")
    categories.vbar(["a", "b"], 0.5, [1, 2])
    log = figure(x_axis_type="datetime", y_axis_type="log")
    log.line(np.array(["2024-01-01", "2024-01-02"], dtype="datetime64[D]"), [1, 10])
    widgets = [
        Slider(start=0, end=10, value=1),
        models.RangeSlider(start=0, end=1, value=(0, 1)),
        models.DateRangeSlider(start="2024-01-01", end="2024-02-01", value=("2024-01-02", "2024-01-03")),
        models.Select(options=["a", "b"], value="a"),
        models.DataTable(source=source, columns=[models.TableColumn(field="x")]),
        models.MultiChoice(options=[("a", "A")]),
        models.Tabs(tabs=[models.TabPanel(child=Div(text="in a tab"), title="tab")]),
        Button(label="b", js_event_callbacks={"button_click": [CustomJS(code="1")]}),
        models.Spinner(value=1.5),
    ]
    return [
        plot,
        models.Row(categories, log),
        Column(*widgets),
        models.GridBox(children=[(Div(text="g"), 0, 0)]),
    ]


def fill(doc: Any) -> None:
    for each in plots():
        doc.add_root(each)
    doc.title = "all kinds"
    doc.js_on_event("document_ready", CustomJS(code="2"))


def test_a_snapshot_is_what_bokeh_itself_would_send() -> None:
    live = Live(fill)
    snapshot = live.document.snapshot()
    ours = with_buffers(json.loads(snapshot.content), {each.id: each.data for each in snapshot.buffers})
    serialized = Document.to_json(live.doc)
    assert not isinstance(serialized, dict)
    theirs = with_buffers(
        json.loads(json.dumps(serialized.content, default=lambda each: {"id": each.id})),
        {each.id: each.to_bytes() for each in serialized.buffers},
    )
    assert ours.keys() == theirs.keys()
    for name in ours:
        assert ours[name] == theirs[name]


def test_a_new_model_is_defined_once_and_referred_to_from_then_on() -> None:
    one, two = Column(), Column()
    live = Live(lambda doc: (doc.add_root(one), doc.add_root(two)))
    div = Div(text="new")
    (event,) = live.do(lambda: one.children.append(div))
    assert event["new"] == [{"type": "object", "name": "Div", "id": div.id, "attributes": {"text": "new"}}]
    assert live.patches[-1].events[0].defines == (div.id,)
    (event,) = live.do(lambda: two.children.append(div))
    assert event["new"] == [{"id": div.id}]
    assert live.patches[-1].events[0].defines == ()


def test_models_that_left_are_listed_once() -> None:
    div, box = Div(text="leaves"), Column()
    box.children = [div]
    live = Live(lambda doc: doc.add_root(box))
    live.do(lambda: setattr(box, "children", []))
    assert live.patches[-1].gone == (div.id,)
    live.do(lambda: setattr(box, "name", "unrelated"))
    assert live.patches[-1].gone == ()


def test_a_model_that_returns_is_defined_again_with_what_changed_meanwhile() -> None:
    div, box = Div(text="before"), Column()
    box.children = [div]
    live = Live(lambda doc: doc.add_root(box))

    def out_and_in() -> None:
        box.children = []
        div.text = "while it was away"
        box.children = [div]

    live.do(out_and_in)
    assert live.value_of(div, "text") == "while it was away"
    assert live.patches[-1].gone == ()
    live.check_mirror()


def test_a_definition_sent_again_carries_every_property_ever_sent() -> None:
    div, box = Div(text="explicit", width=100), Column()
    box.children = [div]
    live = Live(lambda doc: doc.add_root(box))
    live.do(lambda: setattr(div, "height", 50))

    def out_and_in_with_defaults() -> None:
        box.children = []
        del div.text, div.height, div.width
        box.children = [div]

    live.do(out_and_in_with_defaults)
    attributes = live.mirror.models[div.id]["attributes"]
    assert {name: attributes[name] for name in ("text", "height", "width")} == {
        "text": "",
        "height": None,
        "width": None,
    }
    live.check_mirror()


def test_two_viewers_get_the_same_bytes_with_the_full_definition() -> None:
    box = Column()
    live = Live(lambda doc: doc.add_root(box))
    second = Mirror(live.document.snapshot())
    live.do(lambda: box.children.append(Div(text="added later")))
    second.apply(live.patches[-1])
    assert second.models == live.mirror.models


def test_a_value_that_cannot_be_encoded_is_reported_and_the_others_go_out() -> None:
    source, div = ColumnDataSource(data={"x": [1]}), Div(text="a")
    live = Live(lambda doc: doc.add_root(Column(div, tags=[source])))

    def change() -> None:
        source.data = {"x": [object()]}
        div.text = "b"

    assert kinds(live.do(change)) == ["ModelChanged"]
    assert live.value_of(div, "text") == "b"
    assert [type(error).__name__ for error, _ in live.host.reports] == ["SerializationError"]


@pytest.mark.parametrize("also", [True, False])
def test_a_value_that_is_deleted_after_it_was_set_is_reported_and_the_others_go_out(also: bool) -> None:
    slider, other = Slider(start=0, end=9, value=1), Slider(start=0, end=9, value=1)

    def fill(doc: Document) -> None:
        doc.add_root(slider)
        doc.add_root(other)

    live = Live(fill)

    def change() -> None:
        if also:
            other.value = 3
        slider.value = 2
        with contextlib.suppress(UnsetValueError):
            del slider.value

    told = [(other.id, 3)] if also else []
    assert [(each["model"]["id"], each["new"]) for each in live.do(change)] == told
    [(error, what)] = live.host.reports
    assert isinstance(error, UnsetValueError)
    assert slider.id in what


def test_a_document_with_a_value_that_cannot_be_encoded_can_still_be_shown() -> None:
    div, box = Div(text="seen"), Column()
    box.tags = [ColumnDataSource(data={"x": [object()]}), div]
    live = Live(lambda doc: doc.add_root(box))
    assert live.value_of(div, "text") == "seen"
    assert len(live.host.reports) == 2  # while it was built for the mirror: the model, then its property


def test_a_class_with_a_default_that_cannot_be_encoded_does_not_keep_the_document_from_browsers() -> None:
    class Inner(DataModel):
        odd = Any_(default={"a": object()})
        number = Int(default=3)

    def app(doc: Document) -> None:
        doc.add_root(Inner(number=4))

    try:
        live = Live(app)
        (definition,) = json.loads(live.document.snapshot().content)["defs"]
        assert {each["name"]: each["default"] for each in definition["properties"]} == {
            "odd": {"type": "map", "entries": [["a", None]]},
            "number": 3,
        }
        assert live.mirror.models[live.mirror.roots[0]]["attributes"] == {"number": 4}
        assert "the class" in live.host.reports[0][1]
    finally:
        forget_classes([__name__])


def test_half_a_surrogate_pair_does_not_keep_the_document_from_browsers() -> None:
    div = Div(text="a")
    live = Live(lambda doc: doc.add_root(div))
    live.do(lambda: setattr(div, "text", "\ud800!"))
    assert live.value_of(div, "text") == "?!"
    live.check_mirror()


def test_a_million_numbers_go_out_bit_for_bit() -> None:
    values = np.random.default_rng(1).standard_normal(1_000_000)
    source = ColumnDataSource(data={"x": np.zeros(1)})
    live = Live(lambda doc: doc.add_root(Column(tags=[source])))
    live.do(lambda: source.data.update(x=values))
    (buffer,) = live.patches[-1].events[0].buffers
    assert buffer.data == values.tobytes()


def test_a_million_numbers_come_in_bit_for_bit() -> None:
    values = np.random.default_rng(2).standard_normal(1_000_000)
    source = ColumnDataSource(data={"x": np.zeros(1)})
    live = Live(lambda doc: doc.add_root(Column(tags=[source])))
    array = {"type": "ndarray", "array": {"type": "bytes", "data": {"id": "c.1"}}, "dtype": "float64"}
    array |= {"order": "little", "shape": [1_000_000]}
    data = {"type": "map", "entries": [["x", array]]}
    edited = live.edit(write(source, "data", data), buffers={"c.1": values.tobytes()})
    held: Any = source.data["x"]
    assert held.tobytes() == values.tobytes()
    assert edited.differs == []
    assert [each.data for event in edited.patch.events for each in event.buffers] == [values.tobytes()]


def test_buffers_are_named_uniquely_in_the_session() -> None:
    source = ColumnDataSource(data={"x": np.zeros(1)})
    live = Live(lambda doc: doc.add_root(Column(tags=[source])))
    names = [each.id for each in live.document.snapshot().buffers]
    for _ in range(3):
        live.do(lambda: setattr(source, "data", {"x": np.ones(2)}))
    names += [each.id for patch in live.patches for event in patch.events for each in event.buffers]
    assert len(set(names)) == len(names) == 4


def test_values_are_the_present_whole_values_and_teach_nobody() -> None:
    slider, box = Slider(start=0, end=10, value=1), Column()
    live = Live(lambda doc: (doc.add_root(slider), doc.add_root(box)))
    live.doc.title = "title"
    keys = [(slider.id, "value"), "title", "roots", ("nobody", "value"), (slider.id, "nothing")]
    found = live.document.values(keys)
    assert [(each["kind"], each.get("new")) for each in events(found)] == [
        ("ModelChanged", 1),
        ("TitleChanged", None),
        ("Roots", None),
    ]
    assert all(each.kind is EventKind.WRITE for each in found.events)


def test_view_local_values_stay_out_of_snapshots_and_of_patches() -> None:
    plot = figure()
    live = Live(lambda doc: doc.add_root(plot))
    seen: list[Any] = []
    plot.on_change("inner_width", lambda attr, old, new: seen.append(new))
    plot.x_range.on_change("start", lambda attr, old, new: seen.append(new))
    edited = live.edit(write(plot, "inner_width", 300), write(plot.x_range, "start", -1.5))
    assert not edited.patch
    assert not edited.effects
    assert edited.prepared.written == ()
    assert seen == [300, -1.5]
    snapshot = Mirror(live.document.snapshot())
    assert "inner_width" not in snapshot.models[plot.id]["attributes"]
    assert "start" not in snapshot.models[plot.x_range.id].get("attributes", {})


def test_an_answer_does_not_make_the_view_of_one_browser_everybodys() -> None:
    plot = figure()
    plot.line([1, 2], [1, 2])
    live = Live(lambda doc: doc.add_root(plot))
    live.edit(write(plot.x_range, "start", 3.5, local=True))
    assert (
        events(live.document.values([(plot.x_range.id, "start"), (plot.x_range.id, "end")]))[0]["attr"]
        == "end"
    )
    snapshot = Mirror(live.document.snapshot())
    assert "start" not in snapshot.models[plot.x_range.id]["attributes"]


def test_no_browser_can_keep_other_writes_from_the_others() -> None:
    slider = Slider(start=0, end=10, value=1)
    live = Live(lambda doc: doc.add_root(slider))
    live.edit(write(slider, "value", 5, local=True))
    assert live.value_of(slider, "value") == 5
    live.check_mirror()


def test_bounds_that_a_person_moved_are_shared() -> None:
    plot = figure()
    live = Live(lambda doc: doc.add_root(plot))
    assert isinstance(plot.x_range, DataRange1d)
    live.edit(write(plot.x_range, "start", 0.5, local=True))
    live.edit(write(plot.x_range, "start", 2.5, local=False))
    assert live.value_of(plot.x_range, "start") == 2.5
    live.check_mirror()
    assert live.value_of(plot.x_range, "start") == 2.5


def test_a_patch_names_the_bundles_that_its_models_need_first() -> None:
    live = Live(lambda doc: doc.add_root(figure()))
    assert live.document.snapshot().scripts == ("bokeh.min.js",)
    live.do(lambda: live.doc.add_root(Slider(start=0, end=1, value=0)))
    assert live.patches[-1].scripts == ("bokeh-widgets.min.js",)
    live.do(lambda: live.doc.add_root(Slider(start=0, end=1, value=0)))
    assert live.patches[-1].scripts == ()
    assert live.document.snapshot().scripts == ("bokeh.min.js", "bokeh-widgets.min.js")


def with_buffers(rep: Any, buffers: dict[str, bytes]) -> Any:
    """Put the bytes in the place of their names, which differ."""
    if isinstance(rep, list):
        return [with_buffers(each, buffers) for each in rep]
    if not isinstance(rep, dict):
        return rep
    if rep.get("type") == "bytes":
        return buffers[rep["data"]["id"]]
    if rep.get("type") == "set":
        return {"set": sorted(rep.get("entries", []))}
    return {name: with_buffers(each, buffers) for name, each in rep.items()}


def test_units_travel_with_their_values() -> None:
    plot = figure()
    renderer = plot.ray([1], [1], length=1, angle=45, angle_units="rad")
    live = Live(lambda doc: doc.add_root(plot))
    (event,) = live.do(lambda: setattr(renderer.glyph, "angle_units", "deg"))
    assert (event["attr"], event["new"]["units"]) == ("angle", "deg")


def test_a_file_that_one_visitor_chose_is_not_sent_to_another() -> None:
    chooser = FileInput()
    live = Live(lambda doc: doc.add_root(chooser))
    edited = live.edit(write(chooser, "value", "c2VjcmV0"), write(chooser, "filename", "mine.txt"))
    assert chooser.value == "c2VjcmV0"
    assert not edited.patch
    assert b"c2VjcmV0" not in live.document.snapshot().content


class Marked(str):
    """Text of a class of its own, as templates and translations make it."""

    def __str__(self) -> str:
        return "not what it holds"


class Many(int):
    pass


def test_text_and_numbers_of_classes_of_their_own_are_sent_as_what_they_hold() -> None:
    slider = Slider(start=np.float64(0), end=10, value=np.float64(2.5), title=Marked("<b>safe</b>"))
    button = Button(tags=[{Marked("key"): Many(3)}])
    live = Live(lambda doc: (doc.add_root(slider), doc.add_root(button)))
    live.document.snapshot()
    content = json.loads(live.document.snapshot().content)
    first, second = (each["attributes"] for each in content["roots"])
    assert (first["title"], first["value"]) == ("<b>safe</b>", 2.5)
    assert second["tags"] == [{"type": "map", "entries": [["key", 3]]}]
    (event,) = live.do(lambda: setattr(slider, "title", Marked("changed")))
    assert event["new"] == "changed"
    (event,) = live.do(lambda: setattr(slider, "value", np.float64(7)))
    assert event["new"] == 7
