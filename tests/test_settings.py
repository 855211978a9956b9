from dataclasses import fields

import pytest

from embedsync.errors import ConfigurationError
from embedsync.settings import Settings
from tests.support.settings_page import PAGE, render


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"grace": 0}, "grace"),
        ({"heartbeat": -1}, "heartbeat"),
        ({"workers": 10, "workers_limit": 5}, "workers_limit"),
        ({"queue_bytes": 10, "queue_bytes_hard": 5}, "queue_bytes_hard"),
        ({"allowed_origins": "https://example.org"}, "allowed_origins"),
        ({"allowed_origins": (1,)}, "allowed_origins"),
        ({"grace": "600"}, "'grace' must be a number, not '600'"),
        ({"debug": "false"}, "'debug' must be True or False, not 'false'"),
        ({"workers": 2.5}, "'workers' must be a whole number"),
        ({"workers": True}, "'workers' must be a whole number"),
        ({"grace": float("nan")}, "grace"),
        ({"turn_limit": "10"}, "turn_limit"),
    ],
)
def test_a_wrong_setting_is_named(given: dict[str, object], named: str) -> None:
    with pytest.raises(ConfigurationError, match=named):
        Settings(**given)  # type: ignore[arg-type]


def test_a_setting_that_may_be_absent_may_be_none_and_no_other() -> None:
    assert Settings(turn_limit=None).turn_limit is None
    with pytest.raises(ConfigurationError, match="grace"):
        Settings(grace=None)  # type: ignore[arg-type]


def test_the_defaults_are_valid() -> None:
    assert Settings().heartbeat < 60, "below the idle timeout of common proxies"


def test_the_page_on_settings_tells_each_with_its_default_and_what_it_does() -> None:
    assert PAGE.read_text() == render(), "out of date: run python -m tests.support.settings_page"
    for each in fields(Settings):
        assert PAGE.read_text().count(f"\n| `{each.name}` | ") == 1
