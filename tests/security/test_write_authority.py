"""S7: a browser changes what a person can change through what is shown, and nothing else."""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bokeh.core.property.descriptors import UnsetValueError
from bokeh.events import ButtonClick
from bokeh.layouts import column
from bokeh.models import (
    AutocompleteInput,
    Button,
    CategoricalSlider,
    CellEditor,
    CheckboxGroup,
    ColumnDataSource,
    CustomJS,
    DataRange1d,
    DataTable,
    DatePicker,
    DateSlider,
    DatetimeRangeSlider,
    Div,
    Dropdown,
    MultiChoice,
    NumericInput,
    PointDrawTool,
    RadioGroup,
    Range1d,
    RangeSlider,
    RendererGroup,
    Select,
    SetValue,
    Slider,
    TableColumn,
    TabPanel,
    Tabs,
    TextInput,
    TimePicker,
)
from bokeh.plotting import figure

from embedsync import allow_client_write
from embedsync.documents.bokeh.authority import Closed
from embedsync.documents.bokeh.authority.table import REACHED
from embedsync.errors import ConfigurationError, Refused
from embedsync.wire import Refusal
from tests.documents.bokeh.harness import Live
from tests.security.every_property import every_class, made, value_of

pytestmark = pytest.mark.filterwarnings("ignore::bokeh.util.warnings.BokehDeprecationWarning")

_WRITABLE: dict[str, list[str]] = json.loads((Path(__file__).parent / "writable.json").read_text())
"""What a browser may write without more ado, as a person has read it through."""


def live(*roots: Any, **options: Any) -> Live:
    return Live(lambda doc: [doc.add_root(each) for each in roots], authority="closed", **options)


def write(model: Any, attribute: str, value: Any) -> dict[str, Any]:
    return {"kind": "ModelChanged", "model": {"id": model.id}, "attr": attribute, "new": value}


def event(model: Any, name: str, **details: Any) -> dict[str, Any]:
    entries = [["model", {"id": model.id}], *([each, value] for each, value in details.items())]
    sent = {"type": "event", "name": name, "values": {"type": "map", "entries": entries}}
    return {"kind": "MessageSent", "msg_type": "bokeh_event", "msg_data": sent}


def refused(page: Live, *events: dict[str, Any]) -> str:
    """Why an edit is refused; a document that has changed is a failure."""
    before = page.doc.to_json(deferred=False)
    with pytest.raises(Refused) as caught:
        page.edit(*events)
    assert caught.value.code == Refusal.FORBIDDEN, str(caught.value)
    assert page.doc.to_json(deferred=False) == before
    return str(caught.value)


def test_s7_of_every_property_of_every_model_only_those_that_are_listed_can_be_written() -> None:
    authority, writable, tried = Closed(), {}, 0
    codes = set()
    for each in every_class():
        model = made(each)
        if model is None:
            continue
        passed = []
        for attribute in sorted(each.properties()):
            tried += 1
            try:
                authority.write(model, attribute, value_of(model, attribute))
            except Refused as error:
                codes.add(error.code)
            except (TypeError, UnsetValueError):
                passed.append(attribute)  # It came to comparing nothing with what the widget offers.
            else:
                passed.append(attribute)
        if passed:
            writable[each.__qualified_model__] = passed
    assert tried > 9_000
    assert codes == {Refusal.FORBIDDEN}
    unlisted = {
        f"{name}.{attribute}"
        for name, attributes in writable.items()
        for attribute in attributes
        if attribute not in _WRITABLE.get(name, ())
    }
    assert not unlisted


def test_s7_every_refused_property_is_refused_in_a_document_too() -> None:
    tried = 0
    for each in every_class():
        model = made(each)
        if model is None:
            continue
        try:
            page = live(Div(tags=[model]))
        except UnsetValueError:
            continue  # No browser can be sent it.
        listed = _WRITABLE.get(each.__qualified_model__, ())
        for attribute in [name for name in sorted(each.properties()) if name not in listed][::7]:
            tried += 1
            with pytest.raises(Refused) as caught:
                page.edit(write(model, attribute, None))
            assert caught.value.code in (Refusal.FORBIDDEN, Refusal.BAD_VALUE, Refusal.UNKNOWN_PROPERTY)
    assert tried > 1_000


