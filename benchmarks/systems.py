"""The systems that are measured: how each is started, and what its process costs."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from weakref import WeakSet

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
        variables: of its environment, besides those that all have.
        ours: whether it is what this project makes, on one of the servers that it runs on.
    """

    name: str
    python: Path
    packages: tuple[str, ...]
    visitor: type[Visitor]
    command: Callable[[int, float], list[str]]
    ours: bool = False
    variables: Mapping[str, str] = field(default_factory=dict, hash=False)

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
        ended = subprocess.run(
            [self.python, "-c", program, *self.packages], check=False, capture_output=True, text=True
        )
        return ended.stdout.strip() if ended.returncode == 0 else "its versions are unknown"


def _uvicorn(port: int, *arguments: str) -> list[str]:
    return ["-m", "uvicorn", "--port", str(port), "--log-level", "warning", *arguments]


def _daphne(port: int, application: str) -> list[str]:
    return ["-m", "daphne", "--bind", "127.0.0.1", "--port", str(port), "--verbosity", "0", application]


def _gunicorn(port: int, application: str) -> list[str]:
    # Each open page holds a thread: a hundred viewers, and some that come and go.
    return [
        "-m", "gunicorn", "--config", "python:embedsync_flask.gunicorn", "--threads", "128",
        "--bind", f"127.0.0.1:{port}", "--no-control-socket", "--log-level", "warning", application,
    ]  # fmt: skip


def _bokeh_serve(port: int, grace: float) -> list[str]:
    milliseconds = int(grace * 1000)
    return [
        "-m", "bokeh", "serve", "--port", str(port), "--log-level", "warning",
        "--unused-session-lifetime", str(milliseconds),
        "--check-unused-sessions", str(min(milliseconds, 1000)),
        *map(str, APPS),
    ]  # fmt: skip


def _python_of(environment: str) -> Path:
    return ROOT / ".venvs" / environment / "bin" / "python"


_NEWEST = _python_of("bench-embedsync")
_NEWEST_IS_THERE = _NEWEST.exists() and _python_of("bench-bokeh-asgi").exists()
"""Whether ours can run on the Python and the Bokeh of BokehASGI. Then all do that are compared with it."""


def _ours(
    name: str,
    packages: tuple[str, ...],
    command: Callable[[int, float], list[str]],
    *,
    newest: bool = True,
) -> System:
    python = _NEWEST if newest and _NEWEST_IS_THERE else Path(sys.executable)
    return System(name, python, ("embedsync", "bokeh", *packages), OurVisitor, command, True)


def _peer(
    name: str, environment: str, packages: tuple[str, ...], command: Callable[[int, float], list[str]]
) -> System:
    return System(name, _python_of(environment), packages, BokehVisitor, command)


def _ours_on_uvicorn(name: str, factory: str) -> System:
    return _ours(
        name,
        ("uvicorn", "websockets"),
        lambda port, _grace: _uvicorn(port, "--factory", f"benchmarks.sites.ours:{factory}"),
    )


OURS = _ours_on_uvicorn("embedsync", "create_application")
ACCELERATED = _ours_on_uvicorn("embedsync, accelerated", "create_accelerated")
PREBUILT = _ours_on_uvicorn("embedsync, prebuilt", "create_prebuilt")
FLASK = _ours(
    "embedsync Flask/gunicorn",
    ("flask", "flask-sock", "simple-websocket", "gunicorn"),
    lambda port, _grace: _gunicorn(port, "benchmarks.sites.flask_site:create_app()"),
)
DJANGO_DAPHNE = _ours(
    "embedsync Django/daphne",
    ("django", "channels", "daphne"),
    lambda port, _grace: _daphne(port, "benchmarks.sites.django_site.asgi:application"),
    newest=False,
)
DJANGO_UVICORN = _ours(
    "embedsync Django/uvicorn",
    ("django", "channels", "uvicorn", "websockets"),
    lambda port, _grace: _uvicorn(port, "benchmarks.sites.django_site.asgi:application"),
    newest=False,
)
_ACCELERATE = {"BENCH_ACCELERATE": "1"}
DJANGO_DAPHNE_ACCELERATED = replace(
    DJANGO_DAPHNE, name=f"{DJANGO_DAPHNE.name}, accelerated", variables=_ACCELERATE
)
DJANGO_UVICORN_ACCELERATED = replace(
    DJANGO_UVICORN, name=f"{DJANGO_UVICORN.name}, accelerated", variables=_ACCELERATE
)
BOKEH_SERVE = _peer(
    "bokeh serve",
    "bench-bokeh-asgi" if _NEWEST_IS_THERE else "bench-bokeh-serve",
    ("bokeh", "tornado"),
    _bokeh_serve,
)
BOKEH_ASGI = _peer(
    "BokehASGI",
    "bench-bokeh-asgi",
    ("bokeh", "uvicorn", "websockets"),
    lambda port, _grace: _uvicorn(port, "benchmarks.sites.bokeh_asgi:application"),
)
BOKEH_DJANGO_DAPHNE = _peer(
    "bokeh-django/daphne",
    "bench-bokeh-django",
    ("bokeh-django", "bokeh", "django", "channels", "daphne"),
    lambda port, _grace: _daphne(port, "benchmarks.sites.bokeh_django.asgi:application"),
)
BOKEH_DJANGO_UVICORN = _peer(
    "bokeh-django/uvicorn",
    "bench-bokeh-django",
    ("bokeh-django", "bokeh", "django", "channels", "uvicorn", "websockets"),
    lambda port, _grace: _uvicorn(port, "benchmarks.sites.bokeh_django.asgi:application"),
)
SYSTEMS = (
    OURS,
    ACCELERATED,
    PREBUILT,
    FLASK,
    DJANGO_DAPHNE,
    DJANGO_DAPHNE_ACCELERATED,
    DJANGO_UVICORN,
    DJANGO_UVICORN_ACCELERATED,
    BOKEH_SERVE,
    BOKEH_ASGI,
    BOKEH_DJANGO_DAPHNE,
    BOKEH_DJANGO_UVICORN,
)


