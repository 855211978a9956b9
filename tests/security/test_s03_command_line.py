"""S1, S3: the doors of `embedsync serve`, with users and without."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import httpx
import pytest

from tests.cli.process import Serving, serving
from tests.security.asking import ask, knock
from tests.security.test_s03_routes import gives_nothing

AUTH = """
    login_url = "https://login.example"

    def get_user(handler):
        return handler.get_cookie("who")
"""
APP = """
    from bokeh.io import curdoc
    from bokeh.models import Div

    curdoc().add_root(Div(text="only for members"))
"""
PUBLIC = ["/favicon.ico", "/static/js/bokeh.min.js", "/_embedsync/health", "/_embedsync/embed.js"]
GUARDED = [
    "/",
    "/app",
    "/app/",
    "/app/autoload.js?bokeh-autoload-element=a",
    "/app/metadata",
    "/app/static/members.txt",
    "/_embedsync/socket",
    "/_embedsync/ticket",
    "/_embedsync/../app",
    "/static/../app",
    "//app",
    "/%61pp",
    "/none",
]
SOCKETS = ["/_embedsync/socket", "/app/ws", "/none/ws", "/app/terminal/ws"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("served")
    (made / "app" / "static").mkdir(parents=True)
    (made / "app" / "main.py").write_text(dedent(APP))
    (made / "app" / "static" / "members.txt").write_text("only for members")
    (made / "auth.py").write_text(dedent(AUTH))
    return made


def test_s03_a_stranger_gets_no_page_no_file_no_ticket_and_no_socket(folder: Path, tmp_path: Path) -> None:
    with serving(tmp_path, folder / "app", "--auth-module", folder / "auth.py") as served:
        for path in GUARDED:
            answer = ask(f"{served.root}{path}")
            assert answer.status in (302, 403, 404, 421), path
            assert "only for members" not in answer.body, path
            assert gives_nothing(answer.body), path
        for path in SOCKETS:
            assert knock(f"{served.root}{path}", [("Origin", served.root)], "bokeh, token") == 403, path
        assert ask(f"{served.endpoint}/ticket", "POST", [("Origin", served.root)], b"{}").status == 403
        for path in PUBLIC:
            assert ask(f"{served.root}{path}").status == 200, path
        ada = httpx.get(f"{served.root}/app", headers={"Cookie": "who=ada"})
        assert ada.status_code == 200
        assert ada.headers["Referrer-Policy"] == "same-origin"


@pytest.mark.parametrize(("authority", "status"), [("compat", 101), ("closed", 403)])
def test_s01_scripts_with_cookies_are_let_in_where_bokehs_server_lets_them_in(
    folder: Path, tmp_path: Path, authority: str, status: int
) -> None:
    with serving(tmp_path, folder / "app", "--authority", authority) as served:
        assert _knock(served, [("Cookie", "a=1")]) == status
        assert _knock(served, [("Cookie", "a=1"), ("Origin", served.root)]) == 101
        assert _knock(served, [("Cookie", "a=1"), ("Origin", "https://evil.example")]) == 403
        assert _knock(served, []) == 101


def _knock(served: Serving, headers: list[tuple[str, str]]) -> int:
    return knock(f"{served.endpoint}/socket", headers)