def test_s7_no_class_of_the_table_is_a_slip_of_the_pen() -> None:
    names = {each.__name__ for each in every_class()}
    assert set(REACHED) <= names


_NEVER = {
    *("text", "html", "code", "template", "url", "name", "tags", "stylesheets", "css_classes", "styles"),
    *("js_property_callbacks", "js_event_callbacks", "subscribed_events", "options", "labels", "title"),
}


def test_s7_nothing_that_is_markup_code_or_an_address_is_ever_open() -> None:
    assert not {each for properties in _WRITABLE.values() for each in properties} & _NEVER


def test_s7_a_browser_brings_no_models_roots_titles_or_messages() -> None:
    box, slider = column(), Slider(start=0, end=1, value=0)
    page = live(box, slider)
    new = {"type": "object", "name": "Div", "id": "c-1", "attributes": {"text": "<script>"}}
    refused(page, write(box, "children", [new]))
    refused(page, {"kind": "RootAdded", "model": new})
    refused(page, {"kind": "RootRemoved", "model": {"id": slider.id}})
    refused(page, {"kind": "TitleChanged", "title": "t"})
    refused(page, {"kind": "MessageSent", "msg_type": "shout", "msg_data": "x"})


def test_s7_what_comes_with_something_allowed_is_refused_all_the_same() -> None:
    slider, div = Slider(start=0, end=1, step=0.5, value=0), Div(text="fine")
    page = live(slider, div)
    hidden = {"type": "object", "name": "Div", "id": div.id, "attributes": {"text": "<script>"}}
    refused(page, write(slider, "value", 0.5), write(div, "text", "<script>"))
    refused(page, write(slider, "value", 0.5), write(slider, "value", 1) | {"model": hidden})
    assert slider.value == 0
    page.edit(write(slider, "value", 0.5))
    assert slider.value == 0.5


_A_DAY = 86_400_000.0
_NEW_YEAR, _NEXT_DAY, _LAST_DAY = dt.date(2024, 1, 1), dt.date(2024, 1, 2), dt.date(2024, 1, 9)
_FAR_EAST = dt.timezone(dt.timedelta(hours=9))
_BUTTONS = ["x", "y"]
_TABS = [TabPanel(child=Div()), TabPanel(child=Div(), disabled=True)]


@dataclass(frozen=True)
class Offer:
    """A widget, a property, values that it offers, and others."""

    make: Callable[[], Any]
    attribute: str
    good: list[Any]
    bad: list[Any]


