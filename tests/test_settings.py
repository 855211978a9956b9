import pytest

from embedsync.errors import ConfigurationError
from embedsync.settings import Settings


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"grace": 0}, "grace"),
        ({"heartbeat": -1}, "heartbeat"),
        ({"workers": 10, "workers_limit": 5}, "workers_limit"),
        ({"queue_bytes": 10, "queue_bytes_hard": 5}, "queue_bytes_hard"),
        ({"allowed_origins": "https://example.org"}, "allowed_origins"),
    ],
)
def test_a_wrong_setting_is_named(given: dict[str, object], named: str) -> None:
    with pytest.raises(ConfigurationError, match=named):
        Settings(**given)  # type: ignore[arg-type]


def test_the_defaults_are_valid() -> None:
    assert Settings().heartbeat < 60, "below the idle timeout of common proxies"
