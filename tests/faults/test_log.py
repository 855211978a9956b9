"""A log that is stuck: F40."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.faults.others import note_delays, working
from tests.faults.report import Figures
from tests.faults.sites import PATIENT, serving, wait_until

_LINES = 40


def test_f40_a_log_that_is_stuck_delays_neither_sockets_nor_turns(
    adapter: str, tmp_path: Path, figures: Figures
) -> None:
    """The log goes into a pipe that nobody reads, while callbacks raise, sockets are lost, others work."""
    pipe = _Pipe(tmp_path / "log")
    settings = {**PATIENT, "log_lines": _LINES}
    with pipe.draining_in_the_end(), serving(adapter, tmp_path, settings, FAULTS_PIPE=str(pipe.path)) as site:
        pipe.fill()
        with working(site, 2) as delays, site.replica("failing-callback").wait_shown() as failing:
            for value in range(2, 2 + 2 * _LINES):
                assert failing.result(failing.set("amount", "value", value)).commit
            failing.lose_connection()
            failing.wait(lambda: failing.recoveries)
            assert failing.recoveries == [True]
            failing.wait_for_value("report", f"amount is {1 + 2 * _LINES}")
            counted = len(delays)
            wait_until(lambda: len(delays) > counted + 20)
            note_delays(figures, delays)
        counters = site.census().counters
        figures("lines that were dropped", counters["log_lines_dropped"])
        assert counters["log_lines_dropped"] > _LINES / 2
        pipe.drain()
        wait_until(lambda: "lines were dropped ('log_lines')" in pipe.text)
    assert "the secret of the callback" in pipe.text


class _Pipe:
    """A named pipe: full at first, then read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        os.mkfifo(path)
        # For both directions, so that neither side waits for the other to open it.
        self._file = os.open(path, os.O_RDWR)
        self._read = b""
        self._thread: threading.Thread | None = None

    @property
    def text(self) -> str:
        return self._read.decode()

    def fill(self) -> None:
        os.set_blocking(self._file, False)
        try:
            while True:
                os.write(self._file, b"." * 4096)
        except BlockingIOError:
            os.set_blocking(self._file, True)

    def drain(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._drain)
            self._thread.start()

    @contextmanager
    def draining_in_the_end(self) -> Iterator[None]:
        """Whatever happens, the server gets rid of its lines when it ends."""
        try:
            yield
        finally:
            self.drain()
            os.write(self._file, b"\0")
            assert self._thread is not None
            self._thread.join()
            os.close(self._file)

    def _drain(self) -> None:
        while not self._read.endswith(b"\0"):
            self._read += os.read(self._file, 65536)
