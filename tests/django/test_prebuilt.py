"""Documents that are built ahead of their visitors show nothing of any, whatever of Django app code asks."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from bokeh.models import Div
from django.contrib.auth import get_user_model
from django.template import Context, Template
from django.urls import get_script_prefix, reverse
from django.utils import timezone, translation
from django.utils.formats import date_format

from embedsync import Hub
from embedsync_django.nobody import nobody
from tests.support.memory import wait_until

WHEN = dt.datetime(2026, 1, 5, 12, 0, tzinfo=dt.UTC)


@pytest.fixture
def hub() -> Iterator[Hub]:
    made = Hub("key", nobody=nobody())
    yield made
    made.stop()


@pytest.mark.parametrize(
    ("look", "what"),
    [
        (lambda: translation.gettext("Monday"), "the visitor's language"),
        (lambda: str(translation.gettext_lazy("Monday")), "the visitor's language"),
        (translation.get_language, "the visitor's language"),
        (lambda: date_format(WHEN, "l"), "the visitor's language"),
        (lambda: timezone.localtime(WHEN), "the visitor's time zone"),
        (lambda: timezone.make_aware(dt.datetime(2026, 1, 5)), "the visitor's time zone"),
        (timezone.get_current_timezone_name, "the visitor's time zone"),
        (lambda: Template("{{ when|date:'H' }}").render(Context({"when": WHEN})), ""),
        (lambda: reverse("page", args=["x"]), "the visitor's language"),  # for URLs may be translated
        (lambda: get_script_prefix() + "page", "the address of the page"),
        (lambda: f"{get_script_prefix()}page", "the address of the page"),
        (lambda: "%s" % get_script_prefix(), "the address of the page"),  # noqa: UP031 - as Django does
    ],
)
@pytest.mark.parametrize("is_async", [False, True])
def test_an_app_that_looks_at_the_visit_through_django_is_built_for_each(
    hub: Hub, look: Callable[[], Any], what: str, is_async: bool, caplog: pytest.LogCaptureFixture
) -> None:
    def app(doc: Any) -> None:
        doc.add_root(Div(text=str(look())))

    async def awaited(doc: Any) -> None:
        app(doc)

    hub.add_app("app", awaited if is_async else app, prebuild=1)
    hub.start()
    wait_until(lambda: f"looks at {what}" in caplog.text)
    assert hub.prebuilt.ready(hub.app("app")) == 0


@pytest.mark.parametrize("is_async", [False, True])
def test_an_app_that_asks_the_database_is_built_ahead(
    hub: Hub, is_async: bool, caplog: pytest.LogCaptureFixture
) -> None:
    def app(doc: Any) -> None:
        doc.add_root(Div(text=str(get_user_model().objects.count())))
        doc.add_root(Div(text=f"{timezone.now():%Y}"))

    async def awaited(doc: Any) -> None:
        doc.add_root(Div(text=str(await get_user_model().objects.acount())))

    hub.add_app("app", awaited if is_async else app, prebuild=1)
    hub.start()
    wait_until(lambda: hub.prebuilt.ready(hub.app("app")) == 1)
    assert not [each for each in caplog.records if each.levelno >= logging.WARNING]


def test_what_was_active_on_the_thread_is_active_again() -> None:
    request = nobody()
    with translation.override("de"), timezone.override("Asia/Tokyo"):
        with request.thread_context(request):
            pass
        assert translation.gettext("Monday") == "Montag"
        assert timezone.get_current_timezone_name() == "Asia/Tokyo"
    assert reverse("page", args=["x"]) == "/page/x"
