"""The table of tanks."""

import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):
    """Makes the table."""

    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Tank",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=12, unique=True)),
                ("beer", models.CharField(blank=True, max_length=40)),
                (
                    "stage",
                    models.CharField(
                        choices=[
                            ("Fermenting", "Fermenting"),
                            ("Maturing", "Maturing"),
                            ("Ready", "Ready"),
                            ("Cleaning", "Cleaning"),
                        ],
                        default="Cleaning",
                        max_length=12,
                    ),
                ),
                (
                    "capacity",
                    models.PositiveIntegerField(
                        default=1000,
                        validators=[
                            django.core.validators.MinValueValidator(100),
                            django.core.validators.MaxValueValidator(3000),
                        ],
                        verbose_name="capacity in litres",
                    ),
                ),
                ("litres", models.PositiveIntegerField(default=0)),
                (
                    "temperature",
                    models.FloatField(
                        default=12,
                        validators=[
                            django.core.validators.MinValueValidator(-2),
                            django.core.validators.MaxValueValidator(30),
                        ],
                        verbose_name="temperature in °C",
                    ),
                ),
            ],
            options={
                "ordering": ("name",),
            },
        ),
    ]
