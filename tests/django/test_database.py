"""The database in app code: it is there, in sync and async code, and no connection is left open."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from bokeh.document import Document
from django.db import connections, transaction
from django.test import Client as Pages
from django.test import TestCase, override_settings

from embedsync.settings import Settings
from embedsync_django import embed
from tests.contract.client import Attached, Client
from tests.django.site.models import Note
from tests.django.support import (
    attributes,
    cookie_header,
    logged_in,
    manage,
    member,
    open_app,
    open_files,
    served,
    server,
)
from tests.support import postgres
from tests.support.memory import wait_until

CALLBACKS = 500
SESSIONS = 5


def turn_the_slider(client: Client, attached: Attached, times: int) -> None:
    """So many callbacks, one after the other."""
    for number in range(2, times + 2):
        client.set(attached, "amount", "value", number)
        client.wait(lambda number=number: client.value(attached, "report", "value").startswith(f"{number}: "))


def many_callbacks(url: str, name: str, times: int = CALLBACKS) -> None:
    for _ in range(SESSIONS):
        client, attached = open_app(url, name)
        with client:
            turn_the_slider(client, attached, times // SESSIONS)


@pytest.fixture
def notes() -> Iterator[int]:
    Note.objects.all().delete()
    Note.objects.bulk_create([Note(text="a"), Note(text="b")])
    connections.close_all()
    yield 2
    Note.objects.all().delete()


@pytest.mark.parametrize("name", ["counting", "counting_async"])
def test_app_functions_and_callbacks_use_the_database(name: str, notes: int) -> None:
    with served() as url:
        client, attached = open_app(url, name)
        with client:
            assert client.value(attached, "report", "value") == str(notes)
            client.set(attached, "amount", "value", 7)
            client.wait_for_value(attached, "report", "value", f"7: {notes}")


@pytest.mark.parametrize("name", ["counting", "counting_async"])
def test_many_callbacks_leave_no_connection_open(name: str, notes: int, database: Path) -> None:
    with served() as url:
        many_callbacks(url, name)
        wait_until(lambda: open_files(database) == 0)


def test_timers_leave_no_connection_open_between_them(database: Path) -> None:
    with served() as url:
        client, attached = open_app(url, "ticking")
        with client:
            client.wait(lambda: int(client.value(attached, "report", "value")) >= 50)
            wait_until(lambda: open_files(database) == 0)


def test_callbacks_without_the_lock_use_the_database_and_leave_no_connection_open(
    notes: int, database: Path
) -> None:
    with served() as url:
        client, attached = open_app(url, "unlocked", {"Accept-Language": "de"})
        with client:
            for name in ("plainly", "asynchronously"):
                client.wait_for_value(attached, name, "value", f"{notes} Montag UTC /page/x")
            wait_until(lambda: open_files(database) == 0)


def test_what_was_saved_reaches_all_sessions_of_an_app(notes: int) -> None:
    def show(doc: Document) -> None:
        doc.select_one({"name": "report"}).value = f"{Note.objects.count()} notes"

    with served() as url:
        first, its = open_app(url, "counting")
        second, other = open_app(url, "counting_async")
        with first, second:
            with transaction.atomic():
                Note.objects.create(text="c")
                for name in ("counting", "counting_async"):
                    transaction.on_commit(lambda name=name: embed.update_sessions(name, show))
            first.wait_for_value(its, "report", "value", f"{notes + 1} notes")
            second.wait_for_value(other, "report", "value", f"{notes + 1} notes")


def test_permissions_that_ask_the_database_leave_no_connection_open(database: Path) -> None:
    headers = cookie_header(logged_in(member(is_staff=True)))
    connections.close_all()
    with override_settings(EMBEDSYNC={"REVALIDATION": 0.02, "HEARTBEAT": 0.2}), served() as url:
        client, _ = open_app(url, "staff", headers)
        with client:
            client.wait(lambda: client.pings >= 3)
            wait_until(lambda: open_files(database) == 0)


@pytest.mark.parametrize("name", ["counting", "counting_async"])
def test_connections_that_are_to_be_kept_are_as_many_as_threads_at_the_most(
    name: str, notes: int, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(connections.settings["default"], "CONN_MAX_AGE", 600)
    with override_settings(EMBEDSYNC={"WORKERS": 3, "WORKERS_LIMIT": 3}), served() as url:
        many_callbacks(url, name)
        wait_until(lambda: embed.hub.pool.threads <= 3)
        # Those of the threads that serve pages are kept as well.
        assert open_files(database) <= 3 + os.cpu_count() + 4 + SESSIONS


def test_a_statement_that_fails_does_not_spoil_the_connection_for_the_next_callback() -> None:
    with served() as url:
        client, attached = open_app(url, "failing")
        with client:
            client.set(attached, "amount", "value", 2)
            client.wait(lambda: any(type(each).__name__ == "Notice" for each in attached.frames))
            client.set(attached, "report", "value", "go on")
            client.set(attached, "amount", "value", 3)
            client.wait(lambda: client.value(attached, "report", "value").startswith("3: "))


class PagesInTestCase(TestCase):
    """Whoever uses the library tests pages with what their transaction holds."""

    def runTest(self) -> None:  # noqa: N802  (the name that unittest has for it)
        user = member(is_staff=True)
        pages = Pages()
        pages.force_login(user)
        for name in ("members", "staff"):
            assert attributes(pages.get(f"/page/{name}").content.decode())[0]["app"] == name


def test_a_page_in_a_test_case_sees_what_its_transaction_holds() -> None:
    result = PagesInTestCase().run()
    assert result is not None
    assert result.wasSuccessful(), result.failures + result.errors


needs_postgres = pytest.mark.skipif(
    postgres.program("initdb") is None, reason="PostgreSQL is not installed: apt-get install postgresql"
)


@contextmanager
def on_postgres(folder: Path, **options: Any) -> Iterator[tuple[str, psycopg.Connection[Any]]]:
    """The project on daphne with PostgreSQL, and a connection to look at the server's."""
    with postgres.running() as socket:
        site_settings = {
            "DATABASES": {
                "default": {
                    "ENGINE": "django.db.backends.postgresql",
                    "NAME": "postgres",
                    "USER": "postgres",
                    "HOST": str(socket),
                    **options,
                }
            }
        }
        manage("migrate", "--verbosity=0", site_settings=site_settings)
        daphne = [
            "-m",
            "daphne",
            "--bind",
            "127.0.0.1",
            "--port",
            "{port}",
            "tests.django.site.asgi:application",
        ]
        look = psycopg.connect(host=str(socket), user="postgres", autocommit=True, application_name="test")
        with look, server(folder, *daphne, site_settings=site_settings) as (url, _):
            yield url, look


def others(look: psycopg.Connection[Any]) -> int:
    clients = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"
    found = look.execute(f"{clients} AND application_name <> 'test'").fetchone()
    assert found is not None
    return int(found[0])


@needs_postgres
def test_many_callbacks_leave_no_connection_open_on_postgres(tmp_path: Path) -> None:
    with on_postgres(tmp_path) as (url, look):
        many_callbacks(url, "counting")
        many_callbacks(url, "counting_async", 50)
        wait_until(lambda: others(look) == 0)


@needs_postgres
def test_each_thread_of_app_code_keeps_one_connection_to_postgres_if_asked_to(tmp_path: Path) -> None:
    """As each thread of a web server does."""
    with on_postgres(tmp_path, CONN_MAX_AGE=600) as (url, look):
        many_callbacks(url, "counting", 100)
        many_callbacks(url, "counting_async", 50)
        wait_until(lambda: 0 < others(look) <= Settings().workers)
