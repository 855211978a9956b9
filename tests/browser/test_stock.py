"""Stock BokehJS in a real Chromium, by what ``bokeh.embed`` of the installed Bokeh writes into pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from bokeh.client import ClientSession, pull_session
from bokeh.embed import server_document, server_session
from bokeh.embed.server import server_html_page_for_session
from bokeh.resources import Resources
from playwright.sync_api import Page, expect

from embedsync import Hub, Settings
from embedsync.asgi import application
from embedsync.asgi.http import send_response
from embedsync.asgi.protocol import Receive, Scope, Send
from embedsync.routes import Response
from tests.asgi.server import running as running_here
from tests.asgi.server import until
from tests.browser.conftest import (
    Proxied,
    Serve,
    Visitors,
    embedsync_serve,
    is_about_the_network,
    running,
)
from tests.browser.look import attribute, slider, visit, wait_for, wait_for_value
from tests.contract.servers import free_port
from tests.stock.conftest import amounts

pytestmark = [
    pytest.mark.browser,
    # The client of Bokeh leaves its socket to the collector.
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]

APPS = Path(__file__).parent / "apps"


@pytest.fixture(scope="module")
def served(elsewhere: Serve, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Our server, which lets pages of the other origin show its apps."""
    port, log = free_port(), tmp_path_factory.mktemp("served") / "log"
    origin = elsewhere("").rpartition("/")[0]
    command = [*embedsync_serve(port, APPS / "bench.py", APPS / "arrays.py"), "--allow-origin", origin]
    with running(command, port, log) as url:
        yield url


def _is_about_the_cut(complaint: str) -> bool:
    """Stock BokehJS says that it cannot connect, and what it cannot send: it has drawn on meanwhile."""
    reasons = ("open websocket", "not connected so cannot send")
    return is_about_the_network(complaint) or any(each in complaint for each in reasons)


def shown(page: Page, address: str) -> Page:
    """Open a page and wait until stock BokehJS has its document."""
    page.goto(address)
    wait_for(page, "() => globalThis.Bokeh?.documents.length > 0 && Bokeh.documents[0].roots().length > 0")
    assert page.locator("embed-app").count() == 0
    return page


def pulled(url: str, see: Callable[[ClientSession], str]) -> str:
    """What a client of Bokeh sees of a new session. On a thread: there cannot be two loops on one."""

    def pull() -> str:
        session = pull_session(url=url)
        try:
            return see(session)
        finally:
            session.close()

    with ThreadPoolExecutor() as pool:
        return pool.submit(pull).result()


def press_right(page: Page) -> None:
    slider(page, 0).focus()
    page.keyboard.press("ArrowRight")


def test_a_document_in_a_page_of_another_origin_is_live(
    served: str,
    elsewhere: Serve,
    visitor: Visitors,
) -> None:
    script = server_document(f"{served}/bench", arguments={"words": "from elsewhere"})
    page = shown(visitor(), elsewhere(script))
    expect(page.get_by_label("Words")).to_have_value("from elsewhere")
    press_right(page)
    wait_for_value(page, "report", "value", "amount is 2")


def test_an_origin_that_is_not_named_gets_no_script(served: str, elsewhere: Serve, visitor: Visitors) -> None:
    visitor.expected = lambda complaint: True
    page = visitor()
    address = elsewhere(server_document(f"{served}/bench"))
    # The same page under another name of this machine is another origin.
    with page.expect_console_message(lambda each: "No 'Access-Control-Allow-Origin'" in each.text):
        page.goto(address.replace("127.0.0.1", "localhost"))
    assert page.evaluate("() => globalThis.Bokeh === undefined")


def test_a_page_that_bokeh_has_written_is_live(visitor: Visitors) -> None:
    text = ""

    def written(session: ClientSession) -> str:
        resources: Any = Resources(mode="server", root_url=f"{url}/")
        return server_html_page_for_session(session, resources, "A page")  # type: ignore[arg-type]

    async def site(scope: Scope, receive: Receive, send: Send) -> None:
        """A page of Bokeh looks for the socket below its own address."""
        if scope["type"] == "http" and scope["path"] == "/amounts":
            await send_response(send, Response(200, text.encode(), [("Content-Type", "text/html")]))
        else:
            await live(scope, receive, send)

    hub = Hub("only for tests", Settings(stock_clients=True, stock_unsigned=True))
    hub.add_app("amounts", amounts, script_tag=True)
    live = application(hub)
    with running_here(site, hub) as url:
        text = pulled(f"{url}/amounts", written).replace("<head>", '<head><link rel="icon" href="data:,">')
        page = shown(visitor(), f"{url}/amounts")
        press_right(page)
        wait_for_value(page, "double", "value", 4)
        assert page.title() == "Amounts"
        page.close()  # Before the server stops: it would try to come back.


def test_a_stock_page_and_one_of_ours_show_one_session_and_converge(
    served: str, elsewhere: Serve, visitor: Visitors
) -> None:
    session = pulled(f"{served}/bench", lambda session: session.id)
    stock = shown(visitor(), elsewhere(server_session(session_id=session, url=f"{served}/bench")))
    ours = visit(visitor(), f"{served}/bench?bokeh-session-id={session}")
    press_right(stock)
    wait_for_value(ours, "report", "value", "amount is 2")
    words = ours.get_by_label("Words")
    words.fill("from ours")
    words.press("Enter")
    wait_for_value(stock, "words", "value", "from ours")
    for _ in range(5):
        press_right(ours)
        press_right(stock)

    def shown_by(page: Page) -> list[Any]:
        return [attribute(page, name, "value") for name in ("amount", "report", "words")]

    until(lambda: shown_by(ours) == shown_by(stock) == [*_settled(shown_by(stock)[0]), "from ours"])


def _settled(amount: int) -> list[Any]:
    """What two of three properties are when the server has answered the last change of the first."""
    return [amount, f"amount is {amount}"]


def test_arrays_arrive_as_bytes_in_both_directions(
    served: str,
    elsewhere: Serve,
    visitor: Visitors,
) -> None:
    page = shown(visitor(), elsewhere(server_document(f"{served}/arrays")))
    press_right(page)
    wait_for(page, "() => Bokeh.documents[0].get_model_by_name('source').data.x.length === 3000")
    page.evaluate(
        "() => { Bokeh.documents[0].get_model_by_name('source').data = {x: new Float64Array(5).fill(2)} }"
    )
    wait_for_value(page, "total", "value", "10.0")


def test_a_page_that_loses_its_socket_comes_back_with_its_arrays(
    served: str,
    elsewhere: Serve,
    visitor: Visitors,
    proxied: Proxied,
) -> None:
    visitor.expected = _is_about_the_cut
    proxy, address = proxied(f"{served}/arrays")
    page = shown(visitor(), elsewhere(server_document(address)))
    press_right(page)
    wait_for(page, "() => Bokeh.documents[0].get_model_by_name('source').data.x.length === 3000")
    page.evaluate("() => { window.first = Bokeh.documents[0].roots()[0] }")
    proxy.cut()
    wait_for(
        page,
        "() => Bokeh.documents[0].roots()[0] !== window.first && Bokeh.documents[0].roots().length === 1",
    )
    assert page.evaluate("() => Bokeh.documents[0].get_model_by_name('source').data.x[2999]") == 2999
    press_right(page)
    wait_for(page, "() => Bokeh.documents[0].get_model_by_name('source').data.x.length === 4000")
