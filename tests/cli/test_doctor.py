"""`embedsync doctor`: what is wrong with what is installed, and what the pages of apps must allow."""

from __future__ import annotations

from pathlib import Path

import pytest
from bokeh.document import Document
from bokeh.models import (
    AjaxDataSource,
    Button,
    ColumnDataSource,
    DataTable,
    Div,
    ImageURLTexture,
    ImportedStyleSheet,
    TablerIcon,
    TextInput,
    WMTSTileSource,
)
from bokeh.plotting import figure

from embedsync.cli import doctor
from embedsync.cli.doctor import policy_line, problems
from embedsync.documents.bokeh.policy import needs_of
from tests.cli.process import run
from tests.cli.visits import script

PLAIN = "default-src 'self'; script-src 'self'; style-src 'self'; "


def needed(*roots: object) -> dict[str, set[str]]:
    """What a document of these needs, by directive."""
    document = Document()
    for each in roots:
        document.add_root(each)  # type: ignore[arg-type]
    found: dict[str, set[str]] = {}
    for need in needs_of(document):
        found.setdefault(need.directive, set()).update(need.sources)
    return found


def tiled() -> object:
    plot = figure()
    plot.add_tile(WMTSTileSource(url="https://{s}.tiles.example/{Z}/{X}/{Y}.png"))
    return plot


def pictured() -> object:
    plot = figure()
    urls = ["https://one.example/a.png", "https://two.example:8443/b.png", "/own.png"]
    plot.image_url("url", "x", "y", source=ColumnDataSource({"url": urls, "x": [1, 2, 3], "y": [1, 2, 3]}))
    return plot


def webgl() -> object:
    plot = figure(output_backend="webgl")
    plot.scatter([1], [2])
    return plot


@pytest.mark.parametrize(
    ("make", "wanted"),
    [
        (lambda: Button(), {}),
        (lambda: Div(text="<b>bold</b>"), {}),
        (tiled, {"img-src": {"https://*.tiles.example"}}),
        (pictured, {"img-src": {"https://one.example", "https://two.example:8443"}}),
        (webgl, {"script-src": {"'unsafe-eval'"}}),
        (
            lambda: AjaxDataSource(data_url="https://data.example/x?y"),
            {"connect-src": {"https://data.example"}},
        ),
        (lambda: AjaxDataSource(data_url="/own"), {}),
        (lambda: ImageURLTexture(url="//cdn.example/t.png"), {"img-src": {"https://cdn.example"}}),
        (lambda: DataTable(source=ColumnDataSource()), {"style-src": {"'unsafe-inline'"}}),
        (
            lambda: Button(stylesheets=[ImportedStyleSheet(url="https://css.example/a.css")]),
            {"style-src": {"https://css.example"}},
        ),
        (lambda: Button(stylesheets=["@import url('a.css');"]), {"style-src": {"'unsafe-inline'"}}),
        (lambda: Button(icon=TablerIcon("eye")), {"font-src": {"https://unpkg.com"}}),
        (lambda: Div(text="<img src='https://img.example/a'>"), {"img-src": {"https://img.example"}}),
        (lambda: Div(text='<p style="color: red">'), {"style-src-attr": {"'unsafe-inline'"}}),
        (lambda: Div(text="<style>p {}</style>"), {"style-src": {"'unsafe-inline'"}}),
        (lambda: TextInput(value="<style> https://x.example"), {}),
    ],
)
def test_what_a_model_needs_of_a_policy_is_named(make: object, wanted: dict[str, set[str]]) -> None:
    assert needed(make()) == wanted  # type: ignore[operator]


def test_an_app_with_a_page_of_its_own_loads_bokehjs_before_we_can_help() -> None:
    document = Document()
    document.template = "{% block contents %}{% endblock %}"
    [need] = needs_of(document)
    assert (need.directive, need.sources) == ("style-src", ("'unsafe-inline'",))


def test_a_policy_names_each_source_once() -> None:
    document = Document()
    for _ in range(2):
        document.add_root(tiled())  # type: ignore[arg-type]
        document.add_root(DataTable(source=ColumnDataSource()))
    line = policy_line(needs_of(document))
    assert line.count("tiles.example") == line.count("'unsafe-inline'") == 1
    assert "img-src 'self' data: https://*.tiles.example;" in line
    assert line.endswith("object-src 'none'; base-uri 'none'")


def test_apps_that_need_nothing_get_the_strict_policy(tmp_path: Path) -> None:
    source = """
from bokeh.io import curdoc
from bokeh.models import Button
curdoc().add_root(Button())
"""
    told = run("doctor", "--csp", script(tmp_path, "plain.py", source))
    assert told.returncode == 0
    assert "plain: builds, and needs nothing more" in told.stdout
    assert f"Content-Security-Policy: {PLAIN}" in told.stdout


def test_each_need_is_told_with_who_has_it_and_why(tmp_path: Path) -> None:
    source = """
from bokeh.io import curdoc
from bokeh.models import Button, CustomJS
button = Button()
button.js_on_click(CustomJS(code="1"))
curdoc().add_root(button)
"""
    told = run("doctor", "--csp", script(tmp_path, "scripted.py", source))
    assert "script-src 'unsafe-eval'   for CustomJS: it is JavaScript held as text" in told.stdout
    assert "script-src 'self' 'unsafe-eval';" in told.stdout


def test_an_app_that_cannot_be_built_is_told_and_fails(tmp_path: Path) -> None:
    told = run("doctor", script(tmp_path, "broken.py", "1 / 0"))
    assert told.returncode == 1
    assert "broken: " in told.stdout
    assert told.stdout.count("ZeroDivisionError") == 1
    assert told.stderr == ""


def test_of_a_path_that_leads_to_no_app_nothing_else_is_told(tmp_path: Path) -> None:
    told = run("doctor", script(tmp_path, "plain.py", ""), tmp_path / "nope.py")
    assert told.returncode == 1
    assert told.stdout == ""
    assert told.stderr == f"embedsync: there is no app at {tmp_path / 'nope.py'}\n"


def test_without_apps_it_looks_at_what_is_installed() -> None:
    told = run("doctor")
    assert told.returncode == 0
    assert told.stdout.strip() == "What is installed fits together."
    asked = run("doctor", "--csp")
    assert asked.returncode == 1
    assert "name the apps" in asked.stderr


def test_what_is_missing_or_too_old_is_told_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    installed = {"bokeh": "3.9.2", "flask": "3.1", "flask-sock": "0.7", "channels": "4.2", "django": "5.2"}
    installed |= {"daphne": "4.2.1"}
    monkeypatch.setattr(doctor, "_version", installed.get)
    assert list(problems()) == [
        "flask needs simple-websocket for live connections: pip install simple-websocket",
        "daphne 4.2.1 is too old: pip install 'daphne>=4.2.2'",
    ]
    monkeypatch.setattr(doctor, "_version", {}.get)
    assert "bokeh is not installed" in next(problems())
