"""What tables of live apps need."""

from bokeh.models.widgets import DataTable


def redraw(table: DataTable) -> None:
    """Let a table show values that have changed.

    BokehJS 3.9 redraws it only when rows come or go, or when its view changes in some way.
    """
    table.view.tags = [] if table.view.tags else ["changed"]
