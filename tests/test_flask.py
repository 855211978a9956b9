"""The Flask extension beside its contract: configuration, tags, users, and stopping."""

from __future__ import annotations

import errno
import re
import resource
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, cast

import pytest
from bokeh.models import Div
from flask import Flask, render_template_string, request
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user
from simple_websocket import Server

from embedsync import wire
from embedsync.documents import load
from embedsync.errors import ConfigurationError
from embedsync.request import Request
from embedsync.settings import Settings
from embedsync_flask import EmbedSync
from embedsync_flask.capacity import (
    announce_threads,
    make_room_for_files,
    warn_of_held_threads,
    with_room,
)
from embedsync_flask.carried import NoThread
from tests.contract.client import Client
from tests.contract.servers import free_port, start
from tests.support.handshake import HANDSHAKE
from tests.support.memory import MemoryBrowser, ToyRecipe, wait_until


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


@pytest.mark.parametrize(
    ("config", "options", "commits"),
    [
        ({}, {}, False),
        ({"EMBEDSYNC_AUTHORITY": "compat"}, {}, True),
        ({"EMBEDSYNC_AUTHORITY": "compat"}, {"authority": "closed"}, False),
        ({}, {"authority": "compat"}, True),
    ],
)
def test_the_setting_says_what_browsers_may_change_unless_an_app_does(
    config: dict[str, Any], options: dict[str, Any], commits: bool
) -> None:
    div = Div()
    app, live = make(**config)
    live.add_app("text", lambda doc: doc.add_root(div), **options)
    with app.test_request_context():
        hub = live.hub
    browser = MemoryBrowser(hub).open(hub.ticket("text"))
    browser.wait_for(wire.SnapshotFrame)
    browser.edit(1, {"kind": "ModelChanged", "model": {"id": div.id}, "attr": "text", "new": "mine"})
    assert browser.wait_for(wire.Result).commit is commits
    hub.stop()


def test_a_recipe_that_is_made_takes_no_more_options() -> None:
    with pytest.raises(ConfigurationError, match="when a recipe is made"):
        load(ToyRecipe(), read_only=True)


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
    with pytest.raises(ConfigurationError, match="did you mean EMBEDSYNC_GRACE"):
        make(EMBEDSYNC_GRAZE=7)


@pytest.mark.parametrize("add", ["init_app", "register_blueprint"])
def test_a_factory_hears_of_a_bad_setting_when_it_adds_the_extension(add: str) -> None:
    live, app = EmbedSync(), Flask(__name__)
    app.config.update({"SECRET_KEY": "for tests only", "EMBEDSYNC_GRACE": -1})
    with pytest.raises(ConfigurationError, match="'grace' must be above 0"):
        live.init_app(app) if add == "init_app" else app.register_blueprint(live.blueprint)


@pytest.mark.parametrize(
    ("config", "words"),
    [({"EMBEDSYNC_GRAZE": 7}, "did you mean EMBEDSYNC_GRACE"), ({"SECRET_KEY": None}, "SECRET_KEY")],
)
def test_what_is_set_wrong_later_is_in_the_log_at_the_first_request_though_pages_without_apps_are_there(
    config: dict[str, Any], words: str, caplog: pytest.LogCaptureFixture
) -> None:
    app, _ = make()
    app.config.update(config)
    app.add_url_rule("/plain", "plain", lambda: "a page")
    for _ in range(2):
        assert app.test_client().get("/plain").text == "a page"
    told = [each.getMessage() for each in caplog.records if each.levelname == "ERROR"]
    assert len(told) == 1
    assert words in told[0]


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


def gunicorn(port: int, *options: str) -> list[str]:
    return [
        sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "--no-control-socket", *options,
        "tests.contract.flask_site:create_app()",
    ]  # fmt: skip


