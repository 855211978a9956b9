"""The systems that are measured: how each is started, and what its process costs."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.visitors import BokehVisitor, OurVisitor, Visitor

ROOT = Path(__file__).parent.parent
APPS = sorted((ROOT / "benchmarks" / "apps").glob("[!_]*.py"))
START_TIME = 60.0
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class System:
    """One of those that are compared.

    Attributes:
        python: the interpreter of its environment.
        packages: whose versions the table names.
        command: from port and grace to the arguments of the interpreter.
    """

    name: str
    python: Path
    packages: tuple[str, ...]
    visitor: type[Visitor]
    command: Callable[[int, float], list[str]]

    @property
    def installed(self) -> bool:
        """Whether its environment was made."""
        return self.python.exists()

    def versions(self) -> str:
        """What runs there."""
        program = (
            "import platform, sys; from importlib.metadata import version; "
            "print('Python', platform.python_version() + ',', "
            "', '.join(f'{each} {version(each)}' for each in sys.argv[1:]))"
        )
        return subprocess.run(
            [self.python, "-c", program, *self.packages], check=True, capture_output=True, text=True
        ).stdout.strip()


def _uvicorn(port: int, *arguments: str) -> list[str]:
    return ["-m", "uvicorn", "--port", str(port), "--log-level", "warning", *arguments]


def _bokeh_serve(port: int, grace: float) -> list[str]:
    milliseconds = int(grace * 1000)
    return [
        "-m", "bokeh", "serve", "--port", str(port), "--log-level", "warning",
        "--unused-session-lifetime", str(milliseconds),
        "--check-unused-sessions", str(min(milliseconds, 1000)),
        *map(str, APPS),
    ]  # fmt: skip


OURS = System(
    "embedsync",
    Path(sys.executable),
    ("embedsync", "bokeh", "uvicorn", "websockets"),
    OurVisitor,
    lambda port, _grace: _uvicorn(port, "--factory", "benchmarks.sites.ours:create_application"),
)
BOKEH_SERVE = System(
    "bokeh serve",
    ROOT / ".venvs/bench-bokeh-serve/bin/python",
    ("bokeh", "tornado"),
    BokehVisitor,
    _bokeh_serve,
)
BOKEH_ASGI = System(
    "BokehASGI",
    ROOT / ".venvs/bench-bokeh-asgi/bin/python",
    ("bokeh", "uvicorn", "websockets"),
    BokehVisitor,
    lambda port, _grace: _uvicorn(port, "benchmarks.sites.bokeh_asgi:application"),
)
SYSTEMS = (OURS, BOKEH_SERVE, BOKEH_ASGI)


@dataclass(frozen=True)
class Site:
    """A running system."""

    system: System
    address: tuple[str, int]
    process: subprocess.Popen[bytes]

    async def visit(self, app: str, shared: str = "") -> Visitor:
        """Open an app; see :meth:`Visitor.visit`."""
        return await self.system.visitor.visit(self.address, app, shared)

    def cpu(self) -> float:
        """Seconds of processor time so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(") ")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def memory(self) -> float:
        """Resident MiB."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * _PAGE / 2**20


@contextmanager
def running(system: System, grace: float = 15.0) -> Iterator[Site]:
    """Run a system in one process of its own.

    Args:
        system: which.
        grace: seconds for which it keeps the session of a visitor who has left.
    """
    port = _free_port()
    variables = {**os.environ, "PYTHONPATH": str(ROOT), "BENCH_GRACE": str(grace)}
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [str(system.python), *system.command(port, grace)],
            cwd=ROOT, env=variables, stdout=log, stderr=log,
        )  # fmt: skip
        try:
            _wait_until_listening(port, process)
            yield Site(system, ("127.0.0.1", port), process)
        except BaseException:
            log.seek(0)
            sys.stderr.write(log.read().decode(errors="replace")[-4000:])
            raise
        finally:
            _stop(process)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_listening(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_TIME
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError("the server has ended before it has begun")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"the server does not listen within {START_TIME} s")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
