"""Which values a person could have put into a widget, besides what its property's type says."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import cache
from typing import Any

import numpy as np

from embedsync.documents.bokeh.authority.panel import RULES as PANELS_RULES
from embedsync.documents.bokeh.private import Model, UnsetValueError, convert_datetime_type
from embedsync.documents.bokeh.properties import is_of_bokeh, value_of
from embedsync.documents.bokeh.values import same

__all__ = ["complaint", "event_complaint"]

_NUMBERS = frozenset({int, float})
_MILLISECONDS = 1000.0
_A_DAY = 86_400_000.0
_TOLERANCE = 1e-6
"""Of the length of a slider. Browsers compute with steps in binary fractions."""


def complaint(model: Any, attribute: str, value: Any) -> str:
    """What speaks against a value, in words; nothing if it could have been put in.

    A value that is there already is always right, though it may be one that only Python could set.
    """
    cls: Any = type(model)
    rule = _rule_of(cls, attribute) if is_of_bokeh(cls) else _found_for(cls, attribute)
    if rule is None or _holds(model, attribute, value):
        return ""
    return rule(model, value)


def _found_for(cls: type, attribute: str) -> Callable[[Any, Any], str] | None:
    for each in cls.__mro__:
        rule = _RULES.get((each.__name__, attribute))
        if rule is not None and each.__module__.startswith("bokeh.models."):
            return rule
        if each.__module__.startswith("panel.models."):
            rule = PANELS_RULES.get((each.__name__, attribute))
            if rule is not None:
                return rule
    return None


_rule_of = cache(_found_for)


def event_complaint(model: Any, name: str, details: Mapping[str, Any]) -> str:
    """What speaks against an event, in words; nothing if what it says can have been clicked or typed."""
    for each in type(model).__mro__:
        rule = _EVENT_RULES.get((each.__name__, name))
        if rule is not None and each.__module__.startswith("bokeh.models."):
            return rule(model, details)
    return ""


def _holds(model: Any, attribute: str, value: Any) -> bool:
    """Whether this value is there already."""
    try:
        there = value_of(model, attribute)
    except UnsetValueError:
        return False
    if type(value) in _NUMBERS and type(there) in _NUMBERS and value == value:
        return bool(value == there)
    return same(value, there)


def _is_there(model: Any, attribute: str) -> bool:
    try:
        value_of(model, attribute)
    except UnsetValueError:
        return False
    return True


def _one_of(offered: Callable[[Any], Collection[Any]]) -> Callable[[Any, Any], str]:
    def rule(model: Any, value: Any) -> str:
        return "" if _is_among(value, offered(model)) else "it is not among what is offered"

    return rule


def _some_of(attribute: str, offered: Callable[[Any], Collection[Any]]) -> Callable[[Any, Any], str]:
    def rule(model: Any, value: Any) -> str:
        # What Python has chosen beyond that stays chosen, and need not go all at once.
        there = getattr(model, attribute)
        choices = offered(model)
        if not isinstance(value, list) or len(value) > len(choices) + len(there):
            return "more is chosen than is offered"
        if not all(_is_among(each, choices) or _is_among(each, there) for each in value):
            return "not all of it is among what is offered"
        if len({repr(each) for each in value}) < len(value):
            return "something is chosen twice"
        most = getattr(model, "max_items", None)
        return (
            ""
            if most is None or len(value) <= max(most, len(there) - 1)
            else "more is chosen than 'max_items'"
        )

    return rule


def _is_among(value: Any, choices: Collection[Any]) -> bool:
    """Whether a browser could have chosen it: to a browser a tuple is a list, but ``True`` is not 1."""
    if isinstance(value, str) or type(value) is int:
        return value in choices  # What nearly all are; long lists of them are looked through fast.
    return any(same(value, each) for each in choices)


def _options(model: Any) -> list[Any]:
    options: Iterable[Any] = model.options
    if isinstance(options, dict):
        options = [each for group in options.values() for each in group]
    return [each[0] if isinstance(each, tuple | list) else each for each in options]


def _positions(model: Any) -> range:
    return range(len(model.labels))


def _position(model: Any, value: Any) -> str:
    return "" if value is None or _is_index(value, len(model.labels)) else "there is no such button"


def _tab(model: Any, value: Any) -> str:
    # When a tab is closed, those behind it move up in the same edit; behind the last one nothing is active.
    can_close = any(each.closable for each in model.tabs)
    if value == -1 and can_close:
        return ""
    if not _is_index(value, len(model.tabs)):
        return "there is no such tab"
    return "this tab is disabled" if model.tabs[value].disabled and not can_close else ""


def _tabs(model: Any, value: Any) -> str:
    """Tabs can be closed, and nothing else."""
    left = iter(value)
    expected = next(left, None)
    for tab in model.tabs:
        if tab is expected:
            expected = next(left, None)
        elif not tab.closable:
            return "a tab is missing that cannot be closed"
    return "" if expected is None else "these are other tabs, or in another order"


def _is_index(value: Any, length: int) -> bool:
    return type(value) is int and 0 <= value < length


def _indices(model: Any, value: Any) -> str:
    valid = isinstance(value, list) and all(type(each) is int and each >= 0 for each in value)
    return "" if valid else "these are not positions"


def _text(model: Any, value: Any) -> str:
    most = model.max_length
    return "" if most is None or len(value) <= most else "it is longer than 'max_length'"


def _completed(model: Any, value: Any) -> str:
    if model.restrict and value != "" and value not in _completions(model):
        return "it is not among the completions"
    return _text(model, value)


def _completions(model: Any) -> list[Any]:
    return list(model.completions)


def _number(model: Any, value: Any) -> str:
    if value is None:
        return ""
    if not math.isfinite(value):
        return "it is not finite"
    if model.mode == "int" and value != int(value):
        return "it is not a whole number"
    if (model.low is not None and value < model.low) or (model.high is not None and value > model.high):
        return "it is not between 'low' and 'high'"
    return ""


def _slid(step: Callable[[Any], float | None]) -> Callable[[Any, Any], str]:
    def rule(model: Any, value: Any) -> str:
        return _on_slider(model, value, step(model))

    return rule


def _slid_range(step: Callable[[Any], float | None]) -> Callable[[Any, Any], str]:
    def rule(model: Any, value: Any) -> str:
        low, high = value
        if not _milliseconds(low) <= _milliseconds(high):
            return "its ends are the wrong way round"
        # A handle that was not moved stays where Python has put it.
        there = model.value if _is_there(model, "value") else (None, None)
        moved = [each for each, old in zip((low, high), there, strict=True) if not same(each, old)]
        return next((found for each in moved if (found := _on_slider(model, each, step(model)))), "")

    return rule


def _on_slider(model: Any, value: Any, step: float | None) -> str:
    position, start, end = value, value_of(model, "start"), value_of(model, "end")
    if not (type(position) in _NUMBERS and type(start) in _NUMBERS and type(end) in _NUMBERS):
        position, start, end = _place(position), _place(start), _place(end)
    if start > end:
        start, end = end, start
    slack = _TOLERANCE * ((end - start) or 1.0)
    if not start - slack <= position <= end + slack:
        return "it is not between 'start' and 'end'"
    if step and abs(position - end) > slack:
        steps = (position - start) / step
        if abs(steps - round(steps)) * step > slack:
            return "it is not at a 'step'"
    return ""


def _place(value: Any) -> float:
    """Where a value is on a slider: numbers are where they are, and moments at their milliseconds."""
    place: float = value if type(value) in _NUMBERS else _milliseconds(value)
    return place


def _step(model: Any) -> float | None:
    return float(value_of(model, "step"))


def _any_step(model: Any) -> float | None:
    """Daylight saving and time zones make days that are not as long as others."""
    return None


def _moment(model: Any, value: Any) -> str:
    moments = [each for each in _flat(value) if each is not None]
    earliest, latest = model.min_date, model.max_date
    low = -math.inf if earliest is None else _milliseconds(earliest)
    high = math.inf if latest is None else _milliseconds(latest)
    if isinstance(latest, dt.date) and not isinstance(latest, dt.datetime):
        high += _A_DAY - 1
    if not all(low <= _milliseconds(each) <= high for each in moments):
        return "it is not between 'min_date' and 'max_date'"
    if model.enabled_dates is not None:
        # These alone count then.
        enabled = all(_is_on(each, model.enabled_dates) for each in moments)
        return "" if enabled else "it is not among 'enabled_dates'"
    disabled = any(_is_on(each, model.disabled_dates or ()) for each in moments)
    return "it is among 'disabled_dates'" if disabled else ""


def _is_on(moment: Any, days: Iterable[Any]) -> bool:
    """Whether a moment is on one of some days; pairs are the first and the last of several."""
    position = _milliseconds(moment)
    spans = [each if isinstance(each, tuple | list) else (each, each) for each in days]
    return any(_milliseconds(first) <= position < _milliseconds(last) + _A_DAY for first, last in spans)


def _time_of_day(model: Any, value: Any) -> str:
    if value is None:
        return ""
    moment = _clock(value)
    low, high = model.min_time, model.max_time
    too_early = low is not None and moment < _clock(low)
    too_late = high is not None and moment > _clock(high)
    return "it is not between 'min_time' and 'max_time'" if too_early or too_late else ""


def _clock(value: Any) -> float:
    """Milliseconds since midnight."""
    if isinstance(value, str):
        value = dt.time.fromisoformat(value)
    if isinstance(value, dt.time):
        seconds = value.hour * 3600 + value.minute * 60 + value.second + value.microsecond / 1e6
        return seconds * _MILLISECONDS
    return float(value)


def _flat(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _milliseconds(value: Any) -> float:
    """Any of the ways in which Bokeh and BokehJS write a moment, as browsers are sent it; or a number."""
    if isinstance(value, str):
        value = dt.datetime.fromisoformat(value)
    if isinstance(value, dt.date | np.datetime64):
        return float(convert_datetime_type(value))
    return float(value)


def _bound(model: Any, value: Any) -> str:
    """BokehJS does not let a person pan beyond the bounds of a range."""
    if not isinstance(value, int | float) or not math.isfinite(value):
        return "it is not finite"
    bounds = getattr(model, "bounds", None)
    if not isinstance(bounds, tuple):
        return ""
    low, high = (None if each is None else _milliseconds(each) for each in bounds)
    slack = _TOLERANCE * max(abs(each) for each in (low or 0.0, high or 0.0, 1.0))
    inside = (low is None or value >= low - slack) and (high is None or value <= high + slack)
    return "" if inside else "it is beyond the 'bounds'"


def _finite(model: Any, value: Any) -> str:
    return "" if isinstance(value, int | float) and math.isfinite(value) else "it is not finite"


def _followed(model: Any, value: Any) -> str:
    """Where there is nothing to follow, such as in a plot that was emptied, BokehJS puts NaN."""
    return "" if isinstance(value, float) and math.isnan(value) else _finite(model, value)


def _tool(model: Any, value: Any) -> str:
    chosen = value if isinstance(value, list) else [value]
    there = [*model.tools, *(tool for each in model.tools for tool in getattr(each, "tools", ()))]
    valid = all(not isinstance(each, Model) or each in there for each in chosen)
    return "" if valid else "it is not a tool of this toolbar"


def _checkable(model: Any, value: Any) -> str:
    return "" if model.checkable else "it is not 'checkable'"


def _menu_item(model: Any, details: Mapping[str, Any]) -> str:
    # A pair is what the menu shows and what is told. Whatever is not a text is done in the browser.
    told = [each[1] if isinstance(each, tuple | list) else each for each in model.menu]
    item = details.get("item")
    return "" if isinstance(item, str) and item in told else "it is not in the menu"


def _legend_item(model: Any, details: Mapping[str, Any]) -> str:
    item = details.get("item")
    return "" if any(each is item for each in model.items) else "it is not an item of this legend"


def _submitted(model: Any, details: Mapping[str, Any]) -> str:
    value = details.get("value")
    return _text(model, value) if isinstance(value, str) else "it is not a text"


_EVENT_RULES: dict[tuple[str, str], Callable[[Any, Mapping[str, Any]], str]] = {
    ("Dropdown", "menu_item_click"): _menu_item,
    ("Legend", "legend_item_click"): _legend_item,
    ("TextInput", "value_submit"): _submitted,
}

_RULES: dict[tuple[str, str], Callable[[Any, Any], str]] = {
    ("Select", "value"): _one_of(_options),
    ("MultiSelect", "value"): _some_of("value", _options),
    ("MultiChoice", "value"): _some_of("value", _options),
    ("PaletteSelect", "value"): _one_of(lambda model: [each[0] for each in model.items]),
    ("RadioGroup", "active"): _position,
    ("RadioButtonGroup", "active"): _position,
    ("CheckboxGroup", "active"): _some_of("active", _positions),
    ("CheckboxButtonGroup", "active"): _some_of("active", _positions),
    ("Tabs", "active"): _tab,
    ("Tabs", "tabs"): _tabs,
    ("AutocompleteInput", "value"): _completed,
    ("TextLikeInput", "value"): _text,
    ("TextLikeInput", "value_input"): _text,
    ("NumericInput", "value"): _number,
    ("Spinner", "value_throttled"): _number,
    ("CategoricalSlider", "value"): _one_of(lambda model: list(model.categories)),
    ("CategoricalSlider", "value_throttled"): _one_of(lambda model: list(model.categories)),
    ("Slider", "value"): _slid(_step),
    ("Slider", "value_throttled"): _slid(_step),
    ("RangeSlider", "value"): _slid_range(_step),
    ("RangeSlider", "value_throttled"): _slid_range(_step),
    ("DateSlider", "value"): _slid(_any_step),
    ("DateSlider", "value_throttled"): _slid(_any_step),
    ("DateRangeSlider", "value"): _slid_range(_any_step),
    ("DateRangeSlider", "value_throttled"): _slid_range(_any_step),
    ("DatetimeRangeSlider", "value"): _slid_range(_any_step),
    ("DatetimeRangeSlider", "value_throttled"): _slid_range(_any_step),
    ("DatePicker", "value"): _moment,
    ("DateRangePicker", "value"): _moment,
    ("MultipleDatePicker", "value"): _moment,
    ("DatetimePicker", "value"): _moment,
    ("DatetimeRangePicker", "value"): _moment,
    ("MultipleDatetimePicker", "value"): _moment,
    ("TimePicker", "value"): _time_of_day,
    ("Selection", "indices"): _indices,
    ("Selection", "line_indices"): _indices,
    ("Range1d", "start"): _bound,
    ("Range1d", "end"): _bound,
    # Where it follows its data, BokehJS puts its ends beyond the bounds.
    ("DataRange1d", "start"): _followed,
    ("DataRange1d", "end"): _followed,
    ("FactorRange", "start"): _finite,
    ("FactorRange", "end"): _finite,
    ("Toolbar", "active_drag"): _tool,
    ("Toolbar", "active_inspect"): _tool,
    ("Toolbar", "active_multi"): _tool,
    ("Toolbar", "active_scroll"): _tool,
    ("Toolbar", "active_tap"): _tool,
    ("GroupBox", "disabled"): _checkable,
}
