"""The folder from which browsers load the runtime."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from embedsync.errors import Unfamiliar
from embedsync.runtime import STATIC, shipped
from embedsync.runtime.folder import folder_of


@pytest.fixture
def static(tmp_path: Path) -> Path:
    """The sources, to be changed."""
    return Path(shutil.copytree(STATIC, tmp_path / "static"))


def test_a_page_loads_one_module_which_imports_nothing() -> None:
    folder = shipped(join=True)
    assert folder.imports == ()
    for name in ("embed.js", "pages.js", "generation.js"):
        assert not re.search(rb"^\s*import\b|\bfrom\s*[\"']", folder.files[name].content, re.MULTILINE)


def test_for_debugging_modules_are_as_they_are_in_the_repository() -> None:
    folder = shipped(join=False)
    assert {STATIC / name: file.content for name, file in folder.files.items()} == {
        path: path.read_bytes() for path in STATIC.rglob("*.*")
    }
    entries = {"embed.js", "pages.js", "generation.js", "script_tag.js", "pages.css"}
    assert set(folder.imports) == set(folder.files) - entries


@pytest.mark.parametrize("join", [True, False])
@pytest.mark.parametrize("name", ["embed.js", "documents/views.js", "pages.css", "script_tag.js"])
def test_a_file_that_changes_gets_all_of_them_another_address(static: Path, name: str, join: bool) -> None:
    before = folder_of(static, join=join)
    assert before.hash == folder_of(static, join=join).hash == shipped(join=join).hash
    (static / name).write_text((static / name).read_text() + "\n")
    assert folder_of(static, join=join).hash != before.hash


def test_the_two_forms_have_different_addresses() -> None:
    assert shipped(join=True).hash != shipped(join=False).hash


def test_what_is_joined_is_as_new_as_its_newest_source(static: Path) -> None:
    newest = max(path.stat().st_mtime for path in static.rglob("*.js"))
    (static / "backoff.js").touch()
    modified = folder_of(static, join=True).files["embed.js"].modified
    assert modified == (static / "backoff.js").stat().st_mtime >= newest


def test_sources_with_the_line_ends_of_windows_are_joined(static: Path) -> None:
    unix = folder_of(static, join=True).files["embed.js"].content
    for path in static.rglob("*.js"):
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert folder_of(static, join=True).files["embed.js"].content == unix


def test_a_source_that_cannot_be_joined_is_named(static: Path) -> None:
    (static / "documents" / "views.js").write_text("// one\nexport default 1;\n")
    with pytest.raises(Unfamiliar, match=r"documents/views\.js:2: export default is not understood"):
        folder_of(static, join=True)
    assert folder_of(static, join=False).files["documents/views.js"]


def test_what_two_entry_modules_hold_both_keeps_nothing_that_they_would_have_to_share() -> None:
    files = shipped(join=True).files
    held = [
        re.findall(rb"^// ([\w/]+\.js)$", files[name].content, re.MULTILINE)
        for name in ("embed.js", "pages.js")
    ]
    assert set(held[0]) & set(held[1]) == {b"reload.js"}
    # It has constants and functions, nothing else.
    reload = (STATIC / "reload.js").read_text()
    assert set(re.findall(r"^(?!export|async|function|const [A-Z]+ =)(\w.*)", reload, re.MULTILINE)) == set()
