"""Real servers, each with the same apps."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from tests.support import canaries

ROOT = Path(__file__).parents[2]
START_TIME = 60.0


@dataclass
class Site:
    """A running site."""

    name: str
    url: str
    page_path: str
    process: subprocess.Popen[str]
    log: Path

    def page(self, app: str, **arguments: object) -> str:
        query = f"?{urlencode(arguments, doseq=True)}" if arguments else ""
        return f"{self.url}{self.page_path}{app}{query}"


@dataclass
class Server:
    """How to run one."""

    command: Callable[[int], list[str]]
    health: str
    page_path: str


def _python(*arguments: str) -> list[str]:
    return [sys.executable, *arguments]


def gunicorn(port: int, *options: str) -> list[str]:
    return _python(
        "-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "--workers", "1", "--graceful-timeout", "3",
        "--no-control-socket", *options, "tests.contract.flask_site:create_app()",
    )  # fmt: skip


def _uvicorn(port: int, *options: str) -> list[str]:
    return _python("-m", "uvicorn", "--port", str(port), "--log-level", "warning", *options)


SERVERS: dict[str, Server] = {
    "flask-werkzeug": Server(
        lambda port: _python("-m", "flask", "--app", "tests.contract.flask_site", "run", "--port", str(port)),
        "/live/health",
        "/page/",
    ),
    "flask-gthread": Server(
        lambda port: gunicorn(port, "--worker-class", "gthread", "--threads", "40"), "/live/health", "/page/"
    ),
    "flask-gevent": Server(
        lambda port: gunicorn(port, "--worker-class", "gevent"), "/live/health", "/page/"
    ),
    "django-daphne": Server(
        lambda port: _python(
            "-m", "daphne", "--bind", "127.0.0.1", "--port", str(port), "--websocket-max-message-size",
            "20971520", "--websocket-max-frame-size", "20971520",
            "tests.contract.django_site.asgi:application",
        ),
        "/live/health",
        "/page/",
    ),
    "django-uvicorn": Server(
        lambda port: _uvicorn(port, "tests.contract.django_site.asgi:application"), "/live/health", "/page/"
    ),
    "asgi-uvicorn": Server(
        lambda port: _uvicorn(port, "--factory", "tests.contract.asgi_site:create_application"),
        "/live/health",
        "/page/",
    ),
}  # fmt: skip


def own_environment() -> dict[str, str]:
    """What a process of its own finds around it: this checkout, and none of this process's Django project."""
    given = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    return given | {"PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "integrations")))}


_kept: list[socket.socket] = []
"""Ports that were handed out."""


def free_port() -> int:
    """A port for a server of this test."""
    probe = socket.socket()
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    probe.bind(("127.0.0.1", 0))
    port = int(probe.getsockname()[1])
    if sys.platform == "linux":
        # The system gives the port to nobody else who asks for any, such as a test beside this one. A
        # server may listen there all the same, as long as nobody else does.
        _kept.append(probe)
    else:
        probe.close()
    return port


@contextmanager
def running(
    name: str,
    log_folder: Path,
    *,
    server: Server | None = None,
    port: int | None = None,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Site]:
    """Start a server, wait until it is healthy, and stop it in the end."""
    server, port, log = server or SERVERS[name], port or free_port(), log_folder / f"{name}.log"
    with start(server.command(port), port, server.health, log, environment=environment) as (url, process):
        yield Site(name, url, server.page_path, process, log)


@contextmanager
def start(
    command: list[str],
    port: int,
    health: str,
    log: Path,
    *,
    cwd: Path = ROOT,
    environment: Mapping[str, str] | None = None,
) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Run a command that serves a port, from when it answers to the end of the block."""
    variables = own_environment() | {"PYTHONUNBUFFERED": "1", **(environment or {})}
    with log.open("a") as output:
        process = subprocess.Popen(command, cwd=cwd, env=variables, stdout=output, stderr=output, text=True)
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_until_healthy(url + health, process, log)
        yield url, process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        canaries.refuse_leaks(log.read_text(errors="replace"))


def _wait_until_healthy(url: str, process: subprocess.Popen[str], log: Path) -> None:
    deadline = time.monotonic() + START_TIME
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise AssertionError(f"the server has ended:\n{log.read_text()}")
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.1)
    raise AssertionError(f"the server is not healthy:\n{log.read_text()}")
