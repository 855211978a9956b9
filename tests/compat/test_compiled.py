"""Models whose views are written beside them, and compiled by Bokeh with Node.js."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.compat.conftest import KINDS, Open, Served, sees, serving

pytestmark = pytest.mark.browser


@pytest.fixture(params=KINDS)
def served(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Served]:
    """A server with the one app, in place of the one with all."""
    let_bokeh_compile()
    served = serving(request.param, tmp_path, ["compiled"])
    try:
        served.server.start()
        yield served
    finally:
        served.server.stop()


def let_bokeh_compile() -> None:
    """Bokeh's compiler is no module, but takes itself for one where a package.json above it says so.

    Ours says so, and the environment of the tests may be below it.
    """
    nearer = Path(sys.prefix) / "package.json"
    if not nearer.exists():
        nearer.write_text("{}")


def test_a_model_may_have_a_view_that_the_app_brings_along(opened: Open) -> None:
    page = opened("compiled")
    sees(page, "level 3", "heard nothing")
    page.get_by_text("level 3").click()
    sees(page, "level 4", "heard 4")
    page.get_by_role("button", name="Rise").click()
    sees(page, "level 10", "heard 10")
    page.get_by_role("button", name="More").click()
    sees(page, "came later")