_OFFERS = {
    "select": Offer(lambda: Select(options=["a", ("b", "B")], value="a"), "value", ["b"], ["c", "B", ""]),
    "groups": Offer(lambda: Select(options={"g": ["a"], "h": [("b", "B")]}), "value", ["b"], ["g"]),
    "several": Offer(
        lambda: MultiChoice(options=list("abc"), max_items=2),
        "value",
        [["a", "c"]],
        [["d"], list("abc"), ["a", "a"]],
    ),
    "pairs": Offer(
        lambda: Select(options=[((0, 9), "low"), (1, "one")], value=1), "value", [[0, 9], 1], [True, [0, 8]]
    ),
    "chosen by Python": Offer(
        lambda: MultiChoice(options=list("abc"), value=list("xabc"), max_items=2),
        "value",
        [list("xab"), list("ab")],
        [list("yab"), list("cabx")],
    ),
    "stale": Offer(lambda: CheckboxGroup(labels=_BUTTONS, active=[2]), "active", [[0, 2], [0]], [[3]]),
    "radio": Offer(lambda: RadioGroup(labels=_BUTTONS, active=0), "active", [1], [2, -1]),
    "checks": Offer(lambda: CheckboxGroup(labels=_BUTTONS), "active", [[0, 1], []], [[2], [0, 0]]),
    "slider": Offer(
        lambda: Slider(start=1, end=3, step=0.1, value=1),
        "value",
        [1.1, 2.7000000000000006, 3],
        [0.9, 3.1, 1.15],
    ),
    "last step": Offer(lambda: Slider(start=0, end=1, step=0.3, value=0), "value", [0.9, 1], [0.95]),
    "range": Offer(
        lambda: RangeSlider(start=0, end=10, step=1, value=(0.5, 4)),
        "value",
        [[0.5, 7], [2, 4]],
        [[0.6, 4], [5, 4], [1, 11]],
    ),
    "days": Offer(
        lambda: DateSlider(start=_NEW_YEAR, end=_LAST_DAY, value=_NEXT_DAY),
        "value",
        [19_724 * _A_DAY],
        [20_000 * _A_DAY, 0],
    ),
    "categories": Offer(lambda: CategoricalSlider(categories=["s", "m"], value="s"), "value", ["m"], ["l"]),
    "number": Offer(lambda: NumericInput(low=0, high=5, value=1, mode="int"), "value", [5, None], [6, -1]),
    "text": Offer(lambda: TextInput(max_length=3), "value", ["abc"], ["abcd"]),
    "completion": Offer(
        lambda: AutocompleteInput(completions=["ab"], restrict=True), "value", ["ab"], ["xy"]
    ),
    "date": Offer(
        lambda: DatePicker(min_date="2024-01-02", max_date="2024-01-05"),
        "value",
        ["2024-01-05", None],
        ["2024-01-01", "2024-01-06"],
    ),
    "not that day": Offer(
        lambda: DatePicker(disabled_dates=["2024-01-02", ("2024-01-04", "2024-01-05")]),
        "value",
        ["2024-01-01", "2024-01-03", "2024-01-06"],
        ["2024-01-02", "2024-01-04", "2024-01-05"],
    ),
    "only that day": Offer(
        lambda: DatePicker(enabled_dates=["2024-01-02"]), "value", ["2024-01-02"], ["2024-01-03"]
    ),
    "moments of NumPy": Offer(
        lambda: DatetimeRangeSlider(
            start=np.datetime64("2024-01-01"), end=np.datetime64("2024-01-09"), value=(_NEW_YEAR, _NEXT_DAY)
        ),
        "value",
        [[19_724 * _A_DAY, 19_725 * _A_DAY]],
        [[0, 19_725 * _A_DAY]],
    ),
    "with a time zone": Offer(
        lambda: Range1d(0, 1, bounds=(dt.datetime(2024, 1, 1, tzinfo=_FAR_EAST), None)),
        "start",
        [19_723 * _A_DAY],
        [19_723 * _A_DAY - 3_600_000],
    ),
    "time": Offer(
        lambda: TimePicker(min_time="08:00", max_time="17:00"),
        "value",
        ["08:00:00"],
        ["07:59:59", "17:00:01"],
    ),
    "tabs": Offer(lambda: Tabs(tabs=_TABS), "active", [0], [1, 2]),
}


@pytest.mark.parametrize("offer", _OFFERS.values(), ids=_OFFERS)
def test_s7_a_value_is_one_that_the_widget_offers(offer: Offer) -> None:
    widget = offer.make()
    page = live(widget)
    for each in offer.bad:
        refused(page, write(widget, offer.attribute, each))
    for each in offer.good:
        page.edit(write(widget, offer.attribute, each))


def test_s7_tabs_can_be_closed_to_the_last_one() -> None:
    first, second, third = (
        TabPanel(child=Div(), closable=True, disabled=each) for each in (False, True, False)
    )
    tabs = Tabs(tabs=[first, second, third], active=2)
    page = live(tabs)
    # What BokehJS does: the one that was shown moves up, to where one was that could not be shown.
    page.edit(write(tabs, "tabs", [{"id": second.id}, {"id": third.id}]), write(tabs, "active", 1))
    page.edit(write(tabs, "tabs", []), write(tabs, "active", -1))
    assert (tabs.tabs, tabs.active) == ([], -1)


def test_s7_a_range_that_follows_its_data_may_go_beyond_its_bounds() -> None:
    plot = figure(x_range=DataRange1d(bounds=(0, 10)), y_range=Range1d(0, 10, bounds=(0, 10)))
    page = live(plot)
    page.edit(write(plot.x_range, "end", 10.5) | {"local": True})
    refused(page, write(plot.y_range, "end", 10.5) | {"local": True})


def test_s7_a_range_that_has_nothing_to_follow_is_nowhere_and_no_other_is() -> None:
    plot = figure(x_range=DataRange1d(), y_range=Range1d(0, 10))
    page = live(plot)
    nan, infinity = ({"type": "number", "value": each} for each in ("nan", "+inf"))
    page.edit(write(plot.x_range, "start", nan), write(plot.x_range, "end", nan))
    assert math.isnan(plot.x_range.start)
    refused(page, write(plot.x_range, "end", infinity))
    refused(page, write(plot.y_range, "end", nan))


