"""`manage.py prepare_demo`: makes the tables, and puts in what the demonstration begins with."""

from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand

from demo_site.django_site.cellar.models import Stage, Tank
from demo_site.django_site.people import add_people

TANKS = (
    ("T1", "Pale Ale", Stage.FERMENTING, 1000, 920, 18.5),
    ("T2", "Pilsner", Stage.FERMENTING, 2000, 1850, 11.0),
    ("T3", "Wheat", Stage.FERMENTING, 1000, 880, 20.0),
    ("T4", "Stout", Stage.MATURING, 1000, 760, 8.0),
    ("T5", "Pilsner", Stage.MATURING, 2000, 1700, 1.5),
    ("T6", "Amber Ale", Stage.READY, 1500, 1240, 3.0),
    ("T7", "Saison", Stage.READY, 800, 310, 4.5),
    ("T8", "", Stage.CLEANING, 1500, 0, 15.0),
)


class Command(BaseCommand):
    """Leaves alone what is there already, so that it can be run before each start."""

    help = "Makes the tables of the demonstration, and puts in its tanks and the people who can log in."
    requires_system_checks: list[str] = []  # noqa: RUF012  (as Django declares it)

    def handle(self, *_arguments: Any, **_options: Any) -> None:
        """Do it."""
        call_command("migrate", interactive=False, verbosity=0)
        add_people()
        if not Tank.objects.exists():
            add_tanks()


def add_tanks() -> None:
    """Fill the cellar."""
    for name, beer, stage, capacity, litres, temperature in TANKS:
        Tank.objects.create(
            name=name, beer=beer, stage=stage, capacity=capacity, litres=litres, temperature=temperature
        )
