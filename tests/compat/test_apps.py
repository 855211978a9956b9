"""Ways to write an app."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import ROOT, Server, Visitors
from tests.compat.conftest import KINDS, Open, Served, sees, shown
from tests.contract.servers import free_port

pytestmark = pytest.mark.browser


def test_a_script_finds_its_arguments_and_its_file_and_stays_in_the_folder_of_the_server(
    opened: Open,
) -> None:
    sees(
        opened("basics"),
        "argv=basics.py --fast 7; file=basics.py; module=bokeh_app; registered=True; neighbour=from beside; "
        "folder=True",
    )


def test_a_script_runs_anew_for_each_visit_and_the_modules_that_it_imports_once(opened: Open) -> None:
    texts = [opened("counted").get_by_text(re.compile(r"^visit \d+$")).inner_text() for _ in range(2)]
    before, after = (int(each.removeprefix("visit ")) for each in texts)
    assert after == before + 1


def test_output_functions_of_a_script_do_nothing(opened: Open, served: Served) -> None:
    sees(opened("output"), "written nowhere")
    assert not list((Path(__file__).parent / "apps").glob("*.html"))


def test_a_notebook_is_an_app_without_what_only_jupyter_knows(opened: Open) -> None:
    sees(opened("book"), "a notebook by itself")


def test_a_directory_may_hold_a_notebook_and_server_lifecycle_hooks(opened: Open) -> None:
    sees(opened("lifecycle"), "a notebook, loaded created")


def test_a_directory_is_a_package_whose_theme_colours_its_plots(opened: Open) -> None:
    page = opened("hooked?visit=themed")
    sees(page, "helped by the package; visit themed")
    fill = page.evaluate("() => Bokeh.documents[0].get_model_by_name('plot').background_fill_color")
    assert fill == "#2f4f4f"


def test_a_theme_may_be_named_by_the_script(opened: Open) -> None:
    page = opened("themed")
    fill = page.evaluate("() => Bokeh.documents[0].get_model_by_name('plot').background_fill_color")
    assert fill == "#20262B"


def test_the_app_knows_the_request_of_its_page(opened: Open, served: Served, visitors: Visitors) -> None:
    page = visitors()
    page.context.add_cookies([{"name": "flavour", "value": "vanilla", "url": served.url}])
    page.goto(f"{served.url}/request?symbol=AAPL&symbol=IBM&empty=&words=%C3%A4")
    shown(page)
    sees(
        page,
        "arguments={'empty': [''], 'symbol': ['AAPL', 'IBM'], 'words': ['ä']}; cookie=vanilla; "
        "agent=Mozilla; payload=['arguments', 'cookies', 'headers']; id=True; destroyed=False; logout=None; "
        "path=/request",
    )


# From Python.


@pytest.fixture(scope="module", params=KINDS)
def functions(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port = free_port()
    command = [sys.executable, "-m", "tests.compat.functions", request.param, str(port)]
    server = Server(command, port, tmp_path_factory.mktemp("functions") / "log", PYTHONPATH=str(ROOT))
    try:
        server.start()
        yield server.url
    finally:
        server.stop()


def test_a_function_is_an_app(functions: str, visitors: Visitors) -> None:
    page = visitors()
    page.goto(f"{functions}/plain")
    sees(page, "a function")
    page.get_by_role("button", name="Press").click()
    sees(page, "pressed")
    expect(page).to_have_title("Plain")


def test_the_handlers_of_an_application_fill_one_document_in_order(
    functions: str, visitors: Visitors
) -> None:
    page = visitors()
    page.goto(f"{functions}/several")
    sees(page, "a first handler", "a second one, after 1 root")


def test_an_application_may_hold_a_script(functions: str, visitors: Visitors) -> None:
    page = visitors()
    page.goto(f"{functions}/script")
    expect(page.get_by_text(re.compile(r"^visit \d+$"))).to_be_visible()
