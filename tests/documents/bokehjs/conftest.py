"""The tests here drive real BokehJS, in Node, without a browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from embedsync.documents.bokeh import last_sent
from tests.documents.bokehjs.browsers import NODE, Browsers
from tests.documents.bokehjs.play import Play


@pytest.fixture(scope="session")
def browsers() -> Iterator[Browsers]:
    if NODE is None:
        pytest.skip("Node is not installed")
    with Browsers() as started:
        yield started


@pytest.fixture(autouse=True)
def however_small_they_are_columns_that_stay_are_not_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(last_sent, "_WORTH", 1)


@pytest.fixture
def play(browsers: Browsers) -> Iterator[Callable[..., Play]]:
    """Begins a play: ``play(data)`` or ``play(data, log_ops)``."""
    begun: list[Play] = []

    def begin(data: str = "{'x': [1, 2], 'y': [1, 2]}", log_ops: int = 1000) -> Play:
        begun.append(Play(browsers, data, log_ops))
        return begun[-1]

    yield begin
    for each in begun:
        each.site.close()
