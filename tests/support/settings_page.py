"""Writes docs/settings.md from embedsync/settings.py: ``python -m tests.support.settings_page``."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

from embedsync.settings import Settings

__all__ = ["PAGE", "render"]

PAGE = Path(__file__).parents[2] / "docs" / "settings.md"

_CHAPTERS = {
    "debug": "Who may do what",
    "heartbeat": "Sockets, and how long they may be silent",
    "message_bytes": "What a browser may send",
    "stock_clients": "Clients of Bokeh's own protocol",
    "queue_bytes": "What waits for a browser, and what a session keeps",
    "mailbox_limit": "App code and its threads",
    "grace": "Sessions and sockets",
    "log_lines": "The log",
    "ticket_age": "Tickets and logins",
    "stop_timeout": "The end of a process",
}
"""The first setting of each chapter. Settings are told in the order in which they stand in the module."""

_INTRODUCTION = """\
# Settings

Each bound, wait and switch of the engine, with its default. They are written

- in Flask as keys of the app's configuration, before the first request:
  `app.config["EMBEDSYNC_GRACE"] = 600`;
- in Django as entries of a dictionary in its settings: `EMBEDSYNC = {"GRACE": 600}`. It has two entries of
  its own: `"URL"`, the path below which everything of ours is (`"live"`), and `"APPS"`, a dictionary of
  apps by name;
- in ASGI sites as `Hub(key, Settings(grace=600))`, with `Settings` from `embedsync.settings`;
- for `embedsync serve` as the options of [the command line](command-line.md), for those that have one.

A name that does not exist, and a value of the wrong type or not above 0, is an error that names the setting:
when the site starts, in Flask when a page first needs its live apps.

Some defaults are others where more is known. `debug` is that of the Flask app, or Django's `DEBUG`. In Django
`allowed_origins` includes `CSRF_TRUSTED_ORIGINS`, and `message_bytes` is what daphne takes (1 MiB by itself).
In Flask `sockets` leaves half of the files that the process may open for others; under `gunicorn -c
python:embedsync_flask.gunicorn` with TLS of its own, an eighth of the threads. Under `embedsync serve`,
`authority` is `"compat"`, `cookies_without_origin` is on with it, and so are `tune_interpreter`,
`stock_clients` and, unless sessions are signed, `stock_unsigned`.

This page is written by `python -m tests.support.settings_page` from
[`embedsync/settings.py`](../embedsync/settings.py); a test keeps it true.
"""

_HEADS = "| setting | default | unit | what it does |\n|---|---|---|---|\n"
_RATES = ("socket_lines", "audit_lines")
_SPANS = ((86400, "days"), (3600, "hours"), (60, "minutes"))


def render() -> str:
    """The text of the page.

    Raises:
        KeyError: a setting has no words below it that say what it does.
    """
    return _INTRODUCTION + "".join(_lines())


def _lines() -> Iterator[str]:
    meanings = _meanings()
    for each in fields(Settings):
        if each.name in _CHAPTERS:
            yield f"\n## {_CHAPTERS[each.name]}\n\n{_HEADS}"
        unit = _unit(each.name, str(each.type))
        yield f"| `{each.name}` | {_default(each.default, unit)} | {unit} | {meanings[each.name]} |\n"


def _meanings() -> dict[str, str]:
    """What stands below each setting in the module, on one line, as Markdown."""
    [settings] = ast.parse(inspect.getsource(Settings)).body
    assert isinstance(settings, ast.ClassDef)
    found = {}
    for field, meaning in zip(settings.body, settings.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(meaning, ast.Expr):
            assert isinstance(field.target, ast.Name)
            assert isinstance(meaning.value, ast.Constant)
            text = " ".join(str(meaning.value.value).split())
            found[field.target.id] = text.replace("``", "`").replace("|", r"\|")
    return found


def _unit(name: str, kind: str) -> str:
    if name == "slowest_link":
        return "bytes a second"
    if "_bytes" in name:
        return "bytes"
    if name.endswith("_per_second") or name in _RATES:
        return "a second"
    if kind.startswith("float"):
        return "seconds"
    return "number" if kind.startswith("int") else ""


def _default(value: Any, unit: str) -> str:
    """A default as it would be written, with what it is in larger units."""
    if value == ():
        return "none"
    if isinstance(value, str):
        return f'`"{value}"`'
    written = f"`{int(value)}`" if isinstance(value, float) and value.is_integer() else f"`{value}`"
    return written + _in_words(value, unit)


def _in_words(value: Any, unit: str) -> str:
    if value is None:
        return ""
    if unit.startswith("bytes"):
        mebibytes, rest = divmod(value, 1024 * 1024)
        return f" ({mebibytes} MiB)" if rest == 0 else f" ({value // 1024} KiB)"
    if unit == "seconds":
        for span, words in _SPANS:
            if value > span and value % span == 0:
                return f" ({value / span:.0f} {words})"
    return ""


if __name__ == "__main__":
    PAGE.write_text(render())
