"""Every input that Bokeh has, and a line of text that names those that Python has heard of."""

import datetime as dt

from bokeh.io import curdoc
from bokeh.layouts import column
from bokeh.models import (
    AutocompleteInput,
    Button,
    CategoricalSlider,
    Checkbox,
    CheckboxButtonGroup,
    CheckboxGroup,
    ColorPicker,
    ColumnDataSource,
    DataTable,
    DatePicker,
    DateRangeSlider,
    DateSlider,
    DatetimePicker,
    DatetimeRangeSlider,
    Div,
    Dropdown,
    FileInput,
    MultiChoice,
    MultiSelect,
    NumericInput,
    PasswordInput,
    RadioButtonGroup,
    RadioGroup,
    RangeSlider,
    Select,
    Slider,
    Spinner,
    StringEditor,
    Switch,
    TableColumn,
    TabPanel,
    Tabs,
    TextAreaInput,
    TextInput,
    TimePicker,
    Toggle,
)

heard = Div(text="", name="heard")
names: set[str] = set()
WIDTH = 300
FRUIT = ["apple", "pear"]
DAY, DAYS = dt.date(2024, 1, 5), (dt.date(2024, 1, 3), dt.date(2024, 1, 5))
FROM, TO = dt.date(2024, 1, 1), dt.date(2024, 1, 31)


def note(name: str) -> None:
    names.add(name)
    heard.text = " ".join(sorted(names))


def told(widget, attribute: str):
    """The widget, whose changes will be noted under the name of its class."""
    widget.name = type(widget).__name__
    widget.on_change(attribute, lambda attr, old, new: note(widget.name))
    return widget


def clicked(button, event: str = "button_click"):
    button.name = type(button).__name__
    button.on_event(event, lambda _: note(button.name))
    return button


table_source = ColumnDataSource({"word": ["one", "two"], "n": [1, 2]})
table_source.selected.on_change("indices", lambda attr, old, new: note("selected"))
table_source.on_change("data", lambda attr, old, new: note("edited"))
columns = [TableColumn(field="word", editor=StringEditor()), TableColumn(field="n")]

inputs = [
    clicked(Button(label="Button")),
    clicked(Dropdown(label="Dropdown", menu=[("First", "first"), ("Second", "second")]), "menu_item_click"),
    told(Toggle(label="Toggle"), "active"),
    told(Checkbox(label="Checkbox"), "active"),
    told(Switch(), "active"),
    told(CheckboxGroup(labels=["check A", "check B"]), "active"),
    told(RadioGroup(labels=["radio A", "radio B"], active=0), "active"),
    told(CheckboxButtonGroup(labels=["box A", "box B"]), "active"),
    told(RadioButtonGroup(labels=["knob A", "knob B"], active=0), "active"),
    told(TextInput(title="TextInput"), "value"),
    told(TextAreaInput(title="TextAreaInput"), "value"),
    told(PasswordInput(title="PasswordInput"), "value"),
    told(AutocompleteInput(title="AutocompleteInput", completions=FRUIT, min_characters=1), "value"),
    told(NumericInput(title="NumericInput", low=0, high=9, value=1), "value"),
    told(Spinner(title="Spinner", low=0, high=9, step=1, value=1), "value_throttled"),
    told(Select(title="Select", options=["a", "b"], value="a"), "value"),
    told(MultiSelect(title="MultiSelect", options=["a", "b"]), "value"),
    told(MultiChoice(title="MultiChoice", options=["choice A", "choice B"]), "value"),
    told(ColorPicker(title="ColorPicker", color="#000000"), "color"),
    told(FileInput(title="FileInput"), "value"),
    told(DatePicker(title="DatePicker", value=DAY, min_date=FROM, max_date=TO), "value"),
    told(TimePicker(title="TimePicker", value="10:00"), "value"),
    told(DatetimePicker(title="DatetimePicker", value=dt.datetime(2024, 1, 5, 12)), "value"),
    told(Slider(title="Slider", start=0, end=1, step=0.1, value=0.5), "value_throttled"),
    told(RangeSlider(title="RangeSlider", start=0, end=7, step=0.7, value=(1, 3)), "value_throttled"),
    told(DateSlider(title="DateSlider", start=FROM, end=TO, value=DAY), "value_throttled"),
    told(DateRangeSlider(title="DateRangeSlider", start=FROM, end=TO, value=DAYS), "value_throttled"),
    told(DatetimeRangeSlider(title="DatetimeRangeSlider", start=FROM, end=TO, value=DAYS), "value_throttled"),
    told(CategoricalSlider(title="CategoricalSlider", categories=["s", "m", "l"], value="s"), "value"),
    told(Tabs(tabs=[TabPanel(child=Div(text=each), title=each) for each in ("Tab A", "Tab B")]), "active"),
    DataTable(source=table_source, columns=columns, editable=True, auto_edit=True, height=120, name="table"),
]
for each in inputs:
    each.width = WIDTH
curdoc().add_root(column(heard, *inputs))
