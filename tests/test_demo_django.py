"""The Django site of the demonstration, without a browser: its pages, its table, its live dashboard."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import httpx
import pytest

from embedsync import wire
from tests.contract.client import Attached, Client
from tests.contract.servers import free_port, start
from tests.support.demo import PASSWORDS, Database, csrf_token, django_site, manage
from tests.support.memory import wait_until

APPS = ["/cellar", "/sliders", "/crossfilter", "/stream", "/two-apps", "/board", "/beats"]
PUBLIC = ["/", *APPS, "/login"]
EMPTY = {"capacity": 500, "stage": "Cleaning", "litres": 0, "temperature": 4, "beer": ""}


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Database:
    return Database(tmp_path_factory.mktemp("database"))


@pytest.fixture(scope="module")
def url(database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port = free_port()
    log = tmp_path_factory.mktemp("log") / "django.log"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATABASE_URL", database.url)
        with start(django_site(port), port, "/live/health", log) as (url, _):
            yield url
            wait_until(log.read_text)  # Lines are written by a thread of their own.
    (refusal,) = log.read_text().splitlines()
    assert refusal.endswith("forbidden: TextInput.value: it is disabled")


class Visitor(httpx.Client):
    """A browser's worth of cookies, and the forms that a person fills in."""

    def send_form(self, path: str, **fields: Any) -> httpx.Response:
        token = csrf_token(self.get(path).text)
        return self.post(path, data={"csrfmiddlewaretoken": token, **fields})

    def log_in(self, name: str, password: str = "", target: str = "") -> httpx.Response:
        password = password or PASSWORDS[name]
        path = f"/login?next={target}" if target else "/login"
        return self.send_form(path, username=name, password=password)

    def open(self, path: str) -> tuple[Client, Attached]:
        """Open the live app of a page."""
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        return Client.visit(
            f"{str(self.base_url).rstrip('/')}{path}", **({"Cookie": cookies} if cookies else {})
        )


@pytest.fixture
def stranger(url: str) -> Iterator[Visitor]:
    with Visitor(base_url=url) as visitor:
        yield visitor


@pytest.fixture
def ada(url: str) -> Iterator[Visitor]:
    with Visitor(base_url=url) as visitor:
        visitor.log_in("ada")
        yield visitor


@pytest.fixture
def grace(url: str) -> Iterator[Visitor]:
    with Visitor(base_url=url) as visitor:
        visitor.log_in("grace")
        yield visitor


# Pages.


@pytest.mark.parametrize("path", PUBLIC)
def test_everyone_may_read_the_public_pages(stranger: Visitor, path: str) -> None:
    assert stranger.get(path).status_code == 200


@pytest.mark.parametrize(
    "path", [*PUBLIC, "/no-such-page", "/account", "/visitors", "/admin/", "/admin/cellar/tank/add/"]
)
def test_pages_keep_to_their_own_content_policy(ada: Visitor, path: str) -> None:
    response = ada.get(path)
    assert "script-src 'self'" in response.headers["Content-Security-Policy"]
    assert "unsafe-eval" not in response.headers["Content-Security-Policy"]
    scripts = re.findall(r"<script(?![^>]*\bsrc=)[^>]*>|\son[a-z]+=", response.text)
    assert [each for each in scripts if 'type="application/json"' not in each] == [], "inline script"


def test_an_app_page_shows_the_source_of_its_app(stranger: Visitor) -> None:
    text = unescape(re.sub(r"<[^>]+>", "", stranger.get("/sliders").text))
    assert "def change_curve(" in text
    assert '{% embed_app "sliders" %}' in text


def test_a_wrong_address_is_answered_in_the_look_of_the_site(stranger: Visitor) -> None:
    response = stranger.get("/no-such-page")
    assert response.status_code == 404
    assert "Go to the first page" in response.text


def test_files_of_the_site_and_of_live_apps_are_served(stranger: Visitor) -> None:
    page = stranger.get("/sliders").text
    files = re.findall(r'(?:src|href)="(/static/[^"]+)"', page)
    assert len(files) > 4
    assert {stranger.get(each).status_code for each in files} == {200}


