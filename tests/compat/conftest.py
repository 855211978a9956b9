"""The same apps under `bokeh serve` and under `embedsync serve`, in Chromium.

A test runs once with each server and expects the same of both. So it is Bokeh's own server that says whether
an expectation is right.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.conftest import ROOT, Server, Visitors, proxied
from tests.browser.look import wait_for
from tests.contract.servers import free_port

__all__ = ["proxied"]

APPS = Path(__file__).parent / "apps"
KINDS = ("bokeh", "embedsync")
NO_APPS = ("neighbour",)
APART = ("compiled",)
"""These need a server of their own: Bokeh's would compile their models anew for each page of any app."""
BOKEH_SERVE = [sys.executable, "-m", "bokeh", "serve", "--unused-session-lifetime", "10000"]
BOKEH_SERVE += ["--check-unused-sessions", "200"]
EMBEDSYNC_SERVE = [sys.executable, "-m", "embedsync", "serve", "--address", "127.0.0.1", "--grace", "1"]


def paths() -> list[str]:
    scripts = [each for each in sorted(APPS.glob("*.py")) if each.stem not in NO_APPS]
    folders = [each.parent for each in sorted(APPS.glob("*/main.*")) if each.parent.name not in APART]
    return [str(each) for each in [*scripts, *folders, *sorted(APPS.glob("*.ipynb"))]]


@dataclass(frozen=True)
class Served:
    """A server with all apps.

    Attributes:
        kind: ``"bokeh"`` or ``"embedsync"``.
        url: where it is.
        notes: the folder that apps write notes into.
        server: can be stopped.
    """

    kind: str
    url: str
    notes: Path
    server: Server

    def noted(self, app: str) -> list[str]:
        """The lines that an app has written."""
        path = self.notes / app
        return path.read_text().splitlines() if path.exists() else []


def serving(kind: str, folder: Path, apps: Sequence[str] | None = None) -> Served:
    port = free_port()
    served = paths() if apps is None else [str(APPS / each) for each in apps]
    command = [*(BOKEH_SERVE if kind == "bokeh" else EMBEDSYNC_SERVE), *served, "--port", str(port)]
    if kind == "bokeh":
        command += ["--allow-websocket-origin", f"127.0.0.1:{port}"]
    command += ["--args", "--fast", "7"]
    server = Server(command, port, folder / "log", COMPAT_NOTES=str(folder), PWD=str(ROOT))
    return Served(kind, server.url, folder, server)


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Served]]:
    """Both servers; both start at once."""
    started = {kind: serving(kind, tmp_path_factory.mktemp(kind)) for kind in KINDS}
    try:
        for each in started.values():
            each.server.launch()
        for each in started.values():
            each.server.wait()
        yield started
    finally:
        for each in started.values():
            each.server.stop()


@pytest.fixture(params=KINDS)
def served(request: pytest.FixtureRequest, servers: dict[str, Served]) -> Served:
    return servers[request.param]


Open = Callable[[str], Page]


@pytest.fixture
def visitors(browser: Browser) -> Iterator[Visitors]:
    made = Visitors(browser)
    yield made
    made.close()


@pytest.fixture(scope="session")
def person(browser: Browser) -> Iterator[BrowserContext]:
    """A profile that all tests share, so that BokehJS is fetched and compiled once."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    yield context
    context.close()


@pytest.fixture
def opened(served: Served, person: BrowserContext) -> Iterator[Open]:
    """Opens the page of an app and waits until its document is there."""
    pages: list[Page] = []
    complaints: list[str] = []

    def note(kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            complaints.append(f"{kind}: {text}")

    def open_page(app: str) -> Page:
        page = person.new_page()
        pages.append(page)
        page.on("console", lambda message: note(message.type, message.text))
        page.on("pageerror", lambda error: note("error", str(error)))
        page.goto(f"{served.url}/{app}")
        shown(page)
        return page

    yield open_page
    for each in pages:
        each.close()
    if served.kind == "embedsync":
        assert complaints == []


def shown(page: Page) -> None:
    """Wait until the roots of the page's document are drawn."""
    wait_for(
        page,
        "() => { const [shown] = globalThis.Bokeh?.documents ?? []; return shown !== undefined && "
        "shown.roots().length > 0 && shown.roots().every((root) => Bokeh.index.get_by_id(root.id) != null) }",
    )


def sees(page: Page, *texts: str) -> None:
    """Wait until a person sees these words."""
    for text in texts:
        expect(page.get_by_text(text, exact=True).first).to_be_visible()
