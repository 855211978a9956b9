import gzip
import sys
import threading
from pathlib import Path
from types import ModuleType

import brotli
import pytest

from embedsync.assets import Asset, Assets
from embedsync.encodings import brotli_compressor
from embedsync.hub import Hub
from embedsync.runtime import STATIC, RuntimeFile, shipped
from embedsync.settings import Settings
from tests.support.memory import wait_until
from tests.support.no_threads import no_threads

BROWSER = "gzip, deflate, br, zstd"


@pytest.mark.parametrize("join", [True, False])
def test_the_modules_of_the_runtime_are_found_under_their_urls(join: bool) -> None:
    assets = Assets(join=join)
    for url in [assets.runtime_url(), assets.runtime_url("pages.js"), *assets.runtime_imports()]:
        found = assets.find(url)
        assert found is not None
        assert found.content_type.startswith("text/javascript")
        assert gzip.decompress(found.compressed) == found.content


def test_what_a_page_loads_of_the_runtime_is_one_small_file() -> None:
    assets = Assets()
    assert assets.runtime_imports() == []
    found = assets.find(assets.runtime_url())
    assert found is not None
    assert len(found.compressed) < 30_000
    assert b"class Session" in found.content


def test_in_debug_mode_every_module_is_a_file_of_its_own_and_preloaded() -> None:
    assets = Hub("key", Settings(debug=True)).assets
    assert len(assets.runtime_imports()) == len(list(STATIC.rglob("*.js"))) - 4
    found = assets.find(assets.runtime_url())
    assert found is not None
    assert found.content == (STATIC / "embed.js").read_bytes()


def test_each_form_of_the_runtime_is_found_at_its_own_address_only() -> None:
    joined, single = Assets(join=True), Assets(join=False)
    assert joined.find(single.runtime_url()) is None
    assert single.find(joined.runtime_url()) is None


def test_a_site_that_copies_the_files_has_both_forms_of_the_runtime() -> None:
    copied = Assets().files()
    for assets in (Assets(join=True), Assets(join=False)):
        for url in [assets.runtime_url(), *assets.runtime_imports()]:
            found, copy = assets.find(url), copied[url]
            assert found is not None
            assert isinstance(copy, RuntimeFile)
            assert copy.content == found.content


def test_a_url_with_another_hash_is_not_found() -> None:
    assets = Assets()
    assert assets.find("static/0000000000000000/embed.js") is None


def test_no_path_leads_out_of_the_folder() -> None:
    assets = Assets()
    for name in ("../../hub.py", "..%2f..%2fhub.py", "/etc/passwd", "..\\..\\hub.py", "", "\\\\host\\share"):
        assert assets.find(f"static/{shipped(join=True).hash}/{name}") is None


def test_the_url_of_a_script_changes_with_its_content(tmp_path: Path) -> None:
    script = tmp_path / "a.min.js"
    urls = []
    for content in ("one", "two"):
        script.write_text(content)
        assets = Assets()
        assets.add_scripts("toy", {"a.min.js": script})
        urls.append(assets.script_url("toy", "a.min.js"))
        found = assets.find(urls[-1])
        assert found is not None
        assert found.content == content.encode()
    assert urls[0] != urls[1]


def test_a_script_that_is_a_url_already_stays_as_it_is() -> None:
    assert Assets().script_url("bokeh", "https://cdn.example/x.js") == "https://cdn.example/x.js"


@pytest.mark.parametrize(
    ("accepted", "content", "encoding"),
    [
        (BROWSER, b"by brotli", "br"),
        ("gzip, br;q=0", b"by gzip", "gzip"),
        ("gzip", b"by gzip", "gzip"),
        ("GZIP ; q=0.5", b"by gzip", "gzip"),
        ("gzip;q=0, identity", b"as it is", None),
        ("", b"as it is", None),
    ],
)
def test_a_browser_is_given_the_smallest_form_that_it_takes(
    accepted: str, content: bytes, encoding: str | None
) -> None:
    found, headers = Asset(b"as it is", b"by gzip", "text/css", b"by brotli").encoded(accepted)
    assert found == content
    assert dict(headers).get("Content-Encoding") == encoding
    assert ("Vary", "Accept-Encoding") in headers


def test_a_script_is_given_by_gzip_until_brotli_is_ready_and_is_the_same_script() -> None:
    assets = Assets()
    asset = assets.find(assets.runtime_url("session.js"))
    assert asset is not None
    assert Asset(asset.content, asset.compressed, asset.content_type).encoded(BROWSER)[0] == asset.compressed
    wait_until(lambda: asset.brotli is not None)
    packed, headers = asset.encoded(BROWSER)
    assert ("Content-Encoding", "br") in headers
    assert brotli.decompress(packed) == asset.content
    assert len(packed) < len(asset.compressed)


def test_without_the_package_scripts_are_given_by_gzip(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "brotli", None)
    assert brotli_compressor() is None
    assets = Assets()
    asset = assets.find(assets.runtime_url())
    assert asset is not None
    assert asset.encoded(BROWSER)[0] == asset.compressed


def test_nothing_is_compressed_for_long_under_gevent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkey = ModuleType("gevent.monkey")
    monkey.is_module_patched = lambda name: name == "threading"  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "gevent.monkey", monkey)
    assert brotli_compressor() is None


def test_what_cannot_be_compressed_is_logged_and_served_by_gzip(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tried = threading.Event()

    def fail(content: bytes) -> bytes:
        tried.set()
        raise MemoryError("no room")

    monkeypatch.setattr("embedsync.assets.brotli_compressor", lambda: fail)
    file = tmp_path / "a.js"
    file.write_text("let a = 1;" * 100)
    asset = Assets().load(file)
    assert tried.wait(60)
    wait_until(lambda: "by gzip" in caplog.text)
    assert asset.encoded(BROWSER)[0] == asset.compressed


def test_where_no_thread_can_be_started_files_are_served_by_gzip(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("embedsync.assets.brotli_compressor", lambda: gzip.compress)
    file = tmp_path / "a.js"
    file.write_text("let a = 1;" * 100)
    with no_threads():
        asset = Assets().load(file)
        assert asset.encoded(BROWSER)[0] == asset.compressed
    assert "no thread can be started" in caplog.text
