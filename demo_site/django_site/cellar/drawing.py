"""How the tanks look: as numbers, as a picture, as a list."""

from bokeh.models import ColumnDataSource, DataTable, Div, HoverTool, NumberFormatter, TableColumn
from bokeh.plotting import figure
from bokeh.transform import factor_cmap
from django.utils.html import format_html, format_html_join

from .models import Stage

COLORS = {
    Stage.FERMENTING: "#d98032",
    Stage.MATURING: "#7d6ba8",
    Stage.READY: "#5c9a62",
    Stage.CLEANING: "#9fb0b8",
}
SUMS = """
.bk-clearfix { display: block !important }
.sums { display: grid; grid-template-columns: repeat(auto-fit, minmax(130px, 1fr)); gap: 12px }
.sums > div { border-left: 4px solid; padding-left: 10px; line-height: 1.4 }
.sums span { color: #26323a; display: block }
.sums b { font-size: 18px }
"""


def show_sums() -> Div:
    """Make the place for what `describe` says."""
    return Div(name="sums", sizing_mode="stretch_width", margin=(5, 5, 15, 5), stylesheets=[SUMS])


def describe(tanks: dict[str, list]) -> str:
    """Sum up each stage, beside the color that the stage has in the picture."""
    sums = []
    for stage, color in COLORS.items():
        litres = [each for each, its in zip(tanks["litres"], tanks["stage"], strict=True) if its == stage]
        count = f"{len(litres)} tank" if len(litres) == 1 else f"{len(litres)} tanks"
        amount = "–" if stage == Stage.CLEANING else f"{sum(litres):,} litres"
        sums.append((color, stage, amount, count))
    tile = '<div style="border-color: {}"><span>{}</span><span><b>{}</b></span><span>{}</span></div>'
    return format_html('<div class="sums">{}</div>', format_html_join("", tile, sums))


def draw_tanks(tanks: ColumnDataSource) -> figure:
    """Draw each tank as high as it is large, filled as far as it is full."""
    plot = figure(
        height=280,
        sizing_mode="stretch_width",
        x_range=list(tanks.data["name"]),
        tools="tap",
        toolbar_location=None,
    )
    look = {"x": "name", "width": 0.7, "source": tanks, "border_radius": 4}
    tank = plot.vbar(top="capacity", fill_color="#eef1f3", line_color="#c3ced4", **look)
    fill = factor_cmap("stage", list(COLORS.values()), list(COLORS))
    beer = plot.vbar(top="litres", fill_color=fill, line_color=None, **look)
    for each in (tank, beer):
        each.nonselection_glyph = None
    tank.selection_glyph = tank.glyph.clone(line_color="#26323a", line_width=2)
    beer.selection_glyph = None
    plot.add_tools(
        HoverTool(
            renderers=[tank],
            tooltips=[
                ("", "@beer"),
                ("", "@stage, @temperature{0.0} °C"),
                ("", "@litres{0,0} of @capacity{0,0} litres"),
            ],
        )
    )
    plot.y_range.start = 0
    plot.y_range.range_padding = 0.06
    plot.yaxis.axis_label = "Litres"
    plot.outline_line_color = None
    plot.xgrid.grid_line_color = None
    return plot


def list_tanks(tanks: ColumnDataSource) -> DataTable:
    """List the tanks; choosing a row chooses the tank."""
    columns = [
        TableColumn(field="name", title="Tank", width=60),
        TableColumn(field="beer", title="Beer", width=130),
        TableColumn(field="stage", title="Stage", width=100),
        TableColumn(
            field="litres",
            title="Litres",
            width=70,
            formatter=NumberFormatter(format="0,0", text_align="right"),
        ),
        TableColumn(
            field="temperature",
            title="°C",
            width=50,
            formatter=NumberFormatter(format="0.0", text_align="right"),
        ),
    ]
    return DataTable(
        source=tanks,
        columns=columns,
        name="list",
        index_position=None,
        reorderable=False,
        autosize_mode="force_fit",
        sizing_mode="stretch_width",
        height=250,
    )
