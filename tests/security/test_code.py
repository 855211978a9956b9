"""S12 and S33: what no line of the packages does, whatever a stranger says."""

from __future__ import annotations

import ast
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bokeh.models import AjaxDataSource, Div, ImageURLTexture, OpenURL, TapTool, WMTSTileSource
from bokeh.plotting import figure

from tests.documents.bokeh.harness import Live, write

ROOT = Path(__file__).parents[2]
PACKAGES = [ROOT / "embedsync", ROOT / "integrations"]

DANGEROUS_MODULES = {"pickle", "_pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib"}
DANGEROUS_CALLS = {"eval", "exec", "execfile", "compile", "__import__", "system", "popen", "literal_eval"}
RUNS_APP_CODE = {"embedsync/documents/bokeh/apps/code.py": {"exec", "compile"}}
"""To run the code of apps is what these are for."""

FETCHING = {
    "urllib.request", "http.client", "requests", "httpx", "aiohttp", "urllib3", "ftplib", "smtplib",
    "tornado.httpclient", "websockets.client", "websockets.sync.client", "websockets.asyncio.client",
    "bokeh.client", "bokeh.util.sampledata",
}  # fmt: skip
FETCHES = {
    # `manage.py live check` asks the project's own address, which whoever runs it has given.
    "integrations/embedsync_django/management/commands/live.py": {"http.client"},
}
CONNECTING = {"create_connection", "urlopen", "urlretrieve", "open_connection", "create_unix_connection"}


def sources() -> Iterator[tuple[str, ast.Module]]:
    found = [each for package in PACKAGES for each in sorted(package.rglob("*.py"))]
    assert len(found) > 100
    for each in found:
        yield each.relative_to(ROOT).as_posix(), ast.parse(each.read_text())


def imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{each.name}" for each in node.names)


def called(tree: ast.Module) -> Iterator[tuple[str, ast.Call]]:
    """Calls by the last part of their names, but for ``re.compile``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Name):
                yield node.func.id, node
            elif isinstance(node.func, ast.Attribute):
                owner = node.func.value.id if isinstance(node.func.value, ast.Name) else ""
                if (owner, node.func.attr) != ("re", "compile"):
                    yield node.func.attr, node


def test_s12_nothing_is_unpickled_evaluated_or_run_but_the_code_of_apps() -> None:
    """Python-socketio CVE-2025-61765, LightLLM CVE-2026-26220."""
    found = []
    for name, tree in sources():
        allowed = RUNS_APP_CODE.get(name, set())
        found += [
            f"{name}: import {each}" for each in imported(tree) if each.split(".")[0] in DANGEROUS_MODULES
        ]
        found += [
            f"{name}:{call.lineno}: {each}"
            for each, call in called(tree)
            if each in DANGEROUS_CALLS - allowed
        ]
    assert found == []


def test_s12_yaml_and_arrays_are_read_without_making_objects_of_them() -> None:
    found = []
    for name, tree in sources():
        for each, call in called(tree):
            owner = ast.unparse(call.func).partition(".")[0]
            if owner == "yaml" and each not in ("safe_load", "safe_load_all"):
                found.append(f"{name}:{call.lineno}: yaml.{each}")
            if any(keyword.arg == "allow_pickle" for keyword in call.keywords):
                found.append(f"{name}:{call.lineno}: allow_pickle")
            if owner in ("np", "numpy") and each in ("load", "loads", "fromfile", "loadtxt", "genfromtxt"):
                found.append(f"{name}:{call.lineno}: numpy.{each}")
    assert found == []


def test_s12_what_was_looked_for_would_be_found() -> None:
    tree = ast.parse(
        "import pickle\nfrom marshal import loads\neval('1')\nbuiltins.exec('')\nre.compile('x')"
    )
    assert {"pickle", "marshal"} <= set(imported(tree))
    assert [each for each, _ in called(tree)] == ["eval", "exec"]


def test_s33_nothing_in_the_packages_fetches_addresses() -> None:
    """Gradio CVE-2026-28416. Whatever fetches one has to be named here, with whose address it is."""
    found = []
    for name, tree in sources():
        allowed = FETCHES.get(name, set())
        found += [f"{name}: import {each}" for each in imported(tree) if each in FETCHING - allowed]
        found += [f"{name}:{call.lineno}: {each}" for each, call in called(tree) if each in CONNECTING]
    assert found == []
    assert set(FETCHES) <= {name for name, _ in sources()}


def test_s33_an_address_that_a_browser_writes_is_not_asked() -> None:
    """Where a browser may write everything, and with files of the server as addresses, too."""
    data = AjaxDataSource(data_url="/nothing", data={"url": ["/a"], "x": [1], "y": [1]})
    tiles, texture, link = WMTSTileSource(url="/t"), ImageURLTexture(url="/i"), OpenURL(url="/o")
    plot, text = figure(), Div()
    plot.image_url("url", "x", "y", source=data)
    plot.add_tile(tiles)
    plot.add_tools(TapTool(callback=link))
    page = Live(lambda doc: [doc.add_root(each) for each in (plot, text, data, texture)], authority="compat")
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        address = f"http://127.0.0.1:{server.getsockname()[1]}/x"
        for url in (address, address.replace("http", "https"), "file:///etc/passwd", "//127.0.0.1/x"):
            page.edit(
                *[write(each, "url", url) for each in (tiles, texture, link)], write(data, "data_url", url)
            )
            columns: list[list[Any]] = [["url", [url]], ["x", [1]], ["y", [1]]]
            page.edit(write(data, "data", {"type": "map", "entries": columns}))
            page.edit(write(text, "text", f'<img src="{url}"><iframe src="{url}">'))
        assert tiles.url == "//127.0.0.1/x"
        shown = bytes(page.document.snapshot().content)
        assert b"root:" not in shown
        with pytest.raises(BlockingIOError):
            server.accept()
