"""Which properties and events of which models a person reaches through what a page shows.

Taken from what the views of BokehJS 3.9 and 3.10 write, and no more: whatever is not here, such as properties
of models to come, is refused. A class stands for its subclasses too.
"""

from __future__ import annotations

from functools import cache

from embedsync.documents.bokeh.authority.panel import PANEL
from embedsync.documents.bokeh.authority.reach import Reach, reach
from embedsync.documents.bokeh.private import Model
from embedsync.documents.bokeh.properties import is_of_bokeh

__all__ = ["Reach", "reach_of"]


_SLIDER = reach("value value_throttled")
_VALUE = reach("value")
_ACTIVE = reach("active")

REACHED: dict[str, Reach] = {
    # Buttons and groups of them.
    "AbstractButton": reach(events="button_click"),
    "Dropdown": reach(events="menu_item_click"),
    "Toggle": _ACTIVE,
    "ToggleInput": _ACTIVE,
    "CheckboxGroup": _ACTIVE,
    "RadioGroup": _ACTIVE,
    "CheckboxButtonGroup": reach("active", events="button_click"),
    "RadioButtonGroup": reach("active", events="button_click"),
    "MenuItem": reach("checked"),
    # Fields.
    "TextLikeInput": reach("value value_input"),
    "TextInput": reach(events="value_submit"),
    "FileInput": reach("value filename mime_type"),
    "NumericInput": _VALUE,
    "Spinner": _SLIDER,
    "Select": _VALUE,
    "MultiSelect": _VALUE,
    "MultiChoice": _VALUE,
    "PaletteSelect": _VALUE,
    "ColorPicker": reach("color"),
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
    "Plot": reach(
        events="tap doubletap press pressup mouseenter mouseleave mousemove wheel pan panstart panend pinch "
        "pinchstart pinchend rotate rotatestart rotateend selectiongeometry",
        view_events="lodstart lodend rangesupdate reset",
    ),
    "Axis": reach(events="axis_click"),
    "Legend": reach(events="legend_item_click"),
    "Range1d": reach(view="start end"),
    "DataRange1d": reach(view="start end"),
    "FactorRange": reach(view="start end"),
    "MapOptions": reach(view="lat lng zoom"),
    "Selection": reach("indices line_indices multiline_indices image_indices"),
    "Toolbar": reach(view="active_drag active_inspect active_multi active_scroll active_tap"),
    "ToolProxy": reach(view="active disabled"),
    "CustomAction": reach("active", view="disabled"),
    # Layouts and windows.
    "Tabs": reach(view="active tabs"),
    "GroupBox": reach("disabled"),
    "Dialog": reach(view="visible"),
    "Drawer": reach(view="open"),
    "Tooltip": reach(view="visible position closable"),
}
"""By the name of a class in ``bokeh.models``. Some exist in one of the releases only."""


def reach_of(model_class: type[Model]) -> Reach:
    """What a person reaches in the models of a class: what its bases of Bokeh's and Panel's have."""
    return _reach_of(model_class) if is_of_bokeh(model_class) else _found_for(model_class)


def _found_for(model_class: type[Model]) -> Reach:
    found = Reach()
    for each in model_class.__mro__:
        if each.__module__.startswith("bokeh.models.") and each.__name__ in REACHED:
            found |= REACHED[each.__name__]
        elif each.__module__.startswith("panel.models."):
            found |= PANEL.get(each.__name__, Reach())
    return found


_reach_of = cache(_found_for)
