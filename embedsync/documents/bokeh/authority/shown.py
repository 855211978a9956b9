"""What is open to a person because something else in the document opens it.

A legend that hides what it names, a tool that edits the data of its renderers, an annotation that can be
dragged, a button that sets a value.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bokeh.model import Model
from bokeh.models.annotations import BoxAnnotation, Label, Legend, LegendItem, PolyAnnotation, Span
from bokeh.models.callbacks import SetValue, ToggleVisibility
from bokeh.models.renderers import GlyphRenderer, Renderer, RendererGroup
from bokeh.models.tools import EditTool, Tool
from bokeh.models.widgets.tables import CellEditor, DataCube, DataTable

from embedsync.authority import granted
from embedsync.documents.bokeh.authority.panel import is_tabulator, open_in_tabulator
from embedsync.documents.bokeh.values import same

__all__ = ["columns_open", "is_drawn", "is_open"]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_OVERLAID: dict[type[Any], frozenset[str]] = {
    BoxAnnotation: _words("left right top bottom visible resizable movable symmetric"),
    PolyAnnotation: _words("xs ys visible"),
}
_DRAGGED: dict[type[Any], frozenset[str]] = {
    BoxAnnotation: _words("left right top bottom"),
    PolyAnnotation: _words("xs ys"),
    Span: _words("location"),
    Label: _words("x y angle"),
}
_POLICIES = {"hide": "visible", "mute": "muted"}
_RENDERERS = ("renderers", "vertex_renderer", "intersection_renderer")


def is_open(model: Any, attribute: str, value: Any) -> bool:
    """Whether something shown lets a person give this property this value."""
    return (
        _is_dragged(model, attribute)
        or _is_overlay(model, attribute)
        or _is_in_legend(model, attribute, value)
        or _is_set_by_callback(model, attribute, value)
        or _is_in_group(model, attribute, value)
    )


def columns_open(source: Any) -> set[str]:
    """Names of the columns of a data source that tools or tables let a person edit."""
    found: set[str] = set(source.data) if is_drawn(source) else set()
    for each in _others(source):
        if isinstance(each, DataTable) and each.source is source and each.editable and not each.disabled:
            found.update(_fields_open(each))
        elif is_tabulator(each):
            found.update(open_in_tabulator(each, source))
    return found


def _fields_open(table: DataTable) -> Iterator[str]:
    """Fields of the columns that are shown, and have an editor: the plain one has nothing to type into."""
    for column in table.columns:
        is_shown = column.visible or isinstance(table, DataCube)  # A cube shows them all.
        if is_shown and type(column.editor) is not CellEditor:
            yield column.field


def is_drawn(source: Any) -> bool:
    """Whether a tool lets a person add rows to a data source, change them all, and take them away."""
    return any(isinstance(each, EditTool) and source in _edited(each) for each in _others(source))


def _others(model: Any) -> Iterator[Model]:
    document = model.document
    if document is not None:
        yield from document.models


def _is_dragged(model: Any, attribute: str) -> bool:
    return any(
        isinstance(model, each) and attribute in names and getattr(model, "editable", False)
        for each, names in _DRAGGED.items()
    )


def _is_overlay(model: Any, attribute: str) -> bool:
    if not any(isinstance(model, each) and attribute in names for each, names in _OVERLAID.items()):
        return False
    return any(isinstance(each, Tool) and getattr(each, "overlay", None) is model for each in _others(model))


def _is_in_legend(model: Any, attribute: str, value: Any) -> bool:
    if attribute not in _POLICIES.values() or not isinstance(model, Renderer) or not isinstance(value, bool):
        return False
    return any(
        isinstance(each, Legend)
        and _POLICIES.get(each.click_policy) == attribute
        and any(isinstance(item, LegendItem) and model in item.renderers for item in each.items)
        for each in _others(model)
    )


def _is_set_by_callback(model: Any, attribute: str, value: Any) -> bool:
    """What Python has written down for the page to do, with the value."""
    for each in _others(model):
        if isinstance(each, SetValue) and each.obj is model and each.attr == attribute:
            if same(value, each.value):
                return True
        elif isinstance(each, ToggleVisibility) and each.target is model and attribute == "visible":
            return isinstance(value, bool)
    return False


def _is_in_group(model: Any, attribute: str, value: Any) -> bool:
    """A browser shows and hides the renderers of a group when its group changes, whoever has changed it."""
    if attribute != "visible" or not isinstance(model, Renderer):
        return False
    group = getattr(model, "group", None)
    if not isinstance(group, RendererGroup):
        return False
    if group.visible is value or is_open(group, attribute, value):
        return True
    grant = granted(group, attribute)
    return isinstance(value, bool) and (grant is True or (grant is not False and grant(value) is True))


def _edited(tool: Any) -> list[Any]:
    renderers: list[Any] = []
    for name in _RENDERERS:
        found = getattr(tool, name, None)
        renderers.extend(found if isinstance(found, list) else [found])
    return [each.data_source for each in renderers if isinstance(each, GlyphRenderer)]
