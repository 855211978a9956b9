"""Apps that go wrong, beside those of the faults."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bokeh.document import Document
from bokeh.models import Slider

from embedsync.request import Request
from tests.faults.apps import all_apps as faulty_apps

SECRET = "what only the log may know"


def broken(doc: Document) -> None:
    raise LookupError(SECRET)


def working(doc: Document) -> None:
    doc.add_root(Slider(name="amount", start=0, end=1, value=0))


def doubtful(request: Request) -> bool:
    raise LookupError(SECRET)


def all_apps() -> dict[str, tuple[Callable[[Document], Any], dict[str, Any]]]:
    return {
        **faulty_apps(),
        "broken": (broken, {"script_tag": True}),
        "doubtful": (working, {"permission": doubtful, "script_tag": True}),
    }
