"""Real Chromium against real servers. Every test fails on console errors and policy violations."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.contract.servers import free_port, own_environment
from tests.support import canaries
from tests.support.demo import Database, django_site
from tests.support.proxy import Proxy

ROOT = Path(__file__).parents[2]
APPS = ROOT / "demo_site" / "apps"
START_TIME = 60.0
_NOTE_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", (event) => {
  console.error(`policy violation: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}`)
})
"""


Serve = Callable[[str], str]
HEAD = '<!doctype html><html lang="en"><head><title>A page</title><link rel="icon" href="data:,"></head>'


@pytest.fixture(scope="session")
def pictures() -> Path:
    """Where tests keep pictures of what a person saw, for those who want to look."""
    folder = ROOT / "test-results" / "pictures"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


Proxied = Callable[[str], tuple[Proxy, str]]


def is_about_the_network(complaint: str) -> bool:
    """Chromium itself reports every socket that it cannot open."""
    return "WebSocket connection to" in complaint or "ERR_CONNECTION" in complaint


class Visitors:
    """Makes pages, each with a profile of its own, and collects what they complain about."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._contexts: list[BrowserContext] = []
        self.complaints: list[str] = []
        self.expected: Callable[[str], bool] = lambda complaint: False

    def __call__(self, width: int = 1280) -> Page:
        context = self._browser.new_context(viewport={"width": width, "height": 900})
        self._contexts.append(context)
        context.add_init_script(_NOTE_VIOLATIONS)
        page = context.new_page()
        page.on("console", lambda message: self._note(message.type, message.text))
        page.on("pageerror", lambda error: self._note("error", str(error)))
        return page

    def close(self) -> None:
        for context in self._contexts:
            context.close()

    def _note(self, kind: str, text: str) -> None:
        if kind in ("error", "warning") and not self.expected(text):
            self.complaints.append(f"{kind}: {text}")


@pytest.fixture
def visitor(browser: Browser) -> Iterator[Visitors]:
    visitors = Visitors(browser)
    yield visitors
    visitors.close()
    assert visitors.complaints == []


class Server:
    """A server that can be killed and started again, on the same port and with the same keys."""

    def __init__(self, command: list[str], port: int, log: Path, **variables: str) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.log = log
        self._command = command
        self._environment = own_environment() | variables
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.launch()
        self.wait()

    def launch(self) -> None:
        with self.log.open("a") as output:
            self._process = subprocess.Popen(
                self._command,
                cwd=ROOT,
                env=self._environment,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def wait(self) -> None:
        assert self._process is not None
        _wait_until_it_answers(self.url, self._process, self.log)

    def kill(self) -> None:
        """End it and its workers at once, as a crash would."""
        process = self._process
        if process is not None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            self._process = None

    def stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        canaries.refuse_leaks(self.log.read_text(errors="replace"))


@contextmanager
def running(command: list[str], port: int, log: Path, **variables: str) -> Iterator[str]:
    """Run a server until the end of the block."""
    server = Server(command, port, log, **variables)
    try:
        server.start()
        yield server.url
    finally:
        server.stop()


def gunicorn(port: int, application: str) -> list[str]:
    return [
        sys.executable, "-m", "gunicorn", "--worker-class", "gthread", "--threads", "64", "--workers", "1",
        "--bind", f"127.0.0.1:{port}", "--graceful-timeout", "3", "--no-control-socket", application,
    ]  # fmt: skip


def flask_site(port: int) -> list[str]:
    return gunicorn(port, "demo_site.flask_site.wsgi:app")


def own_site(port: int) -> list[str]:
    """The Flask site of these tests."""
    return gunicorn(port, "tests.browser.site:create_app()")


def embedsync_serve(port: int, *apps: Path) -> list[str]:
    names = [str(each) for each in apps or sorted(APPS.glob("*.py"))]
    return [
        sys.executable, "-m", "embedsync", "serve", *names, "--port", str(port), "--address", "127.0.0.1"
    ]  # fmt: skip


@pytest.fixture(scope="session")
def log_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("logs")


@pytest.fixture(scope="session")
def flask_url(log_folder: Path) -> Iterator[str]:
    port = free_port()
    with running(flask_site(port), port, log_folder / "flask.log") as url:
        yield url


@pytest.fixture(scope="session")
def database(tmp_path_factory: pytest.TempPathFactory) -> Database:
    """What the Django site shows and saves."""
    return Database(tmp_path_factory.mktemp("database"))


@pytest.fixture(scope="session")
def django_url(database: Database, log_folder: Path) -> Iterator[str]:
    port = free_port()
    log = log_folder / "django.log"
    with running(django_site(port), port, log, DATABASE_URL=database.url) as url:
        yield url
    assert "Traceback" not in log.read_text()


@pytest.fixture(scope="session")
def serve_url(log_folder: Path) -> Iterator[str]:
    port = free_port()
    with running(embedsync_serve(port), port, log_folder / "serve.log") as url:
        yield url


@pytest.fixture(scope="session")
def own_url(log_folder: Path) -> Iterator[str]:
    port = free_port()
    with running(own_site(port), port, log_folder / "own.log") as url:
        yield url


@pytest.fixture(scope="session")
def own_apps_url(log_folder: Path) -> Iterator[str]:
    """The apps of these tests under `embedsync serve`."""
    port = free_port()
    apps = sorted((Path(__file__).parent / "apps").glob("*.py"))
    with running(embedsync_serve(port, *apps), port, log_folder / "own-serve.log") as url:
        yield url


@pytest.fixture(params=["flask", "django", "serve"])
def site(request: pytest.FixtureRequest) -> str:
    """Address of both demonstration sites, and of the same apps under `embedsync serve`."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture(params=["flask", "django"])
def demo_url(request: pytest.FixtureRequest) -> str:
    """Address of both demonstration sites."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture(params=["own", "own_apps"])
def own_page(request: pytest.FixtureRequest) -> str:
    """What stands before the name of one of these tests' apps, on gunicorn and under `embedsync serve`."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return f"{url}/page/" if request.param == "own" else f"{url}/"


@pytest.fixture
def proxied() -> Iterator[Proxied]:
    """Puts a proxy that a test can cut before the server of an address."""
    proxies: list[Proxy] = []

    def make(url: str) -> tuple[Proxy, str]:
        parts = urlsplit(url)
        assert parts.port is not None
        proxies.append(Proxy(parts.port))
        return proxies[-1], parts._replace(netloc=f"127.0.0.1:{proxies[-1].port}").geturl()

    yield make
    for each in proxies:
        each.close()


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[Serve]:
    """Serves a page of another origin; gives its address."""
    texts: dict[str, str] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = texts[self.path].encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    origin = f"http://127.0.0.1:{server.server_port}"

    def serve(body: str) -> str:
        path = f"/{len(texts)}"
        texts[path] = f"{HEAD}<body>{body}</body></html>"
        return f"{origin}{path}"

    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield serve
    server.shutdown()
    thread.join()
    server.server_close()


def _wait_until_it_answers(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_TIME
    while time.monotonic() < deadline:
        assert process.poll() is None, f"the server has ended:\n{log.read_text()}"
        try:
            with urllib.request.urlopen(url, timeout=START_TIME):  # It may compile what the app brings along.
                return
        except urllib.error.HTTPError as error:
            error.close()
            return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.1)
    raise AssertionError(f"the server does not answer:\n{log.read_text()}")