# People.


def test_the_account_page_needs_a_login(stranger: Visitor) -> None:
    assert stranger.get("/account").headers["Location"] == "/login?next=/account"
    assert stranger.log_in("ada").headers["Location"] == "/account"
    assert "Ada Lovelace" in stranger.get("/account").text
    assert stranger.get("/logout").status_code == 405
    token = csrf_token(stranger.get("/account").text)
    assert stranger.post("/logout", data={"csrfmiddlewaretoken": token}).headers["Location"] == "/"
    assert stranger.get("/account").status_code == 302


def test_a_wrong_password_is_refused(stranger: Visitor) -> None:
    assert "do not belong together" in stranger.log_in("ada", "compiler").text
    assert stranger.get("/account").status_code == 302


@pytest.mark.parametrize(
    ("target", "expected"),
    [("/stream", "/stream"), ("https://example.com/", "/account"), ("//example.com/", "/account")],
)
def test_login_leads_to_pages_of_this_site_only(stranger: Visitor, target: str, expected: str) -> None:
    assert stranger.log_in("ada", target=target).headers["Location"] == expected


def test_the_staff_page_is_for_staff_and_lists_who_is_here(
    stranger: Visitor, grace: Visitor, ada: Visitor
) -> None:
    assert stranger.get("/visitors").headers["Location"] == "/login?next=/visitors"
    refused = grace.get("/visitors")
    assert refused.status_code == 403
    assert "embed-app" not in refused.text
    assert "This page is for staff only" in refused.text
    assert ada.get("/visitors").status_code == 200
    (one, _), (two, _), (client, attached) = (
        stranger.open("/sliders"),
        grace.open("/cellar"),
        ada.open("/visitors"),
    )
    with one, two, client:
        here = [("cellar", "Grace Hopper"), ("sliders", "a stranger"), ("visitors", "Ada Lovelace")]
        client.wait(lambda: set(here) <= set(zip(*people(client, attached), strict=True)))


# The table.


def test_the_demonstration_begins_with_tanks_and_people(database: Database) -> None:
    assert database.query("SELECT count(*) FROM cellar_tank WHERE name LIKE 'T_'") == [(8,)]
    people = database.query("SELECT username, is_staff, is_superuser FROM auth_user ORDER BY username")
    assert people == [("ada", 1, 0), ("grace", 0, 0)]


def test_preparing_it_again_leaves_what_is_there(tmp_path: Path) -> None:
    database = Database(tmp_path)
    changed = manage(
        "shell", "-c",
        "from demo_site.django_site.cellar.models import Tank; Tank.objects.filter(name='T1').delete()",
        DATABASE_URL=database.url,
    )  # fmt: skip
    assert changed.returncode == 0, changed.stderr
    database.prepare()
    assert database.tank("T1", "beer") is None
    assert database.tank("T2", "beer") == "Pilsner"


def test_an_edit_in_a_dashboard_is_saved_and_seen_in_another(
    grace: Visitor, stranger: Visitor, database: Database
) -> None:
    (editor, dashboard), (watcher, watched) = grace.open("/cellar"), stranger.open("/cellar")
    with editor, watcher:
        assert editor.result(dashboard, editor.set(dashboard, "beer", "value", "Old Ale")).commit
        watcher.wait(lambda: "Old Ale" in column(watcher, watched, "beer"))
        assert database.tank("T1", "beer") == "Old Ale"
        watcher.wait_for_value(watched, "beer", "value", "Old Ale")

        assert editor.result(dashboard, editor.set(dashboard, "litres", "value_throttled", 640)).commit
        watcher.wait(lambda: 640 in column(watcher, watched, "litres"))
        assert database.tank("T1", "litres") == 640


def test_an_edit_that_the_model_refuses_is_told_and_put_back(grace: Visitor, database: Database) -> None:
    client, dashboard = grace.open("/cellar")
    with client:
        client.set(dashboard, "stage", "value", "Cleaning")
        client.wait_for_value(dashboard, "message", "text", "T1 has to be empty while it is cleaned.")
        client.wait_for_value(dashboard, "stage", "value", "Fermenting")
        client.set(dashboard, "temperature", "value", 99)
        client.wait_for_value(dashboard, "message", "text", "Ensure this value is less than or equal to 30.")
        client.wait_for_value(dashboard, "temperature", "value", 18.5)
    assert database.tank("T1", "stage") == "Fermenting"


