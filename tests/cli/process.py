"""The command, run as people run it: in a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.support import canaries

COMMAND = [sys.executable, "-W", "error", "-m", "embedsync"]
TIMEOUT = 60


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Ours, without what would change how apps are served."""
    ours = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("BOKEH_", "EMBEDSYNC_")) and name != "BROWSER"
    }
    return ours | dict(extra or {})


def run(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    command = [*COMMAND, *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=TIMEOUT, env=environment(), cwd=cwd, check=False
    )


class Serving:
    """An ``embedsync serve`` that has started.

    Attributes:
        lines: what it has printed when it had started, one address for each app.
    """

    def __init__(self, process: subprocess.Popen[str], apps: int, log: Path) -> None:
        self._process = process
        self._log = log
        assert process.stdout is not None
        self.lines = [process.stdout.readline().strip() for _ in range(apps)]
        assert all(self.lines), f"it did not start: {log.read_text()}"

    @property
    def root(self) -> str:
        """The address that all others begin with."""
        return self.lines[0].rpartition("/")[0]

    @property
    def endpoint(self) -> str:
        """Where the socket, tickets and scripts are."""
        return f"{self.root}/_embedsync"

    @property
    def log(self) -> str:
        """What it wrote to standard error so far."""
        return self._log.read_text()

    def stop(self, how: signal.Signals = signal.SIGINT) -> int:
        """Send a signal and wait for the exit code."""
        self.signal(how)
        return self.wait()

    def signal(self, which: signal.Signals) -> None:
        """Send a signal."""
        self._process.send_signal(which)

    def wait(self) -> int:
        """Wait for the exit code."""
        return self._process.wait(TIMEOUT)


@contextmanager
def serving(
    tmp_path: Path,
    *arguments: object,
    apps: int = 1,
    variables: Mapping[str, str] | None = None,
    port: bool = True,
) -> Iterator[Serving]:
    """Run ``embedsync serve``, on a free port unless ``port`` says that the arguments name the place."""
    log = tmp_path / "log"
    command = [*COMMAND, "serve", *(["--port", "0"] if port else []), *map(str, arguments)]
    with (
        log.open("w") as errors,
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=errors, text=True, env=environment(variables)
        ) as process,
    ):
        try:
            yield Serving(process, apps, log)
        finally:
            process.kill()
            canaries.refuse_leaks(log.read_text(errors="replace"))
