"""`embedsync serve --dev` as its author sees it: a file is saved, and the page is as the file says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visitors, embedsync_serve, running
from tests.cli.visits import script
from tests.contract.servers import free_port

pytestmark = pytest.mark.browser

TEXT = """
    from bokeh.io import curdoc
    from bokeh.models import Div

    curdoc().add_root(Div(text="{}"))
    """
PATIENCE = 30_000


@pytest.fixture
def app(tmp_path: Path) -> Path:
    return script(tmp_path, "myapp.py", TEXT.format("as it was"))


@pytest.fixture
def address(app: Path, tmp_path: Path) -> Iterator[str]:
    port = free_port()
    with running([*embedsync_serve(port, app), "--dev"], port, tmp_path / "log") as url:
        yield f"{url}/myapp"


def test_the_page_loads_itself_again_when_a_file_changes(address: str, app: Path, visitor: Visitors) -> None:
    page = visitor()
    page.goto(address)
    expect(page.get_by_text("as it was")).to_be_visible(timeout=PATIENCE)
    for text in ("another", "a third"):
        script(app.parent, app.name, TEXT.format(text))
        expect(page.get_by_text(text)).to_be_visible(timeout=PATIENCE)


def test_a_syntax_error_is_shown_as_text_until_it_is_mended(
    address: str, app: Path, visitor: Visitors
) -> None:
    visitor.expected = lambda complaint: "500" in complaint
    page = visitor()
    page.goto(address)
    expect(page.get_by_text("as it was")).to_be_visible(timeout=PATIENCE)
    app.write_text("x = 1\ny = = '<b>bold</b>'\n")
    expect(page.locator("pre")).to_contain_text("myapp.py", timeout=PATIENCE)
    assert page.locator("pre b").count() == 0
    script(app.parent, app.name, TEXT.format("mended"))
    expect(page.get_by_text("mended")).to_be_visible(timeout=PATIENCE)


def test_what_an_app_raises_is_shown_until_it_is_mended(address: str, app: Path, visitor: Visitors) -> None:
    page = visitor()
    app.write_text("raise ValueError('not in the mood')")
    page.goto(address)
    expect(page.get_by_text("not in the mood").first).to_be_visible(timeout=PATIENCE)
    script(app.parent, app.name, TEXT.format("mended"))
    expect(page.get_by_text("mended")).to_be_visible(timeout=PATIENCE)