def test_s7_the_renderers_of_a_group_follow_it() -> None:
    plot, group = figure(), RendererGroup()
    line, other = plot.line([1], [2]), plot.line([1], [2])
    line.group = group
    page = live(plot)
    refused(page, write(line, "visible", False))
    group.visible = False
    page.edit(write(line, "visible", False))
    refused(page, write(other, "visible", False))
    refused(page, write(group, "visible", True), write(line, "visible", True))
    allow_client_write(group, "visible", validator=lambda visible: visible)
    page.edit(write(group, "visible", True), write(line, "visible", True))
    assert line.visible
    refused(page, write(group, "visible", False))


def test_s7_what_is_disabled_cannot_be_used() -> None:
    clicks: list[Any] = []
    button, slider = Button(disabled=True), Slider(start=0, end=1, value=0, disabled=True)
    button.on_event(ButtonClick, clicks.append)
    page = live(button, slider)
    assert "disabled" in refused(page, click(button))
    assert "disabled" in refused(page, write(slider, "value", 1))
    button.disabled = False
    page.edit(click(button))
    assert len(clicks) == 1


def click(button: Any) -> dict[str, Any]:
    return event(button, "button_click")


def test_s7_the_data_of_a_source_is_open_only_where_a_tool_or_a_table_edits_it() -> None:
    source = ColumnDataSource({"x": [1.0, 2.0], "y": [3.0, 4.0], "name": ["a", "b"]})
    plot = figure()
    points = plot.scatter("x", "y", source=source)
    page = live(plot)
    moved = {"kind": "ModelChanged", "model": {"id": source.id}, "attr": "data"}

    def data(**columns: Any) -> dict[str, Any]:
        entries = [[name, values] for name, values in columns.items()]
        return moved | {"new": {"type": "map", "entries": entries}}

    fine = data(x=[1.5, 2.0], y=[3.0, 4.0], name=["a", "b"])
    refused(page, fine)
    plot.add_tools(PointDrawTool(renderers=[points]))
    page.edit(fine)
    assert list(source.data["x"]) == [1.5, 2.0]
    refused(page, data(x=[1.5], y=[3.0]))
    refused(page, data(x=[1.5], y=[3.0], name=["a"], more=[1]))
    with pytest.raises(Refused, match="the same length"):
        page.edit(data(x=[1.5], y=[3.0, 4.0], name=["a"]))
    refused(page, data(x=["<script>"], y=[3.0], name=["a"]))


def test_s7_in_a_table_only_the_columns_that_it_shows_can_be_edited_and_only_if_it_is_editable() -> None:
    source = ColumnDataSource({"x": np.array([1, 2]), "secret": np.array([3, 4])})
    table = DataTable(source=source, columns=[TableColumn(field="x")], editable=False)
    page = live(table)

    def patch(name: str, *patches: list[Any]) -> dict[str, Any]:
        entries = {"type": "map", "entries": [[name, list(patches)]]}
        return {"kind": "ColumnsPatched", "model": {"id": source.id}, "attr": "data", "patches": entries}

    refused(page, patch("x", [0, 9]))
    table.editable = True
    page.edit(patch("x", [0, 9]))
    assert list(source.data["x"]) == [9, 2]
    refused(page, patch("x", [0, "<b>"]))
    refused(page, patch("secret", [0, 9]))
    # The values of the column, at other places.
    refused(page, patch("secret", [1, 3], [0, 4]))


def test_s7_in_a_table_columns_that_are_hidden_or_have_no_editor_or_are_disabled_stay() -> None:
    source = ColumnDataSource({"id": [1, 2], "price": [3, 4], "note": ["", ""]})
    hidden = TableColumn(field="id", visible=False)
    columns = [hidden, TableColumn(field="price", editor=CellEditor()), TableColumn(field="note")]
    table = DataTable(source=source, columns=columns, editable=True)
    page = live(table)

    def patch(name: str, value: Any) -> dict[str, Any]:
        entries = {"type": "map", "entries": [[name, [[0, value]]]]}
        return {"kind": "ColumnsPatched", "model": {"id": source.id}, "attr": "data", "patches": entries}

    refused(page, patch("id", 2))
    refused(page, patch("price", 0))
    page.edit(patch("note", "sold"))
    table.disabled = True
    refused(page, patch("note", "free"))
    table.disabled, hidden.visible = False, True
    page.edit(patch("id", 5))
    assert source.data == {"id": [5, 2], "price": [3, 4], "note": ["sold", ""]}