@pytest.mark.parametrize("worker", ["gthread", "gevent"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_gunicorn_told_to_stop_sends_browsers_away_to_come_back(
    tmp_path: Path, number: int, worker: str
) -> None:
    port = free_port()
    command = gunicorn(port, "--config", "python:embedsync_flask.gunicorn", "--worker-class", worker)
    with start(command, port, "/live/health", tmp_path / "log") as (url, process):
        client, _ = Client.visit(f"{url}/page/echo")
        with client:
            process.send_signal(number)
            assert client.wait_closed() == wire.Close.DRAIN
        assert process.wait(60) == 0
    log = (tmp_path / "log").read_text()
    assert "SIGKILL" not in log
    assert "Traceback" not in log


def test_a_process_that_a_worker_of_gunicorn_has_forked_can_be_ended() -> None:
    script = """
import multiprocessing, time
from types import SimpleNamespace
from embedsync_flask.gunicorn import post_worker_init

post_worker_init(SimpleNamespace(cfg=SimpleNamespace(workers=1, worker_class_str="sync")))
forked = multiprocessing.get_context("fork").Process(target=time.sleep, args=(60,), daemon=True)
forked.start()
forked.terminate()
forked.join(60)
print(forked.exitcode)
"""
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ended.stdout == f"{-signal.SIGTERM}\n"


@pytest.mark.parametrize(("count", "told"), [(1, 0), (3, 1)])
def test_who_gives_gunicorn_several_workers_is_told_that_sessions_live_in_one(
    tmp_path: Path, count: int, told: int
) -> None:
    port = free_port()
    command = gunicorn(port, "--config", "python:embedsync_flask.gunicorn", "--workers", str(count))
    with start(command, port, "/live/health", tmp_path / "log") as (_, process):
        said = "workers share one address"
        wait_until(lambda: (tmp_path / "log").read_text().count("Booting worker") == count)
        wait_until(lambda: (tmp_path / "log").read_text().count(said) >= told)
        process.terminate()
        process.wait(30)
    assert (tmp_path / "log").read_text().count(said) == told


@pytest.mark.parametrize("options", [["--threads", "2"], []], ids=["two threads", "one thread"])
def test_there_may_be_more_open_pages_than_threads_of_gunicorn(tmp_path: Path, options: list[str]) -> None:
    port = free_port()
    with (
        start(gunicorn(port, *options), port, "/live/health", tmp_path / "log") as (url, _),
        ExitStack() as stack,
    ):
        for _ in range(6):
            client, attached = Client.visit(f"{url}/page/echo")
            stack.enter_context(client)
            assert attached.document


def test_in_debug_mode_the_place_of_a_root_may_say_what_is_wrong_with_it() -> None:
    tag = "{{ embed_app('toy', root='plot') }}"
    assert " debug>" in render(make(EMBEDSYNC_DEBUG=True)[0], tag)
    assert " debug" not in render(make()[0], tag)


def refused_socket(**environ: Any) -> int:
    """The status of a socket on a server that says so about itself."""
    app, _ = make()
    upgrade = {"Upgrade": "websocket", "Connection": "Upgrade", "Origin": "http://localhost"}
    answer = app.test_client().get("/live/socket", headers=upgrade, environ_overrides=environ)
    return answer.status_code


def test_a_server_with_one_thread_that_a_page_would_hold_is_told_what_to_run(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert refused_socket(**{"wsgi.multithread": False}) == 503
    assert "gunicorn -c python:embedsync_flask.gunicorn" in caplog.text


def test_a_server_whose_threads_are_held_by_pages_is_told_once_what_to_set(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Sockets that gunicorn encrypts itself cannot be taken from it."""
    encrypted = ssl.SSLSocket.__new__(ssl.SSLSocket)
    for _ in range(2):
        warn_of_held_threads({"gunicorn.socket": encrypted}, Settings())
    assert caplog.text.count("'--threads'") == 1
    assert "gunicorn -c python:embedsync_flask.gunicorn" in caplog.text


def test_where_pages_hold_threads_the_last_ones_are_kept_for_requests() -> None:
    announce_threads(4)
    try:
        assert with_room(Settings()).sockets == 2
        assert with_room(Settings(sockets=7)).sockets == 7
    finally:
        announce_threads(None)


def test_open_pages_leave_half_of_the_files_of_the_process_to_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gunicorn that cannot take the next connection ends its worker, and with it all sessions."""
    limits = {"now": (1024, 4096)}
    monkeypatch.setattr(resource, "getrlimit", lambda which: limits["now"])
    monkeypatch.setattr(resource, "setrlimit", lambda which, wished: limits.update(now=wished))
    assert with_room(Settings()).sockets == 512
    assert with_room(Settings(sockets=7)).sockets == 7
    make_room_for_files()
    assert limits["now"] == (4096, 4096)
    assert with_room(Settings()).sockets == 2048
    limits["now"] = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    make_room_for_files()
    assert with_room(Settings()).sockets is None


def test_a_process_without_files_for_a_socket_says_so_and_writes_nothing_after_the_handshake(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def no_more(*_: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    app, live = make()
    ours, theirs = socket.socketpair()
    with app.test_request_context(), ours, theirs:
        server = Server({"gunicorn.socket": ours, **HANDSHAKE}, thread_class=NoThread)
        monkeypatch.setattr("embedsync_flask.carried.sockets.socketpair", no_more)
        response = live._carry(server, live.hub.connect(Request()))
        with pytest.raises(StopIteration):  # It closes the connection, and is not to reuse it.
            response({}, cast(Any, no_more))
        assert len(live.hub._sockets) == 0
        assert theirs.recv(4096).endswith(b"\r\n\r\n")
        live.hub.stop()
    assert "no room for it" in caplog.text


@pytest.mark.parametrize(
    "wrong",
    [
        {"HTTP_SEC_WEBSOCKET_VERSION": "12"},
        {"HTTP_SEC_WEBSOCKET_PROTOCOL": "\xff"},
    ],
)
def test_a_handshake_that_is_none_is_refused_without_a_traceback(
    wrong: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    app, live = make()
    ours, theirs = socket.socketpair()
    with ours, theirs:
        environ = {"werkzeug.socket": ours, "HTTP_ORIGIN": "http://localhost", **HANDSHAKE, **wrong}
        answer = app.test_client().get("/live/socket", environ_overrides=environ)
    with app.app_context():
        live.hub.stop()
    assert answer.status_code == 400
    assert not caplog.records


def test_who_may_not_use_an_app_finds_a_sentence_in_its_place() -> None:
    app, live = make()
    live.add_app("guarded", ToyRecipe(), permission=lambda request: request.user_key == "ada")
    live.user_loader(lambda: "eve")
    page = render(app, "{{ embed_app('guarded') }}")
    assert "You are not allowed to use this app." in page
    assert "ticket" not in page
    live.user_loader(lambda: "ada")
    assert tickets(render(app, "{{ embed_app('guarded') }}"))


def test_a_permission_may_ask_flask_login_while_no_request_is_handled() -> None:
    """Sockets are let in, and looked at again, beside the request that has opened them."""
    app, live = make()
    users = LoginManager(app)

    class User(UserMixin):
        id = "ada"

    users.user_loader(lambda key: User())
    live.add_app("guarded", ToyRecipe(), permission=lambda request: current_user.is_authenticated)

    @app.get("/login")
    def login() -> str:
        login_user(User())
        return ""

    handshakes: list[Request] = []

    @app.get("/socket")
    def socket() -> str:
        handshakes.append(live._request())
        return ""

    client = app.test_client()
    client.get("/socket")
    client.get("/login")
    client.get("/socket")
    with app.app_context():
        hub = live.hub
    stranger, ada = handshakes
    assert not hub.permits(hub.app("guarded"), stranger)
    assert hub.permits(hub.app("guarded"), ada)


def test_a_height_may_be_a_number() -> None:
    app, _ = make()
    assert 'height="300"' in render(app, "{{ embed_app('toy', height=300) }}")


def test_a_misspelt_option_of_an_app_is_named() -> None:
    _, live = make()
    with pytest.raises(ConfigurationError, match="did you mean 'shared'"):
        live.add_app("other", ToyRecipe(), shard=True)


@pytest.mark.parametrize("name", ["my app", "ü", ""])
def test_a_name_that_cannot_stand_in_a_url_is_refused_at_once(name: str) -> None:
    _, live = make()
    with pytest.raises(ConfigurationError, match="app name"):
        live.add_app(name, ToyRecipe())


def test_a_logout_of_flask_login_closes_what_the_user_has_open() -> None:
    app, live = make()
    users = LoginManager(app)

    class User(UserMixin):
        id = "ada"

    users.user_loader(lambda key: User())

    @app.get("/login")
    def login() -> str:
        login_user(User())
        return ""

    @app.get("/logout")
    def logout() -> str:
        logout_user()
        return ""

    client = app.test_client()
    client.get("/login")
    with app.test_request_context():
        hub = live.hub
    hers = MemoryBrowser(hub, user_key="ada").open(hub.ticket("toy", user_key="ada"))
    other = MemoryBrowser(hub, user_key="eve").open(hub.ticket("toy", user_key="eve"))
    for each in (hers, other):
        each.wait_for(wire.SnapshotFrame)
    client.get("/logout")
    wait_until(lambda: hers.endpoint.close_code == wire.Close.TICKET_EXPIRED)
    assert other.endpoint.close_code is None
    hub.stop()


def test_who_comes_back_while_a_logout_is_answered_is_out_when_it_is() -> None:
    """Until the answer is there, the browser's other pages have a cookie that is still good."""
    app, live = make()
    live.user_loader(lambda: "ada")
    back: list[MemoryBrowser] = []

    @app.get("/logout")
    def logout() -> str:
        live.logged_out("ada")
        hub = live.hub
        back.append(MemoryBrowser(hub, user_key="ada").open(hub.ticket("toy", user_key="ada")))
        back[0].wait_for(wire.SnapshotFrame)
        return ""

    app.test_client().get("/logout", buffered=True)
    with app.test_request_context():
        hub = live.hub
    wait_until(lambda: back[0].endpoint.close_code == wire.Close.TICKET_EXPIRED)
    hub.stop()


def test_who_is_logged_in_is_asked_again_with_the_cookies_of_the_handshake() -> None:
    app, live = make()
    users = {"ada"}

    @live.user_loader
    def user() -> str | None:
        name = request.cookies.get("user", "")
        return name if name in users else None

    with app.test_request_context("/live/socket", headers={"Cookie": "user=ada"}):
        made = live._request()
    assert made.reload is not None
    again = made.reload()
    assert again is not None
    assert (again.user, again.user_key) == ("ada", "ada")
    users.clear()
    assert made.reload() is None
    with app.test_request_context("/live/socket"):
        assert live._request().reload is None


def test_a_body_of_unknown_length_is_read_no_further_than_needed() -> None:
    app, _ = make()

    def endless() -> Iterator[bytes]:
        for _ in range(10):
            yield b"x" * 10_000
        raise AssertionError("it was read on")

    class Body:
        def __init__(self) -> None:
            self._parts = endless()

        def read(self, size: int = -1) -> bytes:
            return next(self._parts)[:size]

    answer = app.test_client().post(
        "/live/ticket",
        environ_overrides={"wsgi.input": Body(), "wsgi.input_terminated": True, "CONTENT_LENGTH": ""},
    )
    assert answer.status_code == 413
