"""S32: no path of a request leads to a file that is not meant for browsers.

As in Streamlit CVE-2022-35918 and CVE-2026-33682, Starlette CVE-2026-48818, and flask-cors CVE-2020-25032.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import pytest
from bokeh.embed.bundle import extension_dirs
from flask import Flask

from embedsync.asgi import application
from embedsync.documents.bokeh.extensions import EXTENSIONS
from embedsync.files import file_below
from embedsync.hub import Hub
from embedsync.runtime import shipped
from embedsync.settings import Settings
from embedsync_flask import EmbedSync

CANARY = "this is nobody's business"
UP = "../" * 12
Get = Callable[[str], tuple[int, bytes]]


def payloads(secret: Path) -> list[str]:
    """What may be written in a URL in the hope that it leads to a secret beside the folder that is served."""
    name, absolute = secret.name, str(secret)
    plain = [
        f"../{name}", f"./../{name}", f"x/../../{name}", f"....//{name}", f"..;/{name}", f"../{name}\0.js",
        absolute, f"/{absolute}", f"{UP}{absolute[1:]}", f"{UP}etc/passwd", f"..\\{name}",
        f"x\\..\\..\\{name}", f"\\\\{absolute}", "\\\\host\\share\\file", "//host/share/file",
        "\\\\?\\C:\\file", "C:\\file", "C:file", "c:/file", "file.js:stream",
        f"file://{absolute}", f"~/{name}", ".", "..", "", "/", "a" * 5000, "a/" * 2000, f"\u2025/{name}",
        f"\uff0e\uff0e/{name}", "\ud800", "CON", "NUL", "%00",
    ]  # fmt: skip
    encoded = [each.replace("/", "%2f").replace("\\", "%5c") for each in plain]
    dots = [each.replace(".", "%2e") for each in plain]
    twice = [each.replace("%", "%25") for each in encoded]
    overlong = [each.replace("/", "%c0%af") for each in plain]
    return [*dict.fromkeys([*plain, *encoded, *dots, *twice, *overlong])]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An app with files of its own, and an extension; each has a secret beside them."""
    for each in ("app/static", "extension/dist"):
        (tmp_path / each).mkdir(parents=True)
        (tmp_path / each / "file.js").write_text("// for all")
        (tmp_path / each).parent.joinpath("secret.py").write_text(CANARY)
    (tmp_path / "app" / "main.py").write_text(f"# {CANARY}")
    monkeypatch.setitem(extension_dirs, "extended", tmp_path / "extension" / "dist")
    return tmp_path


def bases() -> list[str]:
    version = EXTENSIONS.version("extended")
    ours = [
        f"live/static/{shipped(join=True).hash}/",
        f"live/extensions/bokeh/{version}/static/extensions/extended/",
    ]
    return [*ours, "live/", "live/bokeh/", "live/static/", "live/extensions/", "live/extensions/bokeh/"]


def attack(get: Get, folder: Path, places: list[str]) -> None:
    secrets = [folder / "app" / "secret.py", folder / "extension" / "secret.py", folder / "app" / "main.py"]
    for place in places:
        for secret in secrets:
            for each in payloads(secret):
                status, body = get(f"/{place}{each}")
                assert status in (301, 302, 308, 400, 404, 405), (place, each)
                assert CANARY.encode() not in body
                assert b"root:" not in body
                assert b"Traceback" not in body


def asgi_get(hub: Hub, **options: Any) -> Get:
    app = application(hub, **options)
    # The thread of the tests may have a loop already, of those that drive a browser.
    threads = ThreadPoolExecutor(1)

    def get(path: str) -> tuple[int, bytes]:
        sent: list[Any] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        written = path.encode("utf-8", "surrogatepass")
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET",
            "scheme": "http",
            # Servers decode it once.
            "path": unquote(path, errors="replace"), "raw_path": quote(written, safe="/%").encode(),
            "query_string": b"", "root_path": "", "headers": [(b"host", b"testserver")],
            "client": ("127.0.0.1", 1), "server": ("testserver", 80),
        }  # fmt: skip
        threads.submit(lambda: asyncio.run(app(scope, receive, send))).result()
        return sent[0]["status"], b"".join(each.get("body", b"") for each in sent[1:])

    return get


@pytest.fixture
def hub(folder: Path) -> Iterator[Hub]:
    made = Hub("key", Settings(stock_clients=True, stock_unsigned=True, debug=True))
    made.add_app("app", folder / "app", script_tag=True)
    yield made
    made.stop()


def test_s32_no_path_leads_out_of_what_an_asgi_site_serves(hub: Hub, folder: Path) -> None:
    get = asgi_get(hub, pages=True)
    of_bokeh = ["static/", "static/extensions/extended/", "static/js/", "app/static/", ""]
    # What is meant for all is there; otherwise this shows nothing.
    assert get("/app/static/file.js")[1] == b"// for all"
    assert get("/static/extensions/extended/file.js")[1] == b"// for all"
    own = [each.replace("live/", "_embedsync/", 1) for each in bases()]
    assert get(f"/{own[1]}file.js") == (200, b"// for all")
    attack(get, folder, [*own, *of_bokeh])


def test_s32_no_path_leads_out_of_what_a_flask_site_serves(folder: Path) -> None:
    app = Flask("site", root_path=str(folder), static_folder=None)
    app.config["SECRET_KEY"] = "for tests only"
    live = EmbedSync(app)
    live.add_app("app", folder / "app")
    client = app.test_client()

    def get(path: str) -> tuple[int, bytes]:
        try:
            written = quote(path.encode("utf-8", "replace"), safe="/%")
            answer = client.get(f"http://localhost{written}")
        except ValueError:
            return 400, b""  # No server would take it.
        return answer.status_code, answer.data

    assert get(f"/{bases()[1]}file.js") == (200, b"// for all")
    attack(get, folder, bases())
    with app.app_context():
        live.hub.stop()


@pytest.mark.parametrize(
    "path", ["\\\\host\\share", "//host/share", "C:\\x", "C:x", "..\\x", "a/../../x", "x\0", "/x"]
)
def test_s32_the_disk_is_not_asked_for_what_leads_elsewhere_on_any_system(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On Windows a look at a UNC path is a connection, with the credentials of whoever runs the server."""

    def fail(*_: object, **__: object) -> None:
        raise AssertionError("the disk was asked")

    monkeypatch.setattr(Path, "resolve", fail)
    monkeypatch.setattr(Path, "is_file", fail)
    assert file_below(tmp_path, path) is None
