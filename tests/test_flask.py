"""The Flask extension beside its contract: configuration, tags, users, and stopping."""

from __future__ import annotations

import re
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, render_template_string
from flask_login import LoginManager, UserMixin, login_user

from embedsync import wire
from embedsync.errors import ConfigurationError
from embedsync_flask import EmbedSync
from tests.contract.client import Client
from tests.contract.servers import free_port, start
from tests.support.memory import ToyRecipe


def make(**config: Any) -> tuple[Flask, EmbedSync]:
    app = Flask(__name__)
    app.config.update({"SECRET_KEY": "for tests only", **config})
    live = EmbedSync(app)
    live.add_app("toy", ToyRecipe())
    return app, live


def render(app: Flask, template: str, **values: Any) -> str:
    with app.test_request_context():
        return render_template_string(template, **values)


def tickets(page: str) -> list[str]:
    return re.findall(r'ticket="([^"]*)"', page)


def test_a_tag_prints_an_element_and_one_module_script_and_nothing_inline() -> None:
    app, _ = make()
    page = render(app, "{{ embed_app('toy') }}{{ embed_app('toy', id='other') }}")
    assert page.count("<embed-app ") == 2
    assert page.count('<script type="module" src="/live/static/') == 1
    assert re.findall(r"<script[^>]*>([^<]*)</script>", page) == [""]
    assert "style=" not in page


def test_tags_of_the_same_app_and_arguments_share_a_session_and_others_do_not() -> None:
    app, _ = make()
    page = render(
        app,
        "{{ embed_app('toy', root='plot') }}{{ embed_app('toy', root='controls') }}"
        "{{ embed_app('toy', symbol='A') }}{{ embed_app('toy', id='second') }}",
    )
    first, second, third, fourth = tickets(page)
    assert first == second
    assert len({first, third, fourth}) == 3


def test_an_unknown_app_is_a_box_in_debug_mode_and_else_a_comment_and_a_logged_error(
    caplog: pytest.LogCaptureFixture,
) -> None:
    app, _ = make()
    assert render(app, "{{ embed_app('nothing') }}") == "<!-- embedsync: unknown app -->"
    assert "'toy'" in caplog.text
    app, _ = make(EMBEDSYNC_DEBUG=True)
    assert "known apps: &#x27;toy&#x27;" in render(app, "{{ embed_app('nothing') }}")


def test_an_argument_that_cannot_be_carried_is_named() -> None:
    app, _ = make()
    with pytest.raises(ConfigurationError, match="argument 'symbol'"):
        render(app, "{{ embed_app('toy', symbol=thing) }}", thing=object())


def test_settings_come_from_the_configuration_and_a_misspelled_one_is_named() -> None:
    app, live = make(EMBEDSYNC_GRACE=7, EMBEDSYNC_ALLOWED_ORIGINS=["https://other.example"])
    with app.test_request_context():
        assert live.hub.settings.grace == 7
        assert live.hub.settings.allowed_origins == ("https://other.example",)
    app, live = make(EMBEDSYNC_GRAZE=7)
    with app.test_request_context(), pytest.raises(ConfigurationError, match="did you mean EMBEDSYNC_GRACE"):
        _ = live.hub


def test_without_a_secret_key_the_error_says_what_to_write() -> None:
    app, _ = make(SECRET_KEY=None)
    with pytest.raises(ConfigurationError, match=r'app.config\["SECRET_KEY"\]'):
        render(app, "{{ embed_app('toy') }}")


def test_two_flask_apps_with_one_extension_stay_apart() -> None:
    live = EmbedSync()
    live.add_app("toy", ToyRecipe())
    hubs = []
    for _ in range(2):
        app = Flask(__name__)
        app.config["SECRET_KEY"] = "for tests only"
        live.init_app(app)
        with app.test_request_context():
            hubs.append(live.hub)
    assert hubs[0] is not hubs[1]


def test_the_blueprint_may_be_registered_under_any_prefix() -> None:
    live = EmbedSync()
    live.add_app("toy", ToyRecipe())
    app = Flask(__name__)
    app.config["SECRET_KEY"] = "for tests only"
    app.register_blueprint(live.blueprint, url_prefix="/deep/down")
    assert 'endpoint="/deep/down"' in render(app, "{{ embed_app('toy') }}")
    assert app.test_client().get("/deep/down/health").json["status"] == "ok"  # type: ignore[index]


def test_behind_a_proxy_with_a_prefix_urls_carry_it() -> None:
    app, _ = make()
    with app.test_request_context(environ_overrides={"SCRIPT_NAME": "/site"}):
        assert 'endpoint="/site/live"' in render_template_string("{{ embed_app('toy') }}")


def test_a_name_is_given_once() -> None:
    _, live = make()
    with pytest.raises(ConfigurationError, match="already"):
        live.add_app("toy", ToyRecipe())


def test_the_user_of_flask_login_is_found_by_itself() -> None:
    app, live = make()
    users = LoginManager(app)

    class User(UserMixin):
        id = "ada"

    users.user_loader(lambda key: User())

    @app.get("/login")
    def login() -> str:
        login_user(User())
        return ""

    @app.get("/key")
    def key() -> str:
        return live._request().user_key

    client = app.test_client()
    assert client.get("/key").text == ""
    client.get("/login")
    assert client.get("/key").text == "ada"


def test_a_user_that_cannot_be_named_is_an_error_and_no_stranger() -> None:
    app, live = make()
    live.user_loader(lambda: object())
    with pytest.raises(ConfigurationError, match="get_id"):
        render(app, "{{ embed_app('toy') }}")


def test_a_ticket_is_not_renewed_for_a_page_of_a_foreign_origin() -> None:
    app, _ = make()
    [ticket] = tickets(render(app, "{{ embed_app('toy') }}"))
    client = app.test_client()
    foreign = client.post("/live/ticket", json={"ticket": ticket}, headers={"Origin": "https://evil.example"})
    assert foreign.status_code == 403
    own = client.post("/live/ticket", json={"ticket": ticket}, headers={"Origin": "http://localhost"})
    assert own.status_code == 200
    assert not any(
        name.startswith("Access-Control") for name in [*own.headers.keys(), *foreign.headers.keys()]
    )


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"\xff", b'{"ticket": 1}'])
def test_a_bad_request_for_a_ticket_is_refused(body: bytes) -> None:
    app, _ = make()
    assert app.test_client().post("/live/ticket", data=body).status_code in (400, 403)


def test_a_request_body_that_is_too_long_is_refused() -> None:
    app, _ = make()
    assert app.test_client().post("/live/ticket", data=b"x" * 30_000).status_code == 413


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_gunicorn_told_to_stop_sends_browsers_away_to_come_back(tmp_path: Path, number: int) -> None:
    port = free_port()
    command = [
        sys.executable, "-m", "gunicorn", "--config", "python:embedsync_flask.gunicorn", "--bind",
        f"127.0.0.1:{port}", "--no-control-socket", "tests.contract.flask_site:create_app()",
    ]  # fmt: skip
    with start(command, port, "/live/health", tmp_path / "log") as (url, process):
        client, _ = Client.visit(f"{url}/page/echo")
        with client:
            process.send_signal(number)
            assert client.wait_closed() == wire.Close.DRAIN
        assert process.wait(15) == 0
    assert "SIGKILL" not in (tmp_path / "log").read_text()
