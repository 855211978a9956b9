"""Pages that an app draws itself: by ``doc.template``, as under ``bokeh serve``.

The template finds what it finds there. Only what it places is ours: each root is an element that shows the
root at its position, which also holds for another build of the document, in which ids would be others.
"""

from __future__ import annotations

from html import escape
from typing import Any

from embedsync.document import PageParts
from embedsync.documents.bokeh.private import Document, RenderItem, templates
from embedsync.documents.bokeh.resources import needed_scripts

__all__ = ["draw_page", "has_own_page"]

_MACROS = "{% macro embed(obj) %}{{ show(obj) }}{% endmacro %}"


def has_own_page(document: Document) -> bool:
    """Whether an app has given its document a template, other than the one that all have."""
    return document.template is not templates.FILE


def draw_page(document: Document, parts: PageParts) -> str:
    """Fill the template of a document."""
    item = RenderItem(token="-", roots=document.roots, use_for_title=True)  # noqa: S106
    show = _Placing(item, parts)
    macros = templates.get_env().from_string(_MACROS, globals={"show": show})
    scripts = needed_scripts(document.models)
    context: dict[str, Any] = {
        **document.template_variables,
        "title": document.title,
        "bokeh_css": "",
        "bokeh_js": "\n".join(parts.script(each) for each in scripts),
        "plot_script": f"{parts.rest(len(document.roots))}\n{parts.runtime}",
        "plot_div": "\n".join(show(each) for each in item.roots),
        "docs": [item],
        "doc": item,
        "roots": item.roots,
        "base": templates.FILE,
        "macros": macros,
    }
    return str(_template(document.template).render(context))


class _Placing:
    """Makes the markup for a root."""

    def __init__(self, item: RenderItem, parts: PageParts) -> None:
        self._positions = {root.id: position for position, root in enumerate(item.roots)}
        self._parts = parts

    def __call__(self, root: Any) -> str:
        shown = self._parts.root(self._positions[root.id])
        element, model = escape(str(root.elementid)), escape(str(root.id))
        return f'<div id="{element}" data-root-id="{model}" style="display: contents;">{shown}</div>'


def _template(given: Any) -> Any:
    """A template; text stands for blocks of Bokeh's own page, as it does there."""
    if isinstance(given, str):
        return templates.get_env().from_string("{% extends base %}\n" + given)
    return given
