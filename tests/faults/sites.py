"""The servers of the contract, with the apps of the faults and settings that do not keep tests waiting."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from embedsync import wire
from tests.contract.client import Client
from tests.contract.servers import SERVERS, Server, Site, free_port, gunicorn, running
from tests.support.proxy import Proxy
from tests.support.replica import Replica
from tests.support.resources import Resources, resources

__all__ = ["ADAPTERS", "HASTY", "PATIENT", "Census", "FaultSite", "serving", "wait_until", "wait_until_none"]

# As its documentation says to run it.
_GTHREAD = Server(
    lambda port: gunicorn(port, "--config", "python:embedsync_flask.gunicorn"), "/live/health", "/page/"
)
ADAPTERS: dict[str, Server] = {
    "flask-gthread": _GTHREAD,
    "django-daphne": SERVERS["django-daphne"],
    "django-uvicorn": SERVERS["django-uvicorn"],
    "asgi-uvicorn": SERVERS["asgi-uvicorn"],
}

PATIENT: dict[str, Any] = {
    # These apps are sent whatever browsers can send.
    "authority": "compat",
    "heartbeat": 0.5,
    "heartbeat_timeout": 5.0,
    "handshake_timeout": 5.0,
    "resync_interval": 0.01,
    "message_bytes": 2 * 1024 * 1024,
    "workers": 4,
    "grace": 30.0,
    "stop_timeout": 1.0,
}
"""For what must not end by itself while it is looked at."""

HASTY: dict[str, Any] = {
    **PATIENT,
    "heartbeat_timeout": 3.0,
    "handshake_timeout": 1.5,
    "send_timeout": 1.5,
    "slowest_link": 64 * 1024 * 1024,
    "turn_limit": 4.0,
    "long_turn": 0.2,
    "workers": 2,
    "grace": 20.0,
}
"""For what must end, and soon."""

WAIT = 30.0


_POOLS = ("MainThread", "ThreadPoolExecutor-", "PoolThread-", "asyncio_", "embedsync-")
"""How threads are called that servers and the engine keep for later; each of these pools has a bound."""


@dataclass(frozen=True)
class Census:
    """What is alive inside a process; the session that asks is one of those counted.

    Attributes:
        process: its id.
        documents: of Bokeh.
        lost: threads that hang in app code.
        workers: threads of the engine's pool.
        strangers: names of threads that belong to no pool.
        counters: of the hub.
    """

    process: int
    documents: int
    lost: int
    workers: int
    strangers: list[str]
    counters: dict[str, int]


@dataclass
class FaultSite(Site):
    """A running site, and what can be told of it from outside."""

    journal: Path
    empty_files: int = 0
    """Descriptors that the server may have while nobody is here."""

    @property
    def port(self) -> int:
        port = urlsplit(self.url).port
        assert port is not None
        return port

    def runs(self, session: str, *what: str) -> list[Any]:
        """The values of a session's callbacks that ran, in order, as the app has written them down."""
        return [value for its, name, value in self.journal_lines() if its == session and name in what]

    def journal_lines(self) -> list[tuple[str, str, Any]]:
        """Session, callback and value of everything that ran."""
        if not self.journal.exists():
            return []
        lines = [json.loads(each) for each in self.journal.read_text().splitlines()]
        return [(session, what, value) for _, session, what, value in lines]

    def health(self) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self.url}/live/health", timeout=WAIT) as response:
            found: dict[str, Any] = json.loads(response.read())
            return found

    def resources(self) -> Resources:
        return resources(self.process.pid)

    def census(self) -> Census:
        client, attached = Client.visit(self.page("census"))
        with client:
            found = json.loads(client.value(attached, "report", "value"))
            client.send(attached, wire.Detach())
        return Census(
            process=found["process"],
            documents=found["documents"],
            lost=found["lost"],
            workers=found["threads"].count("embedsync-worker"),
            strangers=[each for each in found["threads"] if not each.startswith(_POOLS)],
            counters=found["counters"],
        )

    def replica(self, app: str, proxy: Proxy | None = None, **arguments: object) -> Replica:
        """A browser at a page of this site."""
        return Replica(self.page(app, **arguments), port=proxy.port if proxy is not None else None)

    @contextmanager
    def proxy(self) -> Iterator[Proxy]:
        with Proxy(self.port) as proxy:
            yield proxy

    def wait_empty(self) -> None:
        """Wait until nobody is here any more."""
        wait_until(lambda: (now := self.health())["sessions"] == now["sockets"] == 0)

    def log_since(self, size: int) -> str:
        with self.log.open() as file:
            file.seek(size)
            return file.read()

    @property
    def log_size(self) -> int:
        return self.log.stat().st_size


def wait_until(condition: Callable[[], Any], timeout: float = WAIT) -> Any:
    """Wait for a state that nothing announces; returns what was found."""
    deadline = time.monotonic() + timeout
    while not (found := _tried(condition)):
        assert time.monotonic() < deadline, "the state did not come"
        time.sleep(0.02)
    return found


def wait_until_none(condition: Callable[[], str], timeout: float = WAIT) -> None:
    """Wait until there is nothing to complain of."""
    deadline = time.monotonic() + timeout
    while complaint := condition():
        assert time.monotonic() < deadline, complaint
        time.sleep(0.02)


@contextmanager
def serving(
    name: str,
    folder: Path,
    settings: dict[str, Any],
    *,
    server: Server | None = None,
    port: int | None = None,
    **environment: str,
) -> Iterator[FaultSite]:
    """Run a site for a test."""
    journal = folder / f"{name}.journal"
    variables = {
        "SITE_APPS": "tests.faults.apps",
        "SITE_SETTINGS": json.dumps(settings),
        "FAULTS_JOURNAL": str(journal),
        **environment,
    }
    server = server or ADAPTERS[name]
    with running(name, folder, server=server, port=port or free_port(), environment=variables) as site:
        yield FaultSite(site.name, site.url, site.page_path, site.process, site.log, journal)


def _tried(condition: Callable[[], Any]) -> Any:
    try:
        return condition()
    except (urllib.error.URLError, ConnectionError, TimeoutError, subprocess.SubprocessError):
        return None
