"""What a person reaches in Panel's models, beside what these inherit from Bokeh's.

Taken from what the views of Panel 1.9 write, and no more. What the components hold that apps make themselves
(``ReactiveHTML``, ``JSComponent``, ``ReactComponent``, ``AnyWidgetComponent``), is not among it: their
JavaScript can write anything.
"""

from __future__ import annotations

import numbers
from collections.abc import Callable
from typing import Any

from embedsync.documents.bokeh.authority.reach import Reach, reach

__all__ = ["PANEL", "RULES", "is_tabulator", "open_in_tabulator"]

_MEDIA = reach("paused time volume")

PANEL: dict[str, Reach] = {
    # Buttons and fields.
    "AcePlot": reach("code code_input"),
    "ButtonIcon": reach("clicks", events="button_click"),
    "ChatAreaInput": reach(events="chat_message_event"),
    "CustomMultiSelect": reach(events="dblclick_event"),
    "DatetimePicker": reach("value"),
    "FileDownload": reach("clicks _transfers"),
    "FileDropper": reach(events="upload_event delete_event"),
    "JSONEditor": reach(view="selection", events="json_edit"),
    "Player": reach("value value_throttled", view="direction interval"),
    "QuillInput": reach("text text_input", view="selection"),
    "SingleSelect": reach("value"),
    "TextInput": reach(events="enter-pressed"),
    "ToggleIcon": reach("value", events="button_click"),
    # What is shown.
    "Audio": _MEDIA,
    "DeckGLPlot": reach("clickState hoverState", view="viewState"),
    "DataTabulator": reach(
        view="expanded filters page page_size sorters", events="table-edit selection-change cell-click"
    ),
    "PlotlyPlot": reach(view="relayout_data restyle_data viewport", events="plotly_event"),
    "Terminal": reach(view="ncols nrows", events="keystroke"),
    "Video": _MEDIA,
    # Layouts, and the page.
    "BrowserInfo": reach(
        view="dark_mode device_pixel_ratio language timezone timezone_offset webdriver webgl"
    ),
    "Card": reach(view="collapsed"),
    "Column": reach(view="scroll_position", events="scroll_button_click"),
    "Feed": reach(view="visible_children"),
    "Location": reach(view="hash hostname href pathname port protocol search"),
    "Modal": reach(view="open"),
}
"""By the name of a class in ``panel.models``."""


def _on_player(model: Any, value: Any) -> str:
    is_number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    return "" if is_number and model.start <= value <= model.end else "it is not between 'start' and 'end'"


def _offered(model: Any, value: Any) -> str:
    options = [each[0] if isinstance(each, tuple | list) else each for each in model.options]
    return "" if value is None or value in options else "it is not among what is offered"


RULES: dict[tuple[str, str], Callable[[Any, Any], str]] = {
    ("Player", "value"): _on_player,
    ("Player", "value_throttled"): _on_player,
    ("SingleSelect", "value"): _offered,
}
"""Which values these may take, as in ``domain``."""


def is_tabulator(model: Any) -> bool:
    """Whether this is the table of Panel, which is no subclass of Bokeh's."""
    kind = type(model)
    return kind.__name__ == "DataTabulator" and kind.__module__.startswith("panel.models.")


def open_in_tabulator(table: Any, source: Any) -> set[str]:
    """Names of the columns of a data source that this table lets a person edit."""
    if table.source is not source or not table.editable:
        return set()
    shown = {column.field for column in table.columns} - set(table.hidden_columns)
    return shown - _not_editable(table.configuration)


def _not_editable(group: Any) -> set[str]:
    """Fields of the columns in a group of columns, or the whole table, that are not open to everybody."""
    found: set[str] = set()
    for each in group.get("columns") or []:
        if not isinstance(each, dict):
            continue
        if each.get("editable", True) is not True:
            found.add(str(each.get("field")))
        found |= _not_editable(each)
    return found