def test_a_stranger_changes_nothing_though_the_browser_may_be_made_to_try(
    stranger: Visitor, database: Database
) -> None:
    before = database.tank("T2", "beer")
    client, dashboard = stranger.open("/cellar")
    with client:
        assert dashboard.model("beer")["attributes"]["disabled"] is True
        (row,) = [index for index, name in enumerate(column(client, dashboard, "name")) if name == "T2"]
        selection = dashboard.model("tanks")["attributes"]["selected"]["id"]
        client.edit(
            dashboard,
            {"kind": "ModelChanged", "model": {"id": selection}, "attr": "indices", "new": [row]},
        )
        number = client.set(dashboard, "beer", "value", "Root Beer")
        assert client.result(dashboard, number).code == "forbidden"
        client.wait_for_value(dashboard, "beer", "value", before)
    assert database.tank("T2", "beer") == before


def test_rows_that_are_added_and_deleted_in_the_admin_come_and_go_in_open_dashboards(
    ada: Visitor, stranger: Visitor, grace: Visitor, database: Database
) -> None:
    watchers = [stranger.open("/cellar"), grace.open("/cellar")]
    added = ada.send_form("/admin/cellar/tank/add/", name="T9", **EMPTY)
    assert added.headers["Location"] == "/admin/cellar/tank/"
    for client, dashboard in watchers:
        client.wait(lambda client=client, dashboard=dashboard: "T9" in column(client, dashboard, "name"))
    number = database.tank("T9", "id")
    ada.send_form(f"/admin/cellar/tank/{number}/delete/", post="yes")
    for client, dashboard in watchers:
        client.wait(lambda client=client, dashboard=dashboard: "T9" not in column(client, dashboard, "name"))
        client.close()


def test_the_admin_is_for_staff_and_keeps_to_the_model(grace: Visitor, ada: Visitor) -> None:
    assert grace.get("/admin/cellar/tank/").status_code == 302
    refused = ada.send_form("/admin/cellar/tank/add/", name="T10", **{**EMPTY, "litres": 900})
    assert "T10 holds 500 litres at the most." in unescape(refused.text)


def test_logging_out_closes_what_is_open_under_the_login(ada: Visitor) -> None:
    client, _ = ada.open("/account")
    with client:
        token = csrf_token(ada.get("/account").text)
        ada.post("/logout", data={"csrfmiddlewaretoken": token})
        assert client.wait_closed() == wire.Close.TICKET_EXPIRED


# The project.


def test_manage_check_has_nothing_to_say(database: Database) -> None:
    checked = manage("check", "--fail-level", "WARNING", DATABASE_URL=database.url)
    assert (checked.returncode, checked.stderr) == (0, "")
    assert checked.stdout == "System check identified no issues (0 silenced).\n"


def test_a_check_for_deployment_only_misses_https_and_files_that_were_collected(database: Database) -> None:
    checked = manage("check", "--deploy", DATABASE_URL=database.url)
    found = set(re.findall(r"\((\w+\.\w\d+)\)", checked.stderr))
    missing = {"embedsync.W009", "security.W004", "security.W008", "security.W012", "security.W016"}
    assert found <= missing, checked.stderr


def test_migrations_are_those_of_the_models(database: Database) -> None:
    checked = manage("makemigrations", "--check", "--dry-run", DATABASE_URL=database.url)
    assert checked.stdout == "No changes detected\n", checked.stderr


def column(client: Client, attached: Attached, name: str, source: str = "tanks") -> list[Any]:
    """A column of a source, as the last message has it."""
    data = client.value(attached, source, "data")
    return list(dict(data["entries"])[name])


def people(client: Client, attached: Attached) -> tuple[list[Any], list[Any]]:
    """The columns of the staff page."""
    return column(client, attached, "app", "visitors"), column(client, attached, "person", "visitors")
