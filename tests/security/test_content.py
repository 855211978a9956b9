"""S22 and S29: what strangers write is text, in tags and in the log."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest
from flask import Flask, render_template_string

from embedsync import wire
from embedsync.hub import Hub
from embedsync.request import Request
from embedsync.settings import Settings
from embedsync_flask import EmbedSync
from tests.security.payloads import MARKUP
from tests.support.memory import MemoryBrowser, ToyRecipe, change

CONTROL = [
    "\r\nWARNING forged line", "\n2026-01-01 INFO root logged in", "\x1b[2J\x1b[31mred", "\x1b]0;title\x07",
    "\x00", "\x07", "\x7f", "\x85next", "\u2028line", "\u2029paragraph", "\u202eevil", "\x9b31m", "\ud800",
    "x" * 5_000,
]  # fmt: skip
VISIBLE = re.compile(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\ud800-\udfff]*")


class Seen(HTMLParser):
    """Elements and attributes as a browser would see them."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.attributes += attrs


@pytest.mark.parametrize("payload", MARKUP)
def test_s22_what_is_given_to_a_tag_never_becomes_markup(payload: str) -> None:
    app = Flask(__name__)
    app.config["SECRET_KEY"] = "for tests only"
    EmbedSync(app).add_app("toy", ToyRecipe())
    template = "{{ embed_app('toy', root=given, height=given, class_=given, argument=given) }}"
    with app.test_request_context():
        page = render_template_string(template, given=payload)
    seen = Seen()
    seen.feed(page)
    assert set(seen.elements) == {"embed-app", "script"}
    assert {name for name, _ in seen.attributes} <= {
        "app", "ticket", "endpoint", "root", "height", "class", "type", "src"
    }  # fmt: skip
    given = dict(seen.attributes)
    assert given["root"] == payload
    # What an app's arguments hold is in the signed ticket only, as letters and digits.
    assert re.fullmatch(r"[\w.\-]+", str(given["ticket"]))
    scripts = re.findall(r"<script[^>]*>([^<]*)</script>", page)
    assert scripts == [""], "nothing is inline"


@pytest.fixture
def hub() -> Iterator[Hub]:
    made = Hub("key", Settings(stock_clients=True))
    made.add_app("toy", ToyRecipe())
    yield made
    made.stop()


@pytest.mark.parametrize("payload", CONTROL)
def test_s29_what_strangers_write_stays_on_one_short_line_of_the_log(
    hub: Hub, payload: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Uvicorn CVE-2020-7694, flask-cors CVE-2024-1681, Tornado CVE-2025-47287."""
    caplog.set_level(logging.DEBUG)
    for name in ("origin", "host", "path"):
        request: dict[str, Any] = {"origin": "https://site.example", "host": "site.example", name: payload}
        hub.origin_allowed(Request(**request))
    encodable = payload.encode("utf-8", "replace").decode()
    MemoryBrowser(hub).open(encodable).wait_for(wire.Closed)
    shown = MemoryBrowser(hub).open(hub.ticket("toy"))
    shown.wait_for(wire.SnapshotFrame)
    shown.edit(1, change(encodable, 1, node=encodable))
    shown.wait_for(wire.Result)
    opened = shown.wait_for(wire.Opened)
    shown.send(wire.Resync(epoch=opened.epoch, seq=0, reason=encodable[:2000]))
    shown.wait_for(wire.SnapshotFrame, 2)
    hub.stop()
    lines = [each for each in caplog.messages if "bokeh" not in each]
    assert len(lines) >= 3, "nothing was logged, so nothing is shown"
    for each in lines:
        assert VISIBLE.fullmatch(each), each
        assert len(each) < 700
