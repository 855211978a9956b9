"""``manage.py live list`` and ``manage.py live doctor``."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urljoin
from urllib.request import urlopen

import pytest
from django.core.asgi import get_asgi_application
from django.core.management import CommandError, call_command
from django.test import override_settings

from embedsync_django import embed
from tests.contract.servers import free_port
from tests.django.support import manage, served, server
from tests.django.test_surroundings import mounted


def live(*arguments: str) -> str:
    printed = StringIO()
    call_command("live", *arguments, stdout=printed, no_color=True)
    return printed.getvalue()


def doctor(url: str) -> str:
    """What the doctor says of a site that is not well."""
    printed = StringIO()
    with pytest.raises(CommandError, match="will not work like this"):
        call_command("live", "doctor", "--url", url, stdout=printed, no_color=True)
    return printed.getvalue()


def test_the_apps_are_listed_with_where_they_come_from() -> None:
    lines = dict(line.split(maxsplit=1) for line in live("list").splitlines())
    assert lines["plain"] == "tests.django.site.live.plain"
    assert lines["sliders"] == "sliders.py"
    assert "permission='site.use_board', shared=True" in lines["board"]
    assert "permission=login_required" in lines["members"]


def test_a_project_without_apps_is_told_where_they_belong() -> None:
    from embedsync_django import Registry
    from embedsync_django.management.commands import live as module

    with pytest.MonkeyPatch.context() as patch, override_settings(EMBEDSYNC={}):
        patch.setattr(module, "embed", Registry())
        assert "live.py" in live("list")


def test_the_doctor_finds_a_set_up_right_or_wrong() -> None:
    assert "The settings are right." in live("doctor")
    with override_settings(EMBEDSYNC={"GRAZE": 1}), pytest.raises(CommandError):
        live("doctor")


def test_the_doctor_visits_a_running_site() -> None:
    with override_settings(DEBUG=True), served(static(get_asgi_application())) as url:
        printed = live("doctor", "--url", url)
        assert f"The socket at {url}/live/socket opens." in printed
        assert f"Static files are served: {url}/static/embedsync/static/" in printed


def static(site: Any) -> Any:
    """The project with its static files, as ``runserver`` serves it."""
    from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler

    from embedsync_django.asgi import with_live_apps

    return ASGIStaticFilesHandler(with_live_apps(site))


def test_the_doctor_finds_a_site_below_a_path() -> None:
    with served(mounted("/site")) as url:
        assert f"The socket at {url}/site/live/socket opens." in doctor(f"{url}/site/")


def test_the_doctor_says_that_nobody_is_there() -> None:
    assert "Is the site running there" in doctor(f"http://127.0.0.1:{free_port()}")


def test_the_doctor_says_that_a_host_is_not_known() -> None:
    with override_settings(ALLOWED_HOSTS=["site.example"]), served() as url:
        assert "Name the host in ALLOWED_HOSTS" in doctor(url)


def test_the_log_says_once_that_nobody_serves_the_files_of_live_apps(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with served() as url:
        for _ in range(2):
            with pytest.raises(HTTPError, match="404"):
                urlopen(urljoin(url, embed.hub.assets.runtime_url()))
    told = [each.getMessage() for each in caplog.records if each.name == "embedsync.django"]
    assert len(told) == 1
    assert f"nobody serves {embed.hub.assets.runtime_url()}" in told[0]
    assert "manage.py collectstatic" in told[0]


def test_the_log_says_nothing_of_files_that_are_not_ours(caplog: pytest.LogCaptureFixture) -> None:
    with served() as url, pytest.raises(HTTPError, match="404"):
        urlopen(f"{url}/static/embedsync/none.js")
    assert "nobody serves" not in caplog.text


def test_the_doctor_says_that_static_files_are_not_served() -> None:
    with served() as url:
        assert "Run manage.py collectstatic" in doctor(url)


def test_the_doctor_says_that_a_server_has_no_sockets(tmp_path: Path) -> None:
    """Pages by WSGI: the endpoint's files are there, its socket is not."""
    gunicorn = ["-m", "gunicorn", "--bind", "127.0.0.1:{port}", "--no-control-socket"]
    site = {"ROOT_URLCONF": "tests.django.site.urls_with_live"}
    application = "tests.django.site.wsgi:application"
    with server(tmp_path, *gunicorn, application, site_settings=site) as (url, _):
        assert "Run an ASGI server that knows WebSockets" in doctor(url)


@pytest.mark.parametrize("url", ["127.0.0.1:8000", "ftp://127.0.0.1", ""])
def test_an_address_that_is_none_is_named(url: str) -> None:
    with pytest.raises(CommandError, match="--url must be an address"):
        live("doctor", "--url", url)


def test_the_command_line_prints_no_traceback() -> None:
    assert "sliders" in manage("live", "list")
    with pytest.raises(AssertionError) as failed:
        manage("live", "list", site_settings={"EMBEDSYNC": {"APPS": 7}})
    assert "CommandError" in str(failed.value)
    assert "Traceback" not in str(failed.value)
