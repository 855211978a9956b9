"""A live app for staff: which live apps are open on this site now, and by whom."""

from collections import Counter

from bokeh.document import Document
from bokeh.layouts import column
from bokeh.models import ColumnDataSource, DataTable, Div, TableColumn

from embedsync_django import embed

from .tables import redraw

COLUMNS = {"app": "App", "person": "Person", "windows": "Windows"}


def visitors(doc: Document) -> None:
    """List them, and look again each second."""
    source = ColumnDataSource({name: [] for name in COLUMNS}, name="visitors")
    total = Div(name="total", sizing_mode="stretch_width")

    table = DataTable(
        source=source,
        columns=[TableColumn(field=name, title=title, sortable=False) for name, title in COLUMNS.items()],
        index_position=None,
        selectable=False,
        reorderable=False,
        autosize_mode="force_fit",
        sizing_mode="stretch_width",
        height=300,
    )

    def look() -> None:
        found = count_windows()
        if found == source.data:
            return
        source.data = found
        redraw(table)
        count = sum(found["windows"])
        total.text = f"<b>{count}</b> {'app is' if count == 1 else 'apps are'} open."

    look()
    doc.add_periodic_callback(look, 1000)
    doc.add_root(column(total, table, sizing_mode="stretch_width"))


def count_windows() -> dict[str, list]:
    """Count the windows that are open, by app and person."""
    counts: Counter[tuple[str, str]] = Counter()
    for live in embed.hub.sessions:
        user = live.info.request.user
        person = user.get_full_name() if user.is_authenticated else "a stranger"
        counts[live.app.title, person] += live.viewers
    rows = [(app, person, count) for (app, person), count in sorted(counts.items()) if count]
    return {name: [row[index] for row in rows] for index, name in enumerate(COLUMNS)}
