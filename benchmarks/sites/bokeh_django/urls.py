"""A page for each app; bokeh-django looks for them here."""

from pathlib import Path
from typing import Any

from bokeh_django import document

APPS = Path(__file__).parents[2] / "apps"

urlpatterns: list[Any] = []
bokeh_apps = [document(path.stem, path) for path in sorted(APPS.glob("[!_]*.py"))]
