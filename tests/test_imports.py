"""Which module may import which, and what importing does: nothing but that."""

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import embedsync

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "embedsync"

# From below. A module imports from its own layer and from those below it.
LAYERS: list[set[str]] = [
    {"errors", "settings", "document", "ahead", "request", "app", "authority", "legible", "bucket"},
    {"wire", "log", "replica", "inbox", "outbox", "connection", "brevity", "delivery", "session"},
    {"documents", "files", "runtime"},
    {
        "admission",
        "apploop",
        "assets",
        "audit",
        "constants",
        "attendance",
        "builds",
        "contention",
        "lately",
        "lookout",
        "counters",
        "encodings",
        "endpoint",
        "equipment",
        "forks",
        "framing",
        "heap",
        "helpers",
        "html",
        "hub",
        "interpreter",
        "last_resort",
        "live",
        "logbook",
        "mailbox",
        "one_by_one",
        "origins",
        "orphans",
        "pool",
        "prebuilt",
        "processor_use",
        "routes",
        "running",
        "scheduler",
        "shown_traceback",
        "stock",
        "threads",
        "tickets",
        "visitors",
        "used_tickets",
        "watchdog",
    },
    {""},  # The package itself: the names that it offers.
    {"asgi"},
    {"cli"},
    {"__main__"},
]
CORE = LAYERS[0] | LAYERS[1]

# All that the core may use. There is no clock in it, no thread, no loop, no file and no framework.
OF_THE_CORE = {
    "__future__",
    "collections",
    "contextlib",
    "dataclasses",
    "embedsync",
    "enum",
    "msgspec",
    "struct",
    "typing",
}
# A recipe names files; it is the documents that open them. A misspelt setting gets a hint. A request says in
# which context turns run.
EXCEPTIONS = {"app": {"pathlib"}, "settings": {"difflib"}, "request": {"contextvars"}}

FRAMEWORKS = {
    "bokeh",
    "channels",
    "click",
    "daphne",
    "django",
    "flask",
    "flask_sock",
    "simple_websocket",
    "starlette",
    "tornado",
    "uvicorn",
    "watchfiles",
    "websockets",
    "werkzeug",
}
WHERE_A_FRAMEWORK_BELONGS = {
    "bokeh": {"documents", "cli"},
    "click": {"cli"},
    "tornado": {"cli"},
    "uvicorn": {"cli"},
    "watchfiles": {"cli"},
    "websockets": {"cli"},
}


def module_files() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def part(name: str) -> str:
    """The first name below the package: ``embedsync.documents.bokeh`` is part of ``documents``."""
    return name.split(".")[1] if "." in name else ""


def part_of(path: Path) -> str:
    first = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    return "" if first == "__init__" else first


def level(name: str) -> int:
    return next(index for index, layer in enumerate(LAYERS) if name in layer)


def imported_by(path: Path) -> Iterator[str]:
    """Every module that a file imports, anywhere in it; also those for the type checker alone."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name} has a relative import"
            assert node.module is not None
            for each in node.names:
                submodule = PACKAGE.parent / node.module.replace(".", "/") / f"{each.name}.py"
                yield f"{node.module}.{each.name}" if submodule.exists() else node.module


def test_every_module_has_a_layer() -> None:
    known = set().union(*LAYERS)
    assert {part_of(path) for path in module_files()} <= known


@pytest.mark.parametrize("path", module_files(), ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_a_module_imports_only_from_its_own_layer_and_below(path: Path) -> None:
    own = part_of(path)
    for name in imported_by(path):
        if name.split(".")[0] == "embedsync":
            imported = part(name)
            assert level(imported) <= level(own), f"{own or 'embedsync'} must not import {name}"


@pytest.mark.parametrize("name", sorted(CORE))
def test_the_core_knows_no_clock_no_thread_no_loop_and_no_file(name: str) -> None:
    allowed = OF_THE_CORE | EXCEPTIONS.get(name, set())
    assert {each.split(".")[0] for each in imported_by(PACKAGE / f"{name}.py")} <= allowed


def test_a_session_and_a_connection_do_not_know_each_other() -> None:
    assert "embedsync.connection" not in set(imported_by(PACKAGE / "session.py"))
    assert "embedsync.session" not in set(imported_by(PACKAGE / "connection.py"))


@pytest.mark.parametrize("path", module_files(), ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_a_framework_is_imported_only_where_it_belongs(path: Path) -> None:
    own = part_of(path)
    for name in imported_by(path):
        top = name.split(".")[0]
        if top in FRAMEWORKS:
            assert own in WHERE_A_FRAMEWORK_BELONGS.get(top, set()), f"{path.name} imports {name}"


def run(code: str) -> str:
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


IMPORT_EVERYTHING = """
import importlib, pkgutil, sys
for name in {blocked!r}:
    sys.modules[name] = None
import embedsync
for found in pkgutil.walk_packages(embedsync.__path__, "embedsync."):
    if not found.name.startswith({left_out!r}):
        importlib.import_module(found.name)
"""


def test_all_but_documents_and_command_works_without_any_framework() -> None:
    code = IMPORT_EVERYTHING.format(
        blocked=sorted(FRAMEWORKS | {"numpy"}),
        left_out=("embedsync.documents.bokeh", "embedsync.cli", "embedsync.__main__"),
    )
    make_hub = "embedsync.Hub('only for tests').stop()"
    assert run(f"{code}\n{make_hub}\nprint('fine')") == "fine"


def test_importing_starts_nothing() -> None:
    code = IMPORT_EVERYTHING.format(blocked=[], left_out=("embedsync.__main__",))
    count = "import threading, signal, logging; print(threading.active_count(), len(logging.root.handlers))"
    assert run(f"{code}\n{count}") == "1 0"


def test_a_hub_with_an_app_has_started_nothing_before_its_first_session() -> None:
    code = """
import embedsync, threading
hub = embedsync.Hub("only for tests")
hub.add_app("hello", lambda doc: None)
print(threading.active_count())
"""
    assert run(code) == "1"


def test_tornado_is_imported_for_auth_modules_only() -> None:
    theirs = ("embedsync.cli.authenticated", "embedsync.cli.tornado_handlers")
    code = IMPORT_EVERYTHING.format(blocked=["tornado"], left_out=("embedsync.__main__", *theirs))
    assert run(f"{code}\nprint('fine')") == "fine"


def test_bokehs_own_server_is_never_imported() -> None:
    code = IMPORT_EVERYTHING.format(blocked=[], left_out=("embedsync.__main__",))
    found = run(f"{code}\nprint([name for name in sys.modules if name.startswith('bokeh.server')])")
    # What sessions look like from an app is there; nothing that serves.
    allowed = {"bokeh.server", "bokeh.server.callbacks", "bokeh.server.contexts"}
    assert set(ast.literal_eval(found)) <= allowed


def test_the_version_is_the_distributions() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert embedsync.__version__ == project["version"]


def test_public_names_are_those_of_the_package() -> None:
    assert all(hasattr(embedsync, name) for name in embedsync.__all__)
