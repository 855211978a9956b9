"""Models whose views are written beside them."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from bokeh.embed.bundle import bundle_for_objs_and_resources
from bokeh.models import Div
from bokeh.resources import Resources

from embedsync import wire
from embedsync.documents.bokeh import compiled, extensions, stock_pages
from embedsync.documents.bokeh.compiled import CompiledModels
from embedsync.documents.bokeh.private import CompilationError, forget_classes
from embedsync.documents.bokeh.resources import needed_scripts
from embedsync.documents.bokeh.stock_pages import autoload_script
from embedsync.errors import BuildError
from embedsync.hub import Hub
from embedsync.request import Request
from embedsync.routes import Routes
from embedsync.settings import Settings
from tests.documents.bokeh.harness import Live
from tests.support.memory import MemoryBrowser


def define() -> type[Div]:
    """The class, as a script defines it for each visit."""

    class Own(Div):
        __implementation__ = "export class Own {}\n"

    return Own


@pytest.fixture(autouse=True)
def nothing_is_compiled_yet(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    models = CompiledModels()
    monkeypatch.setattr(extensions, "COMPILED", models)
    monkeypatch.setattr(stock_pages, "COMPILED", models)
    yield
    # Pages of stock BokehJS have all models of the process.
    forget_classes([__name__])


@pytest.fixture
def compilations(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Which models were compiled; `compat/test_compiled.py` has Node.js do it."""
    made: list[list[str]] = []

    def compile_models(models: dict[str, Any]) -> str:
        made.append([each.implementation.code for each in models.values()])
        return "/* compiled */"

    monkeypatch.setattr(compiled, "compile_models", compile_models)
    return made


def test_what_a_script_defines_for_each_visit_is_compiled_once(compilations: list[list[str]]) -> None:
    models = CompiledModels()
    names = {models.script_of(define()) for _ in range(3)}
    assert len(names) == 1
    assert compilations == [["export class Own {}\n"]]


@pytest.mark.usefixtures("compilations")
def test_the_script_of_a_model_is_served_after_the_bundles_that_it_builds_on() -> None:
    hub = Hub("key")
    hub.add_app("app", lambda doc: None)
    try:
        *bundles, own = needed_scripts([define()(text="")])
        assert bundles == ["bokeh.min.js", "bokeh-widgets.min.js", "bokeh-tables.min.js"]
        url = hub.assets.script_url("bokeh", own)
        answer = Routes(hub).respond("GET", url, Request())
        assert (answer.status, answer.body) == (200, b"/* compiled */")
        assert "immutable" in dict(answer.headers)["Cache-Control"]
        other = Routes(hub).respond("GET", f"extensions/bokeh/compiled/{'0' * 16}/Own.js", Request())
        assert other.status == 404
    finally:
        hub.stop()


def test_a_model_that_does_not_compile_is_in_the_log_and_stops_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(models: dict[str, Any]) -> str:
        raise CompilationError("own.ts:1:1 - error TS1128")

    monkeypatch.setattr(compiled, "compile_models", fail)
    with caplog.at_level(logging.ERROR, "embedsync.bokeh"):
        assert needed_scripts([define()(text="")]) == (
            "bokeh.min.js",
            "bokeh-widgets.min.js",
        )
    assert "error TS1128" in caplog.text


def test_an_app_with_a_model_that_does_not_compile_fails_with_what_the_compiler_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(models: dict[str, Any]) -> str:
        raise CompilationError("\x1b[96mown.ts\x1b[0m:1:1 - error TS1128")

    monkeypatch.setattr(compiled, "compile_models", fail)
    with pytest.raises(BuildError, match=r"model Own has .*\nown\.ts:1:1 - error TS1128"):
        Live(lambda doc: doc.add_root(define()(text="")))


@pytest.mark.usefixtures("compilations")
def test_an_app_with_a_model_that_compiles_does_not() -> None:
    assert Live(lambda doc: doc.add_root(define()(text=""))).document.snapshot().scripts


def test_what_does_not_compile_is_tried_again_only_after_a_while(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    now = [1000.0]
    tried: list[str] = []

    def fail(models: dict[str, Any]) -> str:
        tried.extend(models)
        raise CompilationError("own.ts:1:1 - error TS1128")

    monkeypatch.setattr(compiled, "compile_models", fail)
    monkeypatch.setattr("embedsync.documents.bokeh.compiled.time.monotonic", lambda: now[0])
    models = CompiledModels()
    with caplog.at_level(logging.ERROR, "embedsync.bokeh"):
        assert [models.script_of(define()) for _ in range(3)] == [None] * 3
        assert len(tried) == caplog.text.count("TS1128") == 1
        now[0] += 61
        assert models.script_of(define()) is None
    assert len(tried) == 2


def test_pages_of_stock_bokehjs_have_every_model_that_compiles(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    define()

    class Faulty(Div):
        __implementation__ = "export class {}\n"

    def compile_models(models: dict[str, Any]) -> str:
        if any(each.name == "Faulty" for each in models.values()):
            raise CompilationError("faulty.ts:1:1 - error TS1128")
        return "/* compiled */"

    monkeypatch.setattr(compiled, "compile_models", compile_models)
    with caplog.at_level(logging.ERROR, "embedsync.bokeh"):
        script = autoload_script("token", element="e", app_path="/app", absolute_url=None, root_url="/")
    assert "/* compiled */" in script
    assert "Faulty" in caplog.text


@pytest.mark.parametrize("root_url", ["/", "https://example.org/below/", None])
def test_pages_of_stock_bokehjs_load_what_bokeh_has_them_load(root_url: str | None) -> None:
    resources = Resources(mode="server", root_url=root_url) if root_url is not None else None
    bokehs, ours = bundle_for_objs_and_resources(None, resources), stock_pages._bundle(resources)
    assert list(ours) == list(bokehs)
    assert ours.hashes == bokehs.hashes


def test_in_debug_mode_the_page_has_what_the_compiler_says_and_nothing_of_the_engine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(models: dict[str, Any]) -> str:
        raise CompilationError("own.ts:1:1 - error TS1128")

    monkeypatch.setattr(compiled, "compile_models", fail)
    hub = Hub("key", Settings(debug=True))
    hub.add_app("app", lambda doc: doc.add_root(define()(text="")))
    try:
        closed = MemoryBrowser(hub).open(hub.ticket("app")).wait_for(wire.Closed)
        assert closed.code == wire.Close.BUILD_FAILED
        begun, said = closed.detail.splitlines()
        assert begun == "model Own has an __implementation__ that does not compile:"
        assert said == "own.ts:1:1 - error TS1128"
    finally:
        hub.stop()


@pytest.mark.parametrize("where", ["in a script", "in a module"])
def test_an_app_whose_model_compiles_after_all_is_shown(monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    of_module, now, broken = define(), [1000.0], [True]

    def own() -> type[Div]:
        return of_module if where == "in a module" else define()

    def compile_models(models: dict[str, Any]) -> str:
        if broken[0]:
            raise RuntimeError("no space left on device")
        return "/* compiled */"

    monkeypatch.setattr(compiled, "compile_models", compile_models)
    monkeypatch.setattr("embedsync.documents.bokeh.compiled.time.monotonic", lambda: now[0])
    for _ in range(2):
        with pytest.raises(BuildError, match="no space left"):
            Live(lambda doc: doc.add_root(own()(text="")))
    broken[0] = False
    now[0] += 61
    assert Live(lambda doc: doc.add_root(own()(text=""))).document.snapshot().scripts
