"""Language, time zone and script prefix of the page are active wherever app code runs."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextvars import Context
from pathlib import Path
from typing import Any

import pytest
from django.core.asgi import get_asgi_application
from django.db import connections
from django.test import override_settings
from django.urls import get_script_prefix
from django.utils import timezone, translation
from django.utils.translation.reloader import translation_file_changed

from embedsync.request import Request
from embedsync_django.asgi import with_live_apps
from embedsync_django.surroundings import context_of_turn, noted, surroundings
from tests.django.support import open_app, served

GERMAN = {"Accept-Language": "de"}


def mounted(prefix: str) -> Any:
    """The project below a path, as a server with ``--root-path`` runs it."""
    application = with_live_apps(get_asgi_application())

    async def site(scope: Any, receive: Any, send: Any) -> None:
        await application({**scope, "root_path": prefix}, receive, send)

    return site


@pytest.mark.parametrize("name", ["surroundings", "surroundings_async"])
@pytest.mark.parametrize(
    ("zone", "said"),
    [("Asia/Tokyo", "Asia/Tokyo"), ("UTC", "UTC")],
)
def test_app_function_callbacks_and_timers_speak_the_language_of_the_page(
    name: str, zone: str, said: str
) -> None:
    with served() as url:
        client, attached = open_app(url, f"{name}?zone={zone}", GERMAN)
        with client:
            expected = f"Montag {said} /page/x"
            assert client.value(attached, "report", "value") == expected
            client.set(attached, "amount", "value", 7)
            client.wait_for_value(attached, "report", "value", f"7: {expected}")
            client.wait_for_value(attached, "timed", "value", expected)


def test_two_visitors_have_two_languages() -> None:
    with served() as url:
        german, its = open_app(url, "surroundings", GERMAN)
        english, other = open_app(url, "surroundings", {"Accept-Language": "en"})
        with german, english:
            german.set(its, "amount", "value", 7)
            english.set(other, "amount", "value", 7)
            german.wait_for_value(its, "report", "value", "7: Montag UTC /page/x")
            english.wait_for_value(other, "report", "value", "7: Monday UTC /page/x")


@pytest.mark.parametrize("name", ["surroundings", "surroundings_async"])
def test_a_time_zone_that_has_no_name_is_kept(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from django.utils import timezone

    override = timezone.override
    monkeypatch.setattr(timezone, "override", lambda zone: override(fixed.get(zone, zone)))
    fixed = {"Plus": timezone.get_fixed_timezone(330)}
    with served() as url:
        client, attached = open_app(url, f"{name}?zone=Plus")
        with client:
            assert client.value(attached, "report", "value") == "Monday +0530 /page/x"


@pytest.mark.parametrize("name", ["surroundings", "surroundings_async"])
def test_urls_that_app_code_makes_begin_where_the_site_begins(name: str) -> None:
    with override_settings(EMBEDSYNC={}), served(mounted("/site")) as url:
        client, attached = open_app(url, name)
        with client:
            assert client.endpoint == f"{url}/site/live/"
            assert client.value(attached, "report", "value") == "Monday UTC /site/page/x"
            client.set(attached, "amount", "value", 7)
            client.wait_for_value(attached, "report", "value", "7: Monday UTC /site/page/x")


PAGE = {"language": "de", "time_zone": "Asia/Tokyo", "prefix": "/site/"}
REQUEST = Request(page=PAGE)


def found_in(context: Context, request: Request = REQUEST) -> dict[str, str]:
    """What a stretch of a turn finds active; it leaves something else behind."""

    def stretch() -> dict[str, str]:
        with surroundings(request):
            found = noted()
            translation.activate("fr")
            timezone.activate("Europe/Paris")
            return found

    return context.run(stretch)


def test_each_turn_begins_with_what_its_page_had_whatever_others_have_activated() -> None:
    before = noted()
    other = Request(page={**PAGE, "language": "en"})
    for _ in range(3):
        assert found_in(context_of_turn(REQUEST)) == PAGE
        assert found_in(context_of_turn(other), other) == other.page
    assert noted() == before


def test_each_stretch_of_a_turn_begins_with_what_its_page_had_on_whichever_thread() -> None:
    context = context_of_turn(REQUEST)
    with ThreadPoolExecutor(1) as pool:
        for _ in range(2):
            assert found_in(context) == PAGE
            assert pool.submit(found_in, context).result() == PAGE


def test_a_turn_may_go_on_where_it_was_not_prepared_for() -> None:
    with ThreadPoolExecutor(1) as pool:
        assert found_in(pool.submit(context_of_turn, REQUEST).result()) == PAGE
    other = Request(page={**PAGE, "prefix": "/other/"})
    assert found_in(context_of_turn(REQUEST), other) == other.page


def test_when_django_begins_anew_with_languages_so_do_turns() -> None:
    assert found_in(context_of_turn(REQUEST)) == PAGE
    translation_file_changed(None, Path("edited.mo"))  # As the development server does.
    assert found_in(context_of_turn(REQUEST)) == PAGE


def test_connections_are_looked_after_from_the_turn_that_has_one_until_it_is_closed() -> None:
    def turns() -> list[Any]:
        request = Request(page={})
        found: list[Any] = []
        for statement in ("", "SELECT 1", "SELECT 2", ""):
            with surroundings(request):
                if statement:
                    with connections["default"].cursor() as cursor:
                        cursor.execute(statement)
            wrappers = connections.all(initialized_only=True)
            found.append([each.connection for each in wrappers])
        return found

    with ThreadPoolExecutor(1) as one:
        assert one.submit(turns).result() == [[], [None], [None], [None]]


def test_what_cannot_be_activated_fails_in_the_turn_and_not_before() -> None:
    request = Request(page={**PAGE, "time_zone": "Atlantis"})
    context = context_of_turn(request)
    with pytest.raises(LookupError):
        found_in(context, request)
    assert context.run(get_script_prefix) == "/"


def test_pages_of_very_many_kinds_are_all_served() -> None:
    for number in range(300):
        request = Request(page={**PAGE, "prefix": f"/{number}/"})
        assert found_in(context_of_turn(request), request) == request.page
