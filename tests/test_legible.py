from __future__ import annotations

import logging
from typing import Any

import pytest
from bokeh.models import Slider

from embedsync import wire
from embedsync.hub import Hub
from embedsync.legible import legible
from tests.support.memory import MemoryBrowser


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("as it is, ä 日本", "as it is, ä 日本"),
        ("two\nlines\r\n", r"two\nlines\r\n"),
        ("\x1b[31mred\x07\u2028\u202e\ud800", r"\x1b[31mred\x07\u2028\u202e\ud800"),
        (ValueError("a\tb"), r"a\tb"),
    ],
)
def test_what_a_terminal_or_a_reader_of_lines_would_obey_is_escaped(text: object, shown: str) -> None:
    assert legible(text) == shown


@pytest.mark.parametrize("text", ["x" * 301, "x" * 10**6, "\n" * 200])
def test_long_text_is_cut_and_says_how_long_it_was(text: str) -> None:
    shown = legible(text)
    assert len(shown) < 340
    assert shown.endswith(f"… ({len(text)} characters)")
    assert "\n" not in shown


@pytest.mark.parametrize(
    ("attribute", "value"),
    [("x\nCRITICAL root logged in", 1), ("value", "A" * 1_000_000), ("value\x1b[2J" + "y" * 100_000, None)],
)
def test_a_refused_edit_writes_one_short_line(
    attribute: str, value: Any, caplog: pytest.LogCaptureFixture
) -> None:
    slider = Slider(start=0, end=1, value=0)
    hub = Hub("key")
    hub.add_app("app", lambda doc: doc.add_root(slider))
    event = {"kind": "ModelChanged", "model": {"id": slider.id}, "attr": attribute, "new": value}
    try:
        with caplog.at_level(logging.DEBUG, "embedsync"):
            browser = MemoryBrowser(hub).open(hub.ticket("app"))
            opened = browser.wait_for(wire.Opened)
            browser.send(wire.Edit(cseq=1, base=0, epoch=opened.epoch, events=[event]))
            browser.wait_for(wire.Result)
            browser.send(wire.Resync(epoch=opened.epoch, seq=0, reason="why\n" * 200))
            browser.wait_for(wire.SnapshotFrame, 2)
            MemoryBrowser(hub).open("no\nticket" * 40).wait_for(wire.Closed)
    finally:
        hub.stop()
    lines = [each.getMessage() for each in caplog.records]
    assert sum("refused an edit" in each for each in lines) == 1
    assert sum("asks for a snapshot" in each for each in lines) == 1
    assert all(each.isprintable() and len(each) < 500 for each in lines)


def test_what_is_refused_again_and_again_is_a_warning_once_and_is_counted_each_time(
    caplog: pytest.LogCaptureFixture,
) -> None:
    slider = Slider(start=0, end=1, value=0)
    hub = Hub("key")
    hub.add_app("app", lambda doc: doc.add_root(slider))
    event = {"kind": "ModelChanged", "model": {"id": slider.id}, "attr": "title", "new": "mine"}
    try:
        browser = MemoryBrowser(hub).open(hub.ticket("app"))
        epoch = browser.wait_for(wire.Opened).epoch
        for number in (1, 2, 3):
            browser.send(wire.Edit(cseq=number, base=0, epoch=epoch, events=[event]))
            browser.wait_for(wire.Result, number)
        assert hub.counters.read()["edits_refused"] == 3
    finally:
        hub.stop()
    warnings = [each.getMessage() for each in caplog.records if each.levelno == logging.WARNING]
    (warning,) = [each for each in warnings if "refused an edit" in each]
    assert "app 'app'" in warning
    assert "Slider.title" in warning
