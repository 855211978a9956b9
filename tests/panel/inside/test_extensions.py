"""What pages load for models of extensions, and where they find it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import panel as pn
import pytest
from bokeh.models import Div

from embedsync.documents.bokeh.extensions import EXTENSIONS
from embedsync.documents.bokeh.resources import models_that_need_eval, needed_scripts
from embedsync.hub import Hub
from embedsync.request import ENDPOINT_URL, Request
from embedsync.routes import Routes
from tests.documents.bokeh.harness import Live, info

pn.extension("tabulator")

PANELS = "static/extensions/panel/panel.min.js"


@pytest.fixture
def hub() -> Any:
    made = Hub("key")
    made.add_app("app", lambda: pn.pane.Str("text"))
    yield made
    made.stop()


def test_the_bundle_of_an_extension_comes_after_those_of_bokeh_that_it_is_built_on() -> None:
    needed = needed_scripts(Live(lambda: pn.pane.Str("text")).doc.models)
    assert needed == ("bokeh.min.js", "bokeh-widgets.min.js", "bokeh-tables.min.js", PANELS)


def test_documents_without_models_of_an_extension_load_nothing_of_it() -> None:
    assert needed_scripts([Div()]) == ("bokeh.min.js", "bokeh-widgets.min.js")


def test_what_a_model_names_is_loaded_before_the_bundle_that_uses_it() -> None:
    table = pn.widgets.Tabulator(pd.DataFrame({"n": [1]}))
    needed = needed_scripts(Live(lambda: table).doc.models)
    (library,) = [each for each in needed if each.endswith("/tabulator.min.js")]
    (style,) = [each for each in needed if each.endswith(".css")]
    assert needed.index(library) < needed.index(PANELS)
    assert library.startswith("static/extensions/panel/")
    assert style.startswith("static/extensions/panel/")
    assert EXTENSIONS.path_of(library) is not None


def test_files_of_an_extension_are_served_under_a_url_with_its_hash(hub: Hub) -> None:
    url = hub.assets.script_url("bokeh", PANELS)
    version = EXTENSIONS.version("panel")
    assert url == f"extensions/bokeh/{version}/{PANELS}"
    answer = Routes(hub).respond("GET", url, Request())
    assert (answer.status, dict(answer.headers)["Content-Type"]) == (200, "text/javascript; charset=utf-8")
    assert "immutable" in dict(answer.headers)["Cache-Control"]
    other = url.replace(str(version), "0123456789abcdef")
    assert Routes(hub).respond("GET", other, Request()).status == 404
    icon = Routes(hub).respond("GET", f"extensions/bokeh/{version}/favicon.ico", Request())
    assert icon.status == 200


@pytest.mark.parametrize(
    "path",
    ["../__init__.py", "%2e%2e/__init__.py", "/etc/passwd", "a\0b", "", "x" * 5000, "css", "../../../x"],
)
def test_no_path_leads_out_of_an_extension(hub: Hub, path: str) -> None:
    version = EXTENSIONS.version("panel")
    url = f"extensions/bokeh/{version}/static/extensions/panel/{path}"
    assert Routes(hub).respond("GET", url, Request()).status == 404


def test_an_unknown_extension_has_no_files(hub: Hub) -> None:
    assert hub.assets.script_url("bokeh", "static/extensions/nobody/a.js") == "static/extensions/nobody/a.js"
    assert (
        Routes(hub).respond("GET", "extensions/bokeh/None/static/extensions/nobody/a.js", Request()).status
        == 404
    )


def sheets(live: Live) -> set[str]:
    return {each.url for each in live.doc.models if type(each).__name__ == "ImportedStyleSheet"}


@pytest.mark.parametrize(
    ("request_", "base"),
    [
        ({"page": {ENDPOINT_URL: "/live"}, "path": "/elsewhere/socket"}, "/live"),
        ({"page": {ENDPOINT_URL: "./_embedsync"}}, "./_embedsync"),
        ({"path": "/live/socket"}, "/live"),
        (
            {"path": "/live/socket", "host": "a.example", "origin": "http://b.example"},
            "http://a.example/live",
        ),
    ],
)
def test_style_sheets_are_found_from_the_page(request_: dict[str, Any], base: str) -> None:
    live = Live(lambda: pn.widgets.Button(label="go"), session=info(**request_))
    below = f"{base}/extensions/bokeh/{EXTENSIONS.version('panel')}/static/extensions/panel/"
    found = sheets(live)
    assert found
    assert all(each.startswith(below) for each in found)
    folder = Path(pn.__file__).parent / "dist"
    for each in found:
        assert (folder / each.removeprefix(below).partition("?")[0]).exists()


class Component(pn.custom.JSComponent):
    _esm = "export function render() { return document.createElement('p') }"


def test_components_with_javascript_of_their_own_need_a_policy_that_allows_it() -> None:
    live = Live(lambda: Component())
    assert models_that_need_eval(live.doc.models) == ("ReactiveESM",)
    assert live.recipe.traits.evaluates
    assert live.recipe.traits.inserts
    plain = Live(lambda: pn.widgets.Button(label="go"))
    assert not plain.recipe.traits.evaluates


def test_what_a_component_of_panel_names_is_loaded_where_it_is_shown() -> None:
    plain = needed_scripts(Live(lambda: pn.pane.Str("text")).doc.models)
    shown = needed_scripts(Live(lambda: pn.layout.FloatPanel(pn.pane.Str("text"))).doc.models)
    assert not any("jspanel" in each for each in plain)
    assert any("jspanel" in each and EXTENSIONS.path_of(each) for each in shown)


class Modular(pn.reactive.ReactiveHTML):
    _template = "<p>text</p>"
    __javascript_modules__ = ("https://example.org/library.mjs",)


def test_modules_and_files_of_other_places_keep_their_addresses() -> None:
    needed = needed_scripts(Live(lambda: Modular()).doc.models)
    assert "https://example.org/library.mjs#module" in needed
