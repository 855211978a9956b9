"""S11: members of a Django site are in for no longer than they are logged in, on each of its servers."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from embedsync import wire
from tests.contract.client import Client, elements_of, fetch
from tests.django.support import manage, server
from tests.django.test_prefix import DAPHNE, UVICORN
from tests.security.test_s05_identity import ending, renewed


@pytest.fixture(scope="module")
def members(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Settings of Django's site with a database, in which there is nobody yet."""
    folder: Path = tmp_path_factory.mktemp("members")
    database = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": str(folder / "db")}}
    manage("migrate", "--verbosity=0", site_settings={"DATABASES": database})
    return {"DATABASES": database}


@contextmanager
def serving_members(
    folder: Path, command: list[str], members: dict[str, Any], revalidation: float
) -> Iterator[str]:
    settings = members | {"EMBEDSYNC": {"HEARTBEAT": 1.0, "REVALIDATION": revalidation}}
    with server(folder, *command, site_settings=settings) as (url, _):
        yield url


def log_in(url: str, name: str, *, new: bool = True) -> dict[str, str]:
    """The header with a member's cookies."""
    if new:
        fetch(f"{url}/people/make/{name}")
    with urllib.request.urlopen(f"{url}/in/{name}") as response:
        given = response.headers.get_all("Set-Cookie") or []
    return {"Cookie": "; ".join(each.partition(";")[0] for each in given)}


@pytest.mark.parametrize("command", [DAPHNE, UVICORN], ids=["daphne", "uvicorn"])
def test_s11_django_members_are_out_when_they_are_deleted_or_change_their_password(
    tmp_path: Path, command: list[str], members: dict[str, Any]
) -> None:
    with serving_members(tmp_path, command, members, 0.3) as url:
        names = {each: f"{each}-{tmp_path.name}" for each in ("delete", "password", "stay")}
        headers = {each: log_in(url, name) for each, name in names.items()}
        opened = {each: Client.visit(f"{url}/page/members", **headers[each]) for each in names}
        for what in ("delete", "password"):
            fetch(f"{url}/people/{what}/{names[what]}")
            client, attached = opened[what]
            with client:
                assert ending(client, attached) in (wire.Close.TICKET_EXPIRED, wire.Close.FORBIDDEN)
            with Client(client.endpoint, **headers[what]) as again:
                code = again.closed_with(again.resume(attached))
                assert code in (wire.Close.FORBIDDEN, wire.Close.SESSION_GONE)
        client, attached = opened["stay"]
        with client:
            assert client.result(attached, client.set(attached, "amount", "value", 3)).commit


@pytest.mark.parametrize("command", [DAPHNE, UVICORN], ids=["daphne", "uvicorn"])
def test_s11_a_logout_of_django_closes_what_is_open_without_a_look(
    tmp_path: Path, command: list[str], members: dict[str, Any]
) -> None:
    with serving_members(tmp_path, command, members, 3600) as url:
        name = f"out-{tmp_path.name}"
        headers, elsewhere = log_in(url, name), log_in(url, name, new=False)
        client, attached = Client.visit(f"{url}/page/members", **headers)
        other, still = Client.visit(f"{url}/page/members", **elsewhere)
        with client, other:
            ticket = elements_of(f"{url}/page/members", headers)[0].ticket
            fetch(f"{url}/out", headers)
            assert ending(client, attached) == wire.Close.TICKET_EXPIRED
            assert renewed(client.endpoint, ticket, headers) is None
            # Another login of the same user is another one.
            assert other.result(still, other.set(still, "amount", "value", 3)).commit
