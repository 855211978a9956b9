import pytest

from embedsync.origins import is_allowed, is_named
from embedsync.request import Request


def allowed(origin: str | None, *others: str, scheme: str = "https", host: str = "site.example") -> bool:
    return is_allowed(Request(scheme=scheme, host=host, origin=origin), others)


@pytest.mark.parametrize(
    "origin",
    [
        "https://site.example",
        "https://site.example:443",
        "https://SITE.example",
    ],
)
def test_pages_of_the_site_itself_may_connect(origin: str) -> None:
    assert allowed(origin)


@pytest.mark.parametrize(
    "origin",
    [
        "http://site.example",
        "https://site.example:9999",
        "https://site.example.evil.com",
        "https://evilsite.example",
        "https://site.example.",
        "https://site.example@evil.com",
        "https://user@site.example",
        "https://xn--ste-2ma.example",
        "https://sìte.example",
        "https://site.example/path",
        "https://site.example?x",
        "https://[::1",
        "https://[::1]",
        "https://site.example:99999",
        "null",
        "",
        "file://",
        "https://",
        "*",
        "https://a.example, https://site.example",
    ],
)
def test_pages_of_others_may_not(origin: str) -> None:
    assert not allowed(origin)


def test_named_origins_may_connect_and_nothing_near_them() -> None:
    assert allowed("https://other.example", "https://other.example")
    assert allowed("http://localhost:5006", "http://localhost:5006")
    assert not allowed("http://localhost:5007", "http://localhost:5006")
    assert not allowed("https://sub.other.example", "https://other.example")
    assert allowed("https://anything.example", "*")


def test_the_port_of_the_host_counts() -> None:
    assert allowed("http://localhost:8000", scheme="http", host="localhost:8000")
    assert not allowed("http://localhost", scheme="http", host="localhost:8000")


def test_what_is_no_page_of_a_browser_may_connect() -> None:
    assert allowed(None)


def test_a_wildcard_names_the_hosts_below_a_domain_and_nothing_else() -> None:
    named = "https://*.other.example"
    assert allowed("https://a.other.example", named)
    assert allowed("https://a.b.other.example", named)
    for origin in (
        "https://other.example",
        "https://another.example",
        "http://a.other.example",
        "https://a.other.example:8443",
        "https://a.other.example.evil.com",
        "https://.other.example",
    ):
        assert not allowed(origin, named), origin


def test_naming_everybody_names_nobody_in_particular() -> None:
    assert not is_named("https://anything.example", ["*"])
    assert is_named("https://other.example", ["*", "https://other.example"])
