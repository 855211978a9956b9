"""Models whose views are written beside them."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from bokeh.models import Div
from bokeh.util import compiler

from embedsync.documents.bokeh import compiled, extensions
from embedsync.documents.bokeh.compiled import CompiledModels
from embedsync.documents.bokeh.private import CompilationError
from embedsync.documents.bokeh.resources import needed_scripts
from embedsync.documents.bokeh.stock_pages import autoload_script
from embedsync.errors import BuildError
from embedsync.hub import Hub
from embedsync.request import Request
from embedsync.routes import Routes


def define() -> type[Div]:
    """The class, as a script defines it for each visit."""

    class Own(Div):
        __implementation__ = "export class Own {}\n"

    return Own


@pytest.fixture(autouse=True)
def nothing_is_compiled_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extensions, "COMPILED", CompiledModels())


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


def test_a_model_that_does_not_compile_does_not_end_the_process_that_makes_a_script_for_stock_pages(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    define()

    def fail(models: dict[str, Any]) -> str:
        raise CompilationError("own.ts:1:1 - error TS1128")

    monkeypatch.setattr(compiler, "_bundle_models", fail)
    monkeypatch.setattr(compiler, "_bundle_cache", {})
    with pytest.raises(BuildError, match="does not compile"):
        autoload_script("token", element="e", app_path="/app", absolute_url=None, root_url="/")
