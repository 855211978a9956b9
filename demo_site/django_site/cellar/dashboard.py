"""A live dashboard over the table of tanks. What is changed in it is saved by the ORM."""

from bokeh.document import Document
from bokeh.layouts import column, row
from bokeh.models import ColumnDataSource, Div, Select, Slider, Spinner, TextInput
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F

from demo_site.django_site.tables import redraw

from .drawing import describe, draw_tanks, list_tanks, show_sums
from .models import Stage, Tank

FIELDS = ("id", "name", "beer", "stage", "litres", "capacity", "temperature")


def dashboard(doc: Document) -> None:
    """Fill the document of one visitor."""
    user = doc.session_context.request.user
    doc.add_root(Dashboard(may_change=user.has_perm("cellar.change_tank")).layout)
    doc.title = "Cellar"


def show_tanks(doc: Document) -> None:
    """Bring a dashboard up to date: all that it shows follows this source."""
    doc.get_model_by_name("tanks").data = read_tanks()


def read_tanks() -> dict[str, list]:
    """Read the whole table, as columns."""
    rows = list(Tank.objects.values(*FIELDS))
    return {field: [each[field] for each in rows] for field in FIELDS}


def save_tank(tank_id: int, field: str, value: object) -> None:
    """Change one field of a tank.

    Raises:
        ValidationError: the model does not allow it.
        Tank.DoesNotExist: somebody has deleted the tank.
    """
    with transaction.atomic():
        # A write that changes nothing locks the row, also in SQLite, which has no SELECT … FOR UPDATE.
        Tank.objects.filter(pk=tank_id).update(name=F("name"))
        tank = Tank.objects.get(pk=tank_id)
        setattr(tank, field, value)
        tank.full_clean()
        tank.save(update_fields=[field])


class Dashboard:
    """The tanks as sums, as a picture and as a list, and a form for the one that is chosen."""

    def __init__(self, may_change: bool) -> None:
        self.may_change = may_change
        self.tanks = ColumnDataSource(read_tanks(), name="tanks")
        self.chosen = next(iter(self.tanks.data["id"]), None)
        self.sums = show_sums()
        self.plot = draw_tanks(self.tanks)
        self.heading = Div(name="heading", sizing_mode="stretch_width")
        self.form = make_form()
        self.message = Div(name="message", sizing_mode="stretch_width")
        self.list = list_tanks(self.tanks)
        self.layout = column(
            self.sums,
            self.plot,
            self.heading,
            row(*self.form.values(), sizing_mode="stretch_width", styles={"flex-wrap": "wrap", "gap": "8px"}),
            self.message,
            self.list,
            sizing_mode="stretch_width",
        )
        self.follow_table()
        self.tanks.on_change("data", lambda _name, _old, _new: self.follow_table())
        self.tanks.selected.on_change("indices", lambda _name, _old, new: self.choose(new))
        for field, widget in self.form.items():
            # A slider that is dragged is saved once, where it is let go.
            attribute = "value_throttled" if field == "litres" else "value"
            widget.on_change(attribute, lambda _name, _old, new, field=field: self.save(field, new))

    def follow_table(self) -> None:
        """Show the table as it is now. The choice is kept, though its row may have moved."""
        tanks = self.tanks.data
        self.plot.x_range.factors = list(tanks["name"])
        self.sums.text = describe(tanks)
        redraw(self.list)
        ids = list(tanks["id"])
        if self.chosen not in ids:
            self.chosen = None
        self.tanks.selected.indices = [] if self.chosen is None else [ids.index(self.chosen)]
        self.show_choice()

    def choose(self, indices: list[int]) -> None:
        """Take the row that was chosen into the form."""
        ids = list(self.tanks.data["id"])
        chosen = ids[indices[0]] if indices and indices[0] < len(ids) else None
        if chosen != self.chosen:
            self.chosen = chosen
            self.message.text = ""
            self.show_choice()

    def show_choice(self) -> None:
        """Let the form show the tank that is chosen, as it is in the table."""
        tank = self.read_choice()
        for widget in self.form.values():
            widget.disabled = tank is None or not self.may_change
        if tank is None:
            self.heading.text = "Choose a tank in the picture or in the list."
            return
        self.heading.text = f"Tank <b>{tank['name']}</b>, {tank['capacity']:,} litres"
        self.form["litres"].end = tank["capacity"]
        for field, widget in self.form.items():
            widget.value = tank[field]

    def read_choice(self) -> dict[str, object] | None:
        """Return the row of the tank that is chosen."""
        ids = list(self.tanks.data["id"])
        if self.chosen not in ids:
            return None
        index = ids.index(self.chosen)
        return {field: self.tanks.data[field][index] for field in FIELDS}

    def save(self, field: str, value: object) -> None:
        """Save what the visitor has changed in the form, or say why not."""
        tank = self.read_choice()
        if tank is None or tank[field] == value:
            return  # It was not the visitor: the form has followed the table.
        try:
            if not self.may_change:
                raise ValidationError("Only those who are logged in can change tanks.")
            save_tank(self.chosen, field, value)
        except ValidationError as error:
            self.message.text = " ".join(error.messages)
            self.show_choice()
        except Tank.DoesNotExist:
            self.message.text = f"{tank['name']} has been deleted meanwhile."
        else:
            self.message.text = "Saved."


def make_form() -> dict[str, TextInput | Select | Slider | Spinner]:
    """Make an input for each field that can be changed here."""
    flexible = {"sizing_mode": "stretch_width", "styles": {"flex": "1 1 150px"}}
    return {
        "beer": TextInput(title="Beer", name="beer", **flexible),
        "stage": Select(title="Stage", options=list(Stage.values), name="stage", **flexible),
        "temperature": Spinner(title="Degrees", mode="float", step=0.5, name="temperature", **flexible),
        "litres": Slider(
            title="Litres", start=0, end=1, step=10, bar_color="#8fb8cc", name="litres", **flexible
        ),
    }
