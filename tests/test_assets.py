import gzip
from pathlib import Path

from embedsync.assets import STATIC, Assets, runtime_hash


def test_the_modules_of_the_runtime_are_found_under_their_urls() -> None:
    assets = Assets()
    for url in [assets.runtime_url(), *assets.runtime_imports()]:
        found = assets.find(url)
        assert found is not None
        assert found.content_type.startswith("text/javascript")
        assert gzip.decompress(found.compressed) == found.content


def test_every_module_is_either_an_entry_or_preloaded() -> None:
    assets = Assets()
    assert len(assets.runtime_imports()) == len(list(STATIC.rglob("*.js"))) - 4


def test_a_url_with_another_hash_is_not_found() -> None:
    assets = Assets()
    assert assets.find("static/0000000000000000/embed.js") is None


def test_no_path_leads_out_of_the_folder() -> None:
    assets = Assets()
    for name in ("../../hub.py", "..%2f..%2fhub.py", "/etc/passwd", "..\\..\\hub.py", "", "\\\\host\\share"):
        assert assets.find(f"static/{runtime_hash()}/{name}") is None


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
