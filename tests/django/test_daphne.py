"""Daphne, which tells nobody that it stops."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from embedsync import wire
from tests.django.support import open_app, server
from tests.django.test_prefix import DAPHNE


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_daphne_told_to_stop_sends_browsers_away_to_come_back(tmp_path: Path, number: int) -> None:
    with server(tmp_path, *DAPHNE) as (url, process):
        client, _ = open_app(url, "sliders")
        with client:
            process.send_signal(number)
            assert client.wait_closed() == wire.Close.DRAIN
        assert process.wait(15) == 0
    assert "Traceback" not in (tmp_path / "server.log").read_text()