def test_s7_a_column_of_an_array_takes_the_texts_of_an_editor_that_nobody_has_chosen() -> None:
    source = ColumnDataSource({"x": np.array([1, 2]), "y": [1, 2]})
    page = live(
        DataTable(source=source, columns=[TableColumn(field="x"), TableColumn(field="y")], editable=True)
    )

    def patch(name: str, value: str) -> dict[str, Any]:
        entries = {"type": "map", "entries": [[name, [[0, value]]]]}
        return {"kind": "ColumnsPatched", "model": {"id": source.id}, "attr": "data", "patches": entries}

    page.edit(patch("x", "9"))
    assert source.data["x"].tolist() == [9, 2]
    refused(page, patch("x", "nine"))
    refused(page, patch("y", "9"))


@pytest.mark.parametrize("values", [[], [5]])
def test_s7_in_a_table_no_rows_come_or_go(values: list[int]) -> None:
    source = ColumnDataSource({"x": [1, 2]})
    page = live(DataTable(source=source, columns=[TableColumn(field="x")], editable=True))
    columns = {"type": "map", "entries": [["x", values]]}
    target = {"model": {"id": source.id}, "attr": "data"}
    refused(page, target | {"kind": "ColumnsStreamed", "data": columns, "rollover": 1})
    refused(page, target | {"kind": "ModelChanged", "new": columns})


def test_s7_a_column_that_nobody_edits_stays_as_it_is_though_numpy_might_find_another_equal() -> None:
    source = ColumnDataSource({"x": [1, 2], "other": [np.array([5.0]), np.array([math.nan])]})
    page = live(DataTable(source=source, columns=[TableColumn(field="x")], editable=True))

    def data(*other: Any) -> dict[str, Any]:
        entries = [["x", [3, 4]], ["other", list(other)]]
        new = {"type": "map", "entries": entries}
        return {"kind": "ModelChanged", "model": {"id": source.id}, "attr": "data", "new": new}

    nan = [{"type": "number", "value": "nan"}]
    refused(page, data([], nan))
    refused(page, data([5, 5], nan))
    page.edit(data([5], nan))
    assert source.data["x"] == [3, 4]


@pytest.mark.parametrize(
    "moment", [dt.datetime(2024, 1, 1), dt.date(2024, 1, 1), np.datetime64("2024-01-01")]
)
def test_s7_points_whose_places_are_dates_can_be_moved(moment: Any) -> None:
    source = ColumnDataSource({"x": [moment], "y": [1]})
    plot = figure()
    plot.add_tools(PointDrawTool(renderers=[plot.scatter("x", "y", source=source)]))
    page = live(plot)
    columns = {"type": "map", "entries": [["x", [19_724 * _A_DAY]], ["y", [2]]]}
    page.edit({"kind": "ModelChanged", "model": {"id": source.id}, "attr": "data", "new": columns})
    assert source.data["y"] == [2]


def test_s7_what_a_legend_hides_can_be_hidden() -> None:
    plot = figure()
    line, other = plot.line([1], [2], legend_label="a"), plot.line([1], [2])
    page = live(plot)
    refused(page, write(line, "visible", False))
    plot.legend.click_policy = "hide"
    page.edit(write(line, "visible", False))
    assert line.visible is False
    refused(page, write(line, "muted", True))
    refused(page, write(other, "visible", False))


def test_s7_a_value_that_the_app_lets_a_button_set_can_be_set() -> None:
    div, button = Div(text="off"), Button()
    button.js_on_click(SetValue(div, "text", "on"))
    page = live(column(button, div))
    refused(page, write(div, "text", "<script>"))
    page.edit(write(div, "text", "on"))
    assert div.text == "on"


def test_s7_an_app_can_open_what_its_scripts_write_and_say_which_values() -> None:
    div, other = Div(text="a"), Div(text="b")
    button = Button()
    button.js_on_click(CustomJS(args={"div": div}, code="div.text = 'c'"))
    page = live(column(div, other, button))
    assert "allow_client_write" in refused(page, write(div, "text", "c"))
    allow_client_write(div, "text", validator=lambda text: len(text) == 1)
    page.edit(write(div, "text", "c"))
    assert div.text == "c"
    refused(page, write(div, "text", "<script>"))
    refused(page, write(other, "text", "c"))


