"""Which properties and events of which models a person reaches through what a page shows.

Taken from what the views of BokehJS 3.9 and 3.10 write, and no more: whatever is not here, such as properties
of models to come, is refused. A class stands for its subclasses too.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from embedsync.documents.bokeh.private import Model

__all__ = ["Reach", "reach_of"]


@dataclass(frozen=True)
class Reach:
    """What a person reaches in a model.

    Attributes:
        inputs: properties that are a person's input.
        view: properties that say how a person looks at it; also open where an app is read-only.
        events: names of events.
        view_events: names of events that say how a person looks at it.
    """

    inputs: frozenset[str] = frozenset()
    view: frozenset[str] = frozenset()
    events: frozenset[str] = frozenset()
    view_events: frozenset[str] = frozenset()

    def __or__(self, other: Reach) -> Reach:
        return Reach(
            self.inputs | other.inputs,
            self.view | other.view,
            self.events | other.events,
            self.view_events | other.view_events,
        )


def _reach(inputs: str = "", *, view: str = "", events: str = "", view_events: str = "") -> Reach:
    return Reach(*(frozenset(each.split()) for each in (inputs, view, events, view_events)))


_SLIDER = _reach("value value_throttled")
_VALUE = _reach("value")
_ACTIVE = _reach("active")

REACHED: dict[str, Reach] = {
    # Buttons and groups of them.
    "AbstractButton": _reach(events="button_click"),
    "Dropdown": _reach(events="menu_item_click"),
    "Toggle": _ACTIVE,
    "ToggleInput": _ACTIVE,
    "CheckboxGroup": _ACTIVE,
    "RadioGroup": _ACTIVE,
    "CheckboxButtonGroup": _reach("active", events="button_click"),
    "RadioButtonGroup": _reach("active", events="button_click"),
    "MenuItem": _reach("checked"),
    # Fields.
    "TextLikeInput": _reach("value value_input"),
    "TextInput": _reach(events="value_submit"),
    "FileInput": _reach("value filename mime_type"),
    "NumericInput": _VALUE,
    "Spinner": _SLIDER,
    "Select": _VALUE,
    "MultiSelect": _VALUE,
    "MultiChoice": _VALUE,
    "PaletteSelect": _VALUE,
    "ColorPicker": _reach("color"),
    "TimePicker": _VALUE,
    "DatePicker": _VALUE,
    "DateRangePicker": _VALUE,
    "MultipleDatePicker": _VALUE,
    "DatetimePicker": _VALUE,
    "DatetimeRangePicker": _VALUE,
    "MultipleDatetimePicker": _VALUE,
    # Sliders.
    "Slider": _SLIDER,
    "RangeSlider": _SLIDER,
    "DateSlider": _SLIDER,
    "DateRangeSlider": _SLIDER,
    "DatetimeRangeSlider": _SLIDER,
    "CategoricalSlider": _SLIDER,
    # Plots, and how they are looked at.
    "Plot": _reach(
        events="tap doubletap press pressup mouseenter mouseleave mousemove wheel pan panstart panend pinch "
        "pinchstart pinchend rotate rotatestart rotateend selectiongeometry",
        view_events="lodstart lodend rangesupdate reset",
    ),
    "Axis": _reach(events="axis_click"),
    "Legend": _reach(events="legend_item_click"),
    "Range1d": _reach(view="start end"),
    "DataRange1d": _reach(view="start end"),
    "FactorRange": _reach(view="start end"),
    "MapOptions": _reach(view="lat lng zoom"),
    "Selection": _reach("indices line_indices multiline_indices image_indices"),
    "Toolbar": _reach(view="active_drag active_inspect active_multi active_scroll active_tap"),
    "ToolProxy": _reach(view="active disabled"),
    "CustomAction": _reach("active", view="disabled"),
    # Layouts and windows.
    "Tabs": _reach(view="active tabs"),
    "GroupBox": _reach("disabled"),
    "Dialog": _reach(view="visible"),
    "Drawer": _reach(view="open"),
    "Tooltip": _reach(view="visible position closable"),
}
"""By the name of a class in ``bokeh.models``. Some exist in one of the releases only."""


@cache
def reach_of(model_class: type[Model]) -> Reach:
    """What a person reaches in the models of a class, its own and what it inherits from Bokeh's classes."""
    found = Reach()
    for each in model_class.__mro__:
        if each.__module__.startswith("bokeh.models.") and each.__name__ in REACHED:
            found |= REACHED[each.__name__]
    return found
