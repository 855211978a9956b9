"""S30: what is sent costs time in proportion to its size, whatever its shape."""

from __future__ import annotations

import json
import struct
import time
from collections.abc import Callable
from typing import Any

import pytest
from bokeh.models import ColumnDataSource, Slider

from embedsync import wire
from embedsync.errors import ProtocolError
from embedsync.settings import Settings
from tests.documents.bokeh.harness import Live

GENEROUS = 5
"""Times what a proportion is, for caches are small. What grows with the square of the size takes eight."""


def seconds(work: Callable[[], Any]) -> float:
    """Of this thread alone, the least of a few, for the machine has other work."""
    took = []
    for _ in range(3):
        started = time.thread_time()
        work()
        took.append(time.thread_time() - started)
    return min(took)


def edit(event: str) -> bytes:
    """The message of an edit with one event, as JSON."""
    header = f'{{"type":"edit","cseq":1,"base":0,"epoch":"e","events":[{event}]}}'.encode()
    return struct.pack("<II", 1, len(header)) + header


SHAPES: dict[str, Callable[[int], str]] = {
    "keys of one object": lambda count: json.dumps({f"key{number}": number for number in range(count)}),
    "keys that are nearly the same": lambda count: json.dumps({"x" * 50 + str(n): 0 for n in range(count)}),
    "a key that comes again and again": lambda count: "{" + '"a":1,' * count + '"b":1}',
    "empty objects": lambda count: json.dumps([{}] * count),
    "numbers": lambda count: json.dumps(list(range(count))),
    "a long text of escapes": lambda count: json.dumps("\u2028" * count),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_s30_a_message_of_eight_times_the_size_takes_about_eight_times_as_long(shape: str) -> None:
    def decoding(count: int) -> Callable[[], Any]:
        message = edit(SHAPES[shape](count))
        return lambda: wire.decode_client_frame(message, max_nodes=10**8)

    small, large = seconds(decoding(20_000)), seconds(decoding(160_000))
    assert large < 8 * GENEROUS * small + 0.005


def test_s30_a_million_keys_are_more_than_is_taken() -> None:
    message = edit(json.dumps({f"{number}": 0 for number in range(1_000_000)}))
    with pytest.raises(ProtocolError) as refused:
        wire.decode_client_frame(message, max_nodes=Settings().json_nodes)
    assert refused.value.code == wire.Close.BAD_MESSAGE


@pytest.mark.parametrize(
    "value", ["1" * 100_000, "1e" + "9" * 10_000, "-" * 100_000, '"\\u' + "d800" * 10_000]
)
def test_s30_numbers_and_escapes_without_end_are_refused(value: str) -> None:
    with pytest.raises(ProtocolError) as refused:
        wire.decode_client_frame(edit(value))
    assert refused.value.code == wire.Close.BAD_MESSAGE


def test_s30_an_edit_of_eight_times_as_many_events_takes_about_eight_times_as_long() -> None:
    slider = Slider(start=0, end=1, value=0)
    page = Live(lambda doc: doc.add_root(slider))

    def preparing(count: int) -> Callable[[], Any]:
        event = {"kind": "ModelChanged", "model": {"id": slider.id}, "attr": "value", "new": 1}
        return lambda: page.document.prepare([event] * count, {}, "client")

    assert seconds(preparing(2_400)) < 8 * GENEROUS * seconds(preparing(300)) + 0.005


def test_s30_a_patch_of_eight_times_as_many_places_takes_about_eight_times_as_long() -> None:
    source = ColumnDataSource(data={"x": [0] * 40_000})
    page = Live(lambda doc: doc.add_root(source), authority="compat")

    def preparing(count: int) -> Callable[[], Any]:
        patches = {"x": [[number, 1] for number in range(count)]}
        event = {"kind": "ColumnsPatched", "model": {"id": source.id}, "attr": "data", "patches": patches}
        return lambda: page.document.prepare([event], {}, "client")

    assert seconds(preparing(16_000)) < 8 * GENEROUS * seconds(preparing(2_000)) + 0.005
