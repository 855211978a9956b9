"""Apps under a policy that allows scripts by their nonce, styles from files, and nothing else. S23."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.browser.conftest import Visitors, own_site, running
from tests.browser.look import visit, wait_for
from tests.contract.servers import free_port

pytestmark = pytest.mark.browser

POLICY = (
    "default-src 'none'; script-src NONCE; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
STYLES = """() => {
  const below = root => [...root.querySelectorAll("*")].flatMap(
    each => [each, ...(each.shadowRoot === null ? [] : below(each.shadowRoot))])
  return below(document).filter(each => each.localName === "style").length
}"""


@pytest.fixture(scope="module")
def strict_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port, log = free_port(), tmp_path_factory.mktemp("policy") / "site.log"
    with running(own_site(port), port, log, TEST_POLICY=POLICY) as url:
        yield url


@pytest.mark.parametrize("app", ["bench", "form", "tools", "arrays", "styled"])
def test_s23_apps_live_under_the_strictest_policy_without_a_violation(
    strict_url: str, visitor: Visitors, app: str
) -> None:
    """The visitor fails on each violation."""
    page = visit(visitor(), f"{strict_url}/page/{app}")
    assert page.evaluate(STYLES) == 0


def test_s23_styles_come_in_their_order_change_and_go_under_the_strictest_policy(
    strict_url: str, visitor: Visitors
) -> None:
    page = visit(visitor(), f"{strict_url}/page/styled")
    shown = """([name, wanted]) => {
      const view = Bokeh.index.find_one_by_id(Bokeh.documents[0].get_model_by_name(name).id)
      return getComputedStyle(view.el).backgroundColor === wanted
    }"""
    # BokehJS's own style comes first, then those of the app, of which the last counts.
    wait_for(page, shown, ["styled", "rgb(0, 128, 0)"])
    page.get_by_role("button", name="Change").click()
    wait_for(page, shown, ["styled", "rgb(0, 0, 255)"])
    page.get_by_role("button", name="Take away").click()
    wait_for(page, shown, ["styled", "rgb(255, 0, 0)"])
    wait_for(page, shown, ["untouched", "rgba(0, 0, 0, 0)"])


def test_a_style_that_imports_another_one_is_left_as_it_is(own_apps_url: str, visitor: Visitors) -> None:
    """Constructed style sheets import nothing, so it goes the old way; here the policy says no to that."""
    imports = "Loading the stylesheet 'data:text/css,'"
    visitor.expected = lambda complaint: imports in complaint or "style-src-elem data" in complaint
    page = visit(visitor(), f"{own_apps_url}/styled?imports=1")
    assert page.evaluate(STYLES) == 1