@dataclass(frozen=True)
class Site:
    """A running system."""

    system: System
    address: tuple[str, int]
    process: subprocess.Popen[bytes]
    visitors: WeakSet[Visitor] = field(default_factory=WeakSet)

    async def visit(self, app: str, shared: str = "") -> Visitor:
        """Open an app; see :meth:`Visitor.visit`."""
        visitor = await self.system.visitor.visit(self.address, app, shared)
        self.visitors.add(visitor)
        return visitor

    async def empty(self) -> None:
        """Everybody leaves."""
        for each in list(self.visitors):
            each.socket.abort()
        await asyncio.sleep(0)

    def cpu(self) -> float:
        """Seconds of processor time so far."""
        return sum(_cpu(each) for each in _family(self.process.pid))

    def memory(self) -> float:
        """Resident MiB."""
        return sum(_memory(each) for each in _family(self.process.pid))

    async def rest(self, seconds: float = 60.0) -> None:
        """Wait until the system has nothing to do, though no longer than this."""
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            cpu = self.cpu()
            await asyncio.sleep(0.5)
            if self.cpu() - cpu <= 0.05:
                return


def _family(process: int) -> Iterator[int]:
    """A process and those that it has started, as gunicorn starts its worker."""
    yield process
    for each in Path(f"/proc/{process}/task/{process}/children").read_text().split():
        yield from _family(int(each))


def _cpu(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _memory(process: int) -> float:
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * _PAGE / 2**20


class Server:
    """A system in one process of its own, which starts at once.

    Args:
        system: which.
        grace: seconds for which it keeps the session of a visitor who has left.
    """

    def __init__(self, system: System, grace: float = 15.0) -> None:
        self.system = system
        self._port = _free_port()
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  (kept until the process has ended)
        variables = {**os.environ, "PYTHONPATH": str(ROOT), "BENCH_GRACE": str(grace), **system.variables}
        variables.pop("DJANGO_SETTINGS_MODULE", None)  # Another project's; the sites name their own.
        self._process = subprocess.Popen(
            [str(system.python), *system.command(self._port, grace)],
            cwd=ROOT, env=variables, stdout=self._log, stderr=self._log, start_new_session=True,
        )  # fmt: skip

    def site(self) -> Site:
        """Wait until it listens.

        Raises:
            RuntimeError: it has ended, or does not listen.
        """
        deadline = time.monotonic() + START_TIME
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise RuntimeError("the server has ended before it has begun")
            try:
                socket.create_connection(("127.0.0.1", self._port), timeout=1).close()
            except OSError:
                time.sleep(0.05)
            else:
                return Site(self.system, ("127.0.0.1", self._port), self._process)
        raise RuntimeError(f"the server does not listen within {START_TIME} s")

    def print_log(self) -> None:
        """Show the end of what it has said."""
        self._log.seek(0)
        sys.stderr.write(self._log.read().decode(errors="replace")[-4000:])

    def stop(self) -> None:
        """End it at once, with what it has started: what it would do before is not measured here."""
        if self._log.closed:
            return
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._log.close()


@contextmanager
def started(systems: Iterable[System], grace: float = 15.0) -> Iterator[list[Server]]:
    """Start systems side by side, and stop them afterwards; see :class:`Server`.

    All have started before there is anything to measure: what one computes then would slow down another.
    """
    with ExitStack() as stack:
        servers = []
        for each in systems:
            servers.append(Server(each, grace))
            stack.callback(servers[-1].stop)
        for server in servers:
            with suppress(RuntimeError):  # Whoever measures it is told.
                server.site()
        yield servers


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
