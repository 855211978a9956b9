"""`--auth-module`: files that were written for `bokeh serve` say who a visitor is."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from embedsync import wire
from tests.asgi.client import Client, socket_url
from tests.asgi.server import until
from tests.cli.process import Serving, serving
from tests.cli.test_mistakes import complaint
from tests.cli.visits import document_of, script

SECRET = {"BOKEH_COOKIE_SECRET": "only for tests"}


@pytest.fixture
def app(tmp_path: Path) -> Path:
    return script(
        tmp_path,
        "myapp.py",
        """
        from bokeh.io import curdoc
        from bokeh.models import Div

        context = curdoc().session_context
        curdoc().add_root(Div(text=f"{context.request.user} may leave by {context.logout_url}"))
        """,
    )


@pytest.fixture
def module(tmp_path: Path) -> Path:
    return script(
        tmp_path,
        "auth.py",
        """
        from tornado.web import RequestHandler

        login_url, logout_url = "/login", "/logout"

        def get_user(handler):
            return handler.get_signed_cookie("who")

        class LoginHandler(RequestHandler):
            def get(self):
                self.finish(f"<form>{self.xsrf_form_html()}</form>")

            def post(self):
                self.set_signed_cookie("who", self.get_argument("name"))
                self.redirect(self.get_argument("next", "/"))

        class LogoutHandler(RequestHandler):
            def get(self):
                self.clear_cookie("who")
                self.redirect("/login")
        """,
    )


def log_in(client: httpx.Client, served: Serving, **more: str) -> httpx.Response:
    return client.post(f"{served.root}/login", data={"name": "ada", "next": "/myapp", **more})


def cookies_of(client: httpx.Client) -> dict[str, str]:
    return {"Cookie": "; ".join(f"{name}={value}" for name, value in client.cookies.items())}


@pytest.mark.parametrize("prefix", ["", "/apps"])
def test_strangers_are_sent_to_log_in_and_come_back(
    app: Path, module: Path, tmp_path: Path, prefix: str
) -> None:
    arguments = ["--auth-module", module, "--prefix", prefix]
    with serving(tmp_path, app, *arguments, variables=SECRET) as served, httpx.Client(timeout=30) as client:
        asked = client.get(f"{served.lines[0]}?a=1")
        assert asked.status_code == 302
        here = quote(f"{prefix}/myapp?a=1", safe="")
        assert asked.headers["Location"] == f"{prefix}/login?next={here}"
        assert "form" in client.get(f"{served.root}/login").text
        assert log_in(client, served).headers["Location"] == "/myapp"
        told = document_of(served, headers=cookies_of(client))
        assert "b'ada'" in told
        assert f"may leave by {prefix}/logout" in told


def test_no_socket_no_ticket_and_no_index_without_a_user(app: Path, module: Path, tmp_path: Path) -> None:
    with serving(tmp_path, app, "--auth-module", module, variables=SECRET) as served:
        for path in ("/_embedsync/socket", "/myapp/ws"):
            with pytest.raises(InvalidStatus) as refused:
                Client(f"{served.root.replace('http', 'ws', 1)}{path}")
            assert refused.value.response.status_code == 403
        assert httpx.post(f"{served.endpoint}/ticket", json={}).status_code == 403
        for path in ("/", "/myapp/autoload.js", "/nothing"):
            assert httpx.get(f"{served.root}{path}").status_code == 302
        assert httpx.get(f"{served.endpoint}/health").status_code == 200


def test_who_logs_out_is_out_at_once(app: Path, module: Path, tmp_path: Path) -> None:
    variables = {**SECRET, "BOKEH_AUTH_MODULE": str(module)}
    with serving(tmp_path, app, variables=variables) as served, httpx.Client(timeout=30) as client:
        log_in(client, served)
        page = client.get(served.lines[0]).text
        with Client(socket_url(served.endpoint), cookies_of(client)) as socket:
            socket.open(page.partition('ticket="')[2].partition('"')[0])
            client.get(f"{served.root}/logout")
            assert socket.close_code() in (wire.Close.FORBIDDEN, wire.Close.TICKET_EXPIRED)
        assert client.get(served.lines[0]).status_code == 302


def test_forms_need_a_token_where_that_is_wanted(app: Path, module: Path, tmp_path: Path) -> None:
    arguments = ["--auth-module", module, "--enable-xsrf-cookies", "--cookie-secret", "only for tests"]
    with serving(tmp_path, app, *arguments) as served, httpx.Client(timeout=30) as client:
        assert log_in(client, served).status_code == 403
        form = client.get(f"{served.root}/login").text
        token = form.partition('value="')[2].partition('"')[0]
        assert log_in(client, served, _xsrf=token).status_code == 302


def test_a_user_may_be_awaited_and_the_place_to_log_in_computed(app: Path, tmp_path: Path) -> None:
    module = script(
        tmp_path,
        "auth.py",
        """
        async def get_user_async(handler):
            return handler.request.headers.get("X-User")

        def get_login_url(handler):
            return f"https://login.example/?from={handler.request.host}"
        """,
    )
    with serving(tmp_path, app, "--auth-module", module) as served:
        asked = httpx.get(served.lines[0])
        assert asked.headers["Location"].startswith("https://login.example/?from=localhost:")
        assert "ada may leave" in document_of(served, headers={"X-User": "ada"})


def test_a_module_that_fails_lets_nobody_in(app: Path, tmp_path: Path) -> None:
    module = script(tmp_path, "auth.py", "def get_user(handler): return 1 / 0\nlogin_url = '/login'")
    with serving(tmp_path, app, "--auth-module", module) as served:
        answer = httpx.get(served.lines[0])
        assert (answer.status_code, answer.text) == (500, "something went wrong here")
        with pytest.raises(InvalidStatus):
            Client(socket_url(served.endpoint))
        until(lambda: "ZeroDivisionError" in served.log)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("def get_user(handler): pass", "login_url"),
        ("get_user = get_user_async = print; login_url = '/l'", "leave one out"),
        ("login_url = '/l'; get_login_url = print", "leave one out"),
        ("LoginHandler = object", "login_url"),
        ("1 / 0", "ZeroDivisionError"),
        ("x = = 1", "SyntaxError"),
    ],
)
def test_a_module_that_cannot_work_is_refused_at_once(
    app: Path, tmp_path: Path, text: str, told: str
) -> None:
    module = script(tmp_path, "auth.py", text)
    assert told in complaint("serve", app, "--auth-module", module)
