"""``manage.py check`` says in one sentence what is wrong, and which line to add."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from django.apps import apps
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.management import call_command
from django.test import override_settings

from embedsync.errors import ConfigurationError
from embedsync_django import Registry, embed
from embedsync_django.asgi import with_live_apps
from embedsync_django.checks import check_deployment, check_project
from embedsync_django.routing import websocket_urlpatterns
from tests.django.support import manage

FINE: dict[str, Any] = {"DEBUG": True}


def installed(*, without: str = "", first: str = "") -> dict[str, Any]:
    names = [each for each in settings.INSTALLED_APPS if each not in (without, first)]
    return {"INSTALLED_APPS": [first, *names] if first else names}


def found(**changed: Any) -> list[tuple[str, str, str]]:
    """What is found under changed settings: id, sentence, and hint."""
    with override_settings(**changed):
        return [(each.id or "", each.msg, each.hint or "") for each in check_project()]


def test_a_set_up_that_is_right_is_not_complained_about() -> None:
    assert found(**FINE) == []
    assert found(DEBUG=False) == []


@pytest.mark.parametrize(
    ("changed", "identifier", "words", "line"),
    [
        ({"EMBEDSYNC": {"GRAZE": 7}}, "E001", "did you mean EMBEDSYNC['GRACE']?", "settings.md"),
        ({"EMBEDSYNC": {"GRACE": -1}}, "E001", "'grace' must be above 0", "settings.md"),
        ({"EMBEDSYNC": {"grace": 7}}, "E001", "in upper case: 'GRACE'", "settings.md"),
        ({"EMBEDSYNC": {"URL": "?"}}, "E001", "must be a path such as 'live/'", "settings.md"),
        ({"EMBEDSYNC": ["GRACE"]}, "E001", "EMBEDSYNC must be a dictionary", "settings.md"),
        ({"EMBEDSYNC": {"ALLOWED_ORIGINS": "https://a.example"}}, "E001", "'allowed_origins'", "settings.md"),
        ({"EMBEDSYNC": {"APPS": ["a.py"]}}, "E002", "must map names to sources", ""),
        ({"EMBEDSYNC": {"APPS": {"plain": "sliders.py"}}}, "E002", "'plain'", ""),
        ({"EMBEDSYNC": {"APPS": {"x": {"SHARED": True}}}}, "E002", "lacks 'SOURCE'", ""),
        ({"EMBEDSYNC": {"APPS": {"x": "nothing.py"}}}, "E002", "nothing.py", ""),
        ({"EMBEDSYNC": {"APPS": {"x": {"SOURCE": "sliders.py", "SHERED": 1}}}}, "E002", "'shered'", ""),
        ({"EMBEDSYNC": {"APPS": {"x y": "sliders.py"}}}, "E002", "must consist of letters", ""),
        (
            {"EMBEDSYNC": {"APPS": {"x": {"SOURCE": "sliders.py", "PERMISSION": 7}}}},
            "E002",
            "Permission must be a function",
            "",
        ),
        (installed(without="django.contrib.staticfiles"), "W003", "served by Python", "staticfiles"),
        ({"STATICFILES_FINDERS": []}, "E003", "collectstatic will not find", "LiveFilesFinder"),
        ({"STATIC_URL": None}, "E003", "have no address", 'STATIC_URL = "static/"'),
        ({"DEBUG": False, "STATIC_ROOT": None}, "W008", "nobody serves the files", "STATIC_ROOT"),
        (installed(without="daphne"), "W004", "runserver cannot serve", 'Put "daphne" at the top'),
        (
            installed(first="django.contrib.staticfiles"),
            "W004",
            "runserver of staticfiles comes before",
            'Move "daphne" to the top',
        ),
        ({"ASGI_APPLICATION": None}, "E004", "ASGI_APPLICATION is not set", "tests.asgi.application"),
        ({"ASGI_APPLICATION": "nowhere.application"}, "E004", "No module named 'nowhere'", "Correct ASGI"),
        ({"ASGI_APPLICATION": "tests.django.site.urls.nothing"}, "E004", "Cannot find 'nothing'", "Correct"),
        ({"EMBEDSYNC": {"MESSAGE_BYTES": 5_000_000}}, "W006", "daphne takes no message above", "5000000"),
        (installed(without="django.contrib.auth"), "E007", "asks who is logged in", "django.contrib.auth"),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) == 4 else "",
)
def test_each_mistake_is_explained_in_one_sentence(
    changed: dict[str, Any], identifier: str, words: str, line: str
) -> None:
    messages = found(**{**FINE, **changed})
    assert [each[0] for each in messages] == [f"embedsync.{identifier}"]
    [(_, sentence, hint)] = messages
    assert words in sentence
    assert sentence.endswith((".", "?"))
    assert not sentence.endswith("?.")
    assert line in hint


@pytest.fixture
def asgi_module(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """A module that holds the application of a project."""
    module = ModuleType("asgi_of_a_test")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    with override_settings(ASGI_APPLICATION="asgi_of_a_test.application", **FINE):
        yield module


def test_the_asgi_py_of_startproject_lacks_two_lines(asgi_module: ModuleType) -> None:
    asgi_module.application = get_asgi_application()  # type: ignore[attr-defined]
    [(identifier, sentence, hint)] = found()
    assert (identifier, sentence) == ("embedsync.E004", "ASGI_APPLICATION leads no socket to live apps.")
    assert "from embedsync_django.asgi import with_live_apps" in hint
    assert "application = with_live_apps(get_asgi_application())" in hint


def wrapped(application: Any) -> Any:
    async def site(scope: Any, receive: Any, send: Any) -> None:
        await application(scope, receive, send)

    return site


@pytest.mark.parametrize(
    "around", [lambda each: each, wrapped, AuthMiddlewareStack], ids=["", "function", "class"]
)
def test_our_application_is_found_inside_others(asgi_module: ModuleType, around: Any) -> None:
    asgi_module.application = around(with_live_apps(get_asgi_application()))  # type: ignore[attr-defined]
    assert found() == []


def test_routing_of_the_projects_own_needs_our_urls_too(asgi_module: ModuleType) -> None:
    sockets = AllowedHostsOriginValidator(AuthMiddlewareStack(URLRouter(websocket_urlpatterns)))
    router = ProtocolTypeRouter({"http": get_asgi_application(), "websocket": sockets})
    asgi_module.application = router  # type: ignore[attr-defined]
    [(identifier, _, hint)] = found()
    assert identifier == "embedsync.E005"
    assert 'path("", include("embedsync_django.urls"))' in hint
    assert found(ROOT_URLCONF="tests.contract.django_site.urls") == []


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("import os; os.environ['NOT_SET_ANYWHERE']", "KeyError: 'NOT_SET_ANYWHERE'"),
        ("1/0", "ZeroDivisionError"),
        ("import nothing_of_that_name", "No module named 'nothing_of_that_name'"),
        ("def broken(", "SyntaxError"),
    ],
)
def test_an_asgi_py_that_raises_keeps_no_other_check_from_running(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch, source: str, words: str
) -> None:
    (tmp_path / "asgi_that_raises.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "asgi_that_raises", raising=False)
    [(identifier, sentence, hint)] = found(ASGI_APPLICATION="asgi_that_raises.application", **FINE)
    assert identifier == "embedsync.E004"
    assert words in sentence
    assert "Correct" in hint


def test_without_channels_the_check_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "channels.routing", None)
    [(identifier, sentence, hint)] = found(**FINE)
    assert (identifier, sentence) == (
        "embedsync.E004",
        "Channels is not installed, without which there are no sockets.",
    )
    assert 'pip install "./embedsync[django]"' in hint


def test_the_limit_of_messages_is_that_of_daphne_unless_it_is_set() -> None:
    assert embed.hub.settings.message_bytes == 1024 * 1024
    embed.stop()
    size = 3_000_000
    with override_settings(DAPHNE_WEBSOCKET_MAX_MESSAGE_SIZE=size, DAPHNE_WEBSOCKET_MAX_FRAME_SIZE=0):
        assert embed.hub.settings.message_bytes == size
    embed.stop()
    with override_settings(EMBEDSYNC={"MESSAGE_BYTES": 10_000}):
        assert embed.hub.settings.message_bytes == 10_000


def test_a_deployment_needs_a_secret_key_and_names_of_hosts() -> None:
    with override_settings(SECRET_KEY="django-insecure-x", ALLOWED_HOSTS=["*"], STATIC_ROOT=None):
        assert [each.id for each in check_deployment()] == ["embedsync.E006", "embedsync.W007"]


def test_a_deployment_needs_the_files_of_collectstatic_as_they_are_now(tmp_path: Path) -> None:
    with override_settings(STATIC_ROOT=tmp_path):
        [missing] = check_deployment()
        assert missing.id == "embedsync.W009"
        assert str(tmp_path) in missing.msg
        call_command("collectstatic", interactive=False, verbosity=0)
        assert check_deployment() == []
        newest = max(tmp_path.glob("embedsync/**/*.js"))
        newest.unlink()
        assert [each.id for each in check_deployment()] == ["embedsync.W009"]


@pytest.mark.parametrize(
    "served",
    [
        {"DEBUG": True},
        {"WHITENOISE_USE_FINDERS": True},
        {"STORAGES": {"staticfiles": {"BACKEND": "django.core.files.storage.InMemoryStorage"}}},
    ],
    ids=["runserver", "WhiteNoise", "elsewhere"],
)
def test_no_folder_for_files_is_missed_where_none_is_needed(served: dict[str, Any]) -> None:
    assert found(**{"DEBUG": False, "STATIC_ROOT": None, **served}) == []


def test_an_app_that_is_added_twice_is_named_with_where_it_was_added() -> None:
    registry = Registry()
    registry.add_app("sine", "sine.py")
    with pytest.raises(ConfigurationError, match=r"there is an app 'sine' already: sine\.py"):
        registry.app("sine")(test_a_deployment_needs_a_secret_key_and_names_of_hosts)


async def allowed(request: Any) -> bool:
    return True


def test_an_asynchronous_permission_is_an_error() -> None:
    apps_of_site = {"x": {"SOURCE": "sliders.py", "PERMISSION": allowed}}
    [(identifier, sentence, _)] = found(EMBEDSYNC={"APPS": apps_of_site}, **FINE)
    assert identifier == "embedsync.E002"
    assert "'allowed' must be a plain function" in sentence


def test_a_project_without_our_app_is_told_to_install_it() -> None:
    without = [each.name for each in apps.get_app_configs() if each.name != "embedsync_django"]
    with (
        override_settings(INSTALLED_APPS=without),
        pytest.raises(ConfigurationError, match='add "embedsync_django" to INSTALLED_APPS'),
    ):
        _ = embed.hub


def test_the_command_prints_sentence_and_line() -> None:
    assert "no issues" in manage("check")
    site_settings = {"ASGI_APPLICATION": "tests.django.site.wsgi.application"}
    with pytest.raises(AssertionError, match="leads no socket to live apps") as failed:
        manage("check", site_settings=site_settings)
    assert "HINT: In asgi.py:" in str(failed.value)
    assert "Traceback" not in str(failed.value)
