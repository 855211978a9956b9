"""Apps with doors, for the servers that are attacked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bokeh.document import Document
from bokeh.models import Column, TextInput

from embedsync.request import Request

FOLDER = Path(__file__).parent / "folder_app"


def is_logged_in(request: Request) -> bool:
    return request.user_key != ""


def private(doc: Document) -> None:
    """Shows whose it is, and keeps what they write."""
    user = doc.session_context.request.user
    report = TextInput(name="report", value=f"this is of {user}")
    doc.add_root(Column(report, TextInput(name="note", value="")))


def all_apps() -> dict[str, tuple[Any, dict[str, Any]]]:
    return {
        "private": (private, {}),
        "members": (private, {"permission": is_logged_in, "script_tag": True}),
        "folder": (FOLDER, {"permission": is_logged_in, "script_tag": True}),
    }
