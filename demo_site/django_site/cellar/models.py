"""The table of tanks."""

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models


class Stage(models.TextChoices):
    """What happens in a tank."""

    FERMENTING = "Fermenting"
    MATURING = "Maturing"
    READY = "Ready"
    CLEANING = "Cleaning"


class Tank(models.Model):
    """A tank and what is in it."""

    name = models.CharField(max_length=12, unique=True)
    beer = models.CharField(max_length=40, blank=True)
    stage = models.CharField(max_length=12, choices=Stage.choices, default=Stage.CLEANING)
    capacity = models.PositiveIntegerField(
        "capacity in litres", default=1000, validators=[MinValueValidator(100), MaxValueValidator(3000)]
    )
    litres = models.PositiveIntegerField(default=0)
    temperature = models.FloatField(
        "temperature in °C", default=12, validators=[MinValueValidator(-2), MaxValueValidator(30)]
    )

    class Meta:
        """Tanks are listed by name."""

        ordering = ("name",)

    def __str__(self) -> str:
        return f"{self.name}, {self.beer}" if self.beer else self.name

    def clean(self) -> None:
        """Refuse what cannot be."""
        litres, capacity = self.litres or 0, self.capacity or 0
        if litres > capacity:
            raise ValidationError({"litres": f"{self.name} holds {capacity} litres at the most."})
        if self.stage == Stage.CLEANING and litres:
            raise ValidationError({"stage": f"{self.name} has to be empty while it is cleaned."})