def test_s7_a_class_of_models_can_be_opened_as_a_whole() -> None:
    class Knob(Div):
        pass

    allow_client_write(Knob, "text")
    knob, div = Knob(), Div()
    page = live(knob, div)
    page.edit(write(knob, "text", "c"))
    refused(page, write(div, "text", "c"))


def test_s7_only_properties_can_be_opened() -> None:
    with pytest.raises(ValueError, match="Div has no property 'texd'"):
        allow_client_write(Div(), "texd")


def test_s7_a_validator_that_raises_refuses_and_is_named() -> None:
    div = Div()
    allow_client_write(div, "text", validator=lambda text: text["no such"])
    page = live(div)
    assert "Div.text: the validator of allow_client_write failed: TypeError" in refused(
        page, write(div, "text", "c")
    )


def test_s7_a_validator_is_told_the_number_that_all_of_a_glyph_has() -> None:
    plot = figure()
    glyph = plot.scatter([1], [2]).glyph
    allow_client_write(glyph, "size", validator=lambda size: 1 <= size <= 50)
    page = live(plot)
    page.edit(write(glyph, "size", {"type": "value", "value": 20}))
    assert glyph.size.value == 20
    refused(page, write(glyph, "size", {"type": "value", "value": 200}))


def test_s7_only_an_item_of_its_menu_can_be_clicked_in_a_dropdown() -> None:
    menu = Dropdown(menu=["Open", ("Save it", "save"), None, ("Script", CustomJS(code=""))])
    heard: list[Any] = []
    menu.on_click(lambda event: heard.append(event.item))
    page = live(menu)
    page.edit(event(menu, "menu_item_click", item="Open"), event(menu, "menu_item_click", item="save"))
    assert heard == ["Open", "save"]
    for item in ("delete", "Save it", "Script", "", None, 1, ["save"]):
        assert "not in the menu" in refused(page, event(menu, "menu_item_click", item=item))
    assert heard == ["Open", "save"]


def test_s7_only_an_item_of_its_legend_can_be_clicked() -> None:
    plots = [figure(), figure()]
    for each in plots:
        each.scatter([1], [2], legend_label="a")
    first, second = (each.legend[0] for each in plots)
    page = live(*plots)
    page.edit(event(first, "legend_item_click", item={"id": first.items[0].id}))
    refused(page, event(first, "legend_item_click", item={"id": second.items[0].id}))


def test_s7_what_is_submitted_is_no_longer_than_the_field_takes() -> None:
    field = TextInput(max_length=3)
    page = live(field)
    page.edit(event(field, "value_submit", value="abc"))
    refused(page, event(field, "value_submit", value="abcd"))


def test_s7_messages_reach_an_app_that_listens_to_them() -> None:
    heard: list[Any] = []

    def app(doc: Any) -> None:
        doc.on_message("shout", heard.append)

    page = Live(app, authority="closed")
    page.edit({"kind": "MessageSent", "msg_type": "shout", "msg_data": "x"})
    assert heard == ["x"]
    refused(page, {"kind": "MessageSent", "msg_type": "whisper", "msg_data": "x"})


def test_s7_in_a_read_only_app_visitors_look_around_and_change_nothing() -> None:
    slider, button, plot = Slider(start=0, end=1, value=0), Button(), figure(x_range=(0, 1))
    page = live(column(slider, button, plot), read_only=True)
    page.edit(write(plot.x_range, "start", 0.5))
    assert plot.x_range.start == 0.5
    assert "read-only" in refused(page, write(slider, "value", 1))
    assert "read-only" in refused(page, click(button))
    allow_client_write(slider, "value")
    refused(page, write(slider, "value", 1))


def test_s7_compat_allows_what_bokeh_serve_allows() -> None:
    div = Div()
    page = Live(lambda doc: doc.add_root(div), authority="compat")
    page.edit(write(div, "text", "c"), {"kind": "TitleChanged", "title": "t"})
    assert div.text == "c"


def test_s7_a_profile_that_does_not_exist_is_refused_with_those_that_do() -> None:
    with pytest.raises(ConfigurationError, match="'closed', 'compat'"):
        Live(lambda doc: None, authority="open")
