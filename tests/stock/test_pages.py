"""What clients of Bokeh's server ask by HTTP: scripts of pages, files, what is known of apps."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from bokeh.application import Application
from bokeh.embed.bundle import extension_dirs
from bokeh.util.token import get_session_id, get_token_payload

from embedsync import Hub, Settings
from embedsync.asgi import application
from tests.asgi.server import running
from tests.stock.conftest import KEY, Site, serving

FRIEND = "https://friend.example"
STRANGER = "https://stranger.example"


@pytest.fixture
def friendly() -> Iterator[Site]:
    with serving(allowed_origins=(FRIEND,), stock_unsigned=False) as served:
        yield served


def autoload(site: Site, app: str = "amounts", **more: str) -> str:
    asked = {
        "bokeh-autoload-element": "e1",
        "bokeh-app-path": f"/{app}",
        "bokeh-absolute-url": site.app(app),
        **more,
    }
    return str(httpx.URL(f"{site.app(app)}/autoload.js", params=asked))


def token_in(script: str) -> str:
    found = re.search(r'"token":"([^"]+)"', script)
    assert found is not None
    return found[1]


def test_the_script_loads_bokeh_from_where_it_came_and_carries_a_signed_token(friendly: Site) -> None:
    answer = httpx.get(autoload(friendly, symbol="AAPL"))
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    token = token_in(answer.text)
    assert friendly.hub.tokens.is_signed(token)
    assert get_token_payload(token)["arguments"] == {"symbol": [b"AAPL"]}
    for url in re.findall(r'http://127[^"]+\.js[^"]*', answer.text):
        file = httpx.get(url)
        assert file.status_code == 200
        assert file.headers["Content-Type"].startswith("text/javascript")


def test_a_page_that_has_bokeh_gets_a_script_without_it(site: Site) -> None:
    assert "bokeh.min.js" not in httpx.get(autoload(site, resources="none")).text


def test_nothing_of_a_request_is_in_a_token_but_arguments(site: Site) -> None:
    answer = httpx.get(autoload(site), headers={"Cookie": "secret=1", "Authorization": "secret"})
    said = {"session_expiry", "arguments", "embedsync_user", "embedsync_app"}
    assert set(get_token_payload(token_in(answer.text))) == said


def test_only_origins_that_are_named_may_load_the_script(friendly: Site) -> None:
    friend = httpx.get(autoload(friendly), headers={"Origin": FRIEND})
    assert friend.headers["Access-Control-Allow-Origin"] == FRIEND
    assert "Origin" in friend.headers["Vary"]
    stranger = httpx.get(autoload(friendly), headers={"Origin": STRANGER})
    assert stranger.status_code == 403
    assert "Access-Control-Allow-Origin" not in stranger.headers
    assert "allowed_origins" in stranger.text


def test_an_origin_that_is_named_may_send_the_headers_that_it_asks_for(friendly: Site) -> None:
    asked = {"Origin": FRIEND, "Access-Control-Request-Headers": "bokeh-session-id, x-mine"}
    answer = httpx.options(autoload(friendly), headers=asked)
    assert answer.status_code == 204
    assert answer.headers["Access-Control-Allow-Headers"] == "bokeh-session-id, x-mine"
    assert httpx.options(autoload(friendly), headers={**asked, "Origin": STRANGER}).status_code == 403


def test_a_script_for_a_session_names_it_if_the_site_has_signed_its_id(friendly: Site) -> None:
    session = friendly.hub.tokens.new_session()
    answer = httpx.get(autoload(friendly), headers={"Bokeh-Session-Id": session})
    assert get_session_id(token_in(answer.text)) == session
    forged = httpx.get(autoload(friendly), headers={"Bokeh-Session-Id": "mine"})
    assert forged.status_code == 403
    assert httpx.get(autoload(friendly, **{"bokeh-session-id": session})).status_code == 200


def test_a_session_is_named_once(site: Site) -> None:
    both = httpx.get(autoload(site, **{"bokeh-session-id": "a"}), headers={"Bokeh-Session-Id": "a"})
    assert both.status_code == 403


def test_an_app_that_is_not_open_to_script_tags_gives_no_script(site: Site) -> None:
    answer = httpx.get(autoload(site, "private"))
    assert answer.status_code == 403
    assert "script_tag=True" in answer.text


def test_an_argument_that_an_app_does_not_take_is_refused(site: Site) -> None:
    assert httpx.get(autoload(site, "shared", symbol="AAPL")).status_code == 403


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("bokeh-autoload-element", ""),
        ("bokeh-autoload-element", "x'); alert(1); ('"),
        ("bokeh-autoload-element", "x" * 1_000),
        ("bokeh-app-path", '/"); alert(1); ("'),
        ("bokeh-app-path", "no slash"),
        ("bokeh-absolute-url", "javascript:alert(1)"),
        ("bokeh-absolute-url", 'http://a/"); alert(1); ("'),
        ("bokeh-absolute-url", "http://user@host/"),
    ],
)
def test_what_would_be_written_into_the_script_is_plain_or_refused(site: Site, name: str, value: str) -> None:
    assert httpx.get(autoload(site, **{name: value})).status_code == 400


def test_what_an_app_says_of_itself_is_asked_by_its_url(site: Site) -> None:
    answer = httpx.get(f"{site.app()}/metadata")
    assert answer.json() == {"url": "/amounts", "data": {}}
    assert httpx.post(f"{site.app()}/metadata").status_code == 405


def test_a_ready_application_says_what_its_author_gave_it() -> None:
    hub = Hub(KEY, Settings(stock_clients=True))
    hub.add_app("plain", Application(metadata={"author": "Ada"}))
    hub.add_app("asked", Application(metadata=lambda: {"count": 3}))
    with running(application(hub), hub) as url:
        assert httpx.get(f"{url}/plain/metadata").json()["data"] == {"author": "Ada"}
        assert httpx.get(f"{url}/asked/metadata").json()["data"] == {"count": 3}


@pytest.mark.parametrize(
    "path",
    ["static/../../__init__.py", "static/js/%2e%2e/%2e%2e/__init__.py", "static/js", "static/js/nothing.js"],
)
def test_nothing_beside_bokehs_files_is_served(site: Site, path: str) -> None:
    assert httpx.get(f"{site.url}/{path}").status_code == 404


def test_files_of_extensions_and_of_apps_are_served_and_nothing_beside_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    extension, app = tmp_path / "extension", tmp_path / "app"
    for folder in (extension, app / "static"):
        folder.mkdir(parents=True)
        (folder / "own.js").write_text("mine()")
    (app / "main.py").write_text("secret = 1")
    (tmp_path / "secret.js").write_text("secret")
    monkeypatch.setitem(extension_dirs, "mine", extension)
    hub = Hub(KEY, Settings(stock_clients=True))
    hub.add_app("app", app)
    with running(application(hub, pages=True), hub) as url:
        for path in ("static/extensions/mine/own.js", "app/static/own.js"):
            assert httpx.get(f"{url}/{path}").text == "mine()"
        for path in (
            "static/extensions/mine/%2e%2e/secret.js",
            "static/extensions/other/own.js",
            "app/static/%2e%2e/main.py",
            "app/static//etc/hostname",
        ):
            assert httpx.get(f"{url}/{path}").status_code == 404


def test_nothing_of_it_is_there_unless_it_is_switched_on() -> None:
    with serving(stock_clients=False) as site:
        for path in ("amounts/autoload.js", "amounts/metadata", "static/js/bokeh.min.js"):
            assert httpx.get(f"{site.url}/{path}").status_code == 404


def test_below_a_mount_everything_is_beside_our_own_endpoint() -> None:
    hub = Hub(KEY, Settings(stock_clients=True))
    hub.add_app("app", lambda doc: None, script_tag=True)
    with running(application(hub, prefix="/live"), hub) as url:
        assert httpx.get(f"{url}/live/app/metadata").status_code == 200
        assert httpx.get(f"{url}/live/static/js/bokeh.min.js").status_code == 200
        assert httpx.get(f"{url}/live/{hub.assets.runtime_url()}").status_code == 200
        asked = {"bokeh-autoload-element": "e1", "bokeh-absolute-url": f"{url}/live/app"}
        script = httpx.get(f"{url}/live/app/autoload.js", params=asked).text
        assert f"{url}/live/static/js/bokeh.min.js" in script
