"""Static files: ``collectstatic`` is enough, and modules find each other afterwards."""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import override_settings

from embedsync.assets import Assets
from embedsync.runtime import STATIC
from embedsync_django import embed
from embedsync_django.finders import asset_url
from tests.django.support import render, visit

PLAIN = "django.contrib.staticfiles.storage.StaticFilesStorage"
MANIFEST = "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"
_IMPORTS = re.compile(r"""(?:\bfrom|\bimport)\s*\(?\s*["'](\.{1,2}/[^"']+)["']""")


@pytest.fixture(params=[PLAIN, MANIFEST], ids=["plain", "manifest"])
def collected(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """What ``collectstatic`` leaves, with each kind of storage."""
    storages = {
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
        "staticfiles": {"BACKEND": request.param},
    }
    with override_settings(STATIC_ROOT=tmp_path / "root", STORAGES=storages):
        call_command("collectstatic", interactive=False, verbosity=0)
        yield tmp_path / "root"


def file_of(root: Path, url: str) -> Path:
    assert url.startswith("/static/")
    return root / url.removeprefix("/static/")


def imported(module: Path) -> list[Path]:
    return [(module.parent / each).resolve() for each in _IMPORTS.findall(module.read_text())]


def reachable(entry: Path) -> set[Path]:
    found, waiting = set(), [entry.resolve()]
    while waiting:
        module = waiting.pop()
        assert module.is_file(), f"{module} is imported and not there"
        if module not in found:
            found.add(module)
            waiting += imported(module)
    return found


def test_the_file_of_a_page_is_collected_with_all_that_it_needs(collected: Path) -> None:
    page = render("{% embed_app 'plain' %}", visit())
    [entry] = re.findall(r'<script type="module" src="([^"]+)"', page)
    module = file_of(collected, entry)
    assert reachable(module) == {module.resolve()}
    found = embed.hub.assets.find(Assets().runtime_url())
    assert found is not None
    assert module.read_bytes() == found.content


def test_for_pages_in_debug_mode_modules_are_collected_that_find_each_other(collected: Path) -> None:
    assets = Assets(asset_url, join=False)
    entry = file_of(collected, assets.runtime_url()).resolve()
    preloaded = {file_of(collected, each).resolve() for each in assets.runtime_imports()}
    imported_by_it = reachable(entry) - {entry}
    assert len(imported_by_it) > 15
    # Some hold only types.
    assert imported_by_it <= preloaded


def test_the_bundles_of_bokeh_are_collected(collected: Path) -> None:
    for name in ("bokeh.min.js", "bokeh-widgets.min.js", "bokeh-tables.min.js"):
        assert b"Bokeh" in file_of(collected, embed.hub.assets.script_url("bokeh", name)).read_bytes()


def test_collected_files_are_those_that_we_ship(collected: Path) -> None:
    entry = file_of(collected, embed.hub.assets.runtime_url("pages.css"))
    assert entry.read_bytes() == (STATIC / "pages.css").read_bytes()


def test_files_may_be_linked_rather_than_copied(tmp_path: Path) -> None:
    with override_settings(STATIC_ROOT=tmp_path / "root"):
        call_command("collectstatic", interactive=False, verbosity=0, link=True)
        module = file_of(tmp_path / "root", embed.hub.assets.runtime_url())
        assert module.is_symlink()
        assert module.read_bytes() == (STATIC / "embed.js").read_bytes()
        names = {path.relative_to(module.parent) for path in module.parent.rglob("*.js")}
        assert names == {path.relative_to(STATIC) for path in STATIC.rglob("*.js")}


def test_a_second_time_nothing_is_copied(tmp_path: Path) -> None:
    with override_settings(STATIC_ROOT=tmp_path / "root"):
        call_command("collectstatic", interactive=False, verbosity=0)
        printed = StringIO()
        call_command("collectstatic", interactive=False, stdout=printed)
        assert printed.getvalue().strip().startswith("0 static files copied")


@pytest.mark.parametrize("options", [{}, {"first": True}])
def test_findstatic_finds_our_files(options: dict[str, Any]) -> None:
    name = embed.hub.assets.runtime_url().removeprefix("/static/")
    printed = StringIO()
    all_of_them = {"all": False} if "first" in options else {}
    call_command("findstatic", name, stdout=printed, verbosity=0, **all_of_them)
    assert printed.getvalue().strip() == str(STATIC / "embed.js")


@pytest.mark.parametrize("name", ["embedsync/../settings.py", "embedsync/static/0/embed.js", "other/x.js"])
def test_nothing_else_is_found(name: str) -> None:
    from embedsync_django.finders import LiveFilesFinder

    assert LiveFilesFinder().find(name) == []


def test_patterns_that_are_to_be_ignored_are(tmp_path: Path) -> None:
    with override_settings(STATIC_ROOT=tmp_path / "root"):
        call_command("collectstatic", interactive=False, verbosity=0, ignore_patterns=["bokeh*.min.js"])
    assert not list((tmp_path / "root").rglob("bokeh*.min.js"))
    assert list((tmp_path / "root").rglob("embed.js"))


def test_without_staticfiles_the_endpoint_serves_the_files() -> None:
    from django.conf import settings

    without = [each for each in settings.INSTALLED_APPS if each != "django.contrib.staticfiles"]
    with override_settings(INSTALLED_APPS=without):
        page = render("{% embed_app 'plain' %}", visit())
        assert '<script type="module" src="/live/static/' in page


def test_the_address_of_another_server_may_be_that_of_static_files() -> None:
    with override_settings(STATIC_URL="https://static.example/s/"):
        page = render("{% embed_app 'plain' %}", visit())
        assert '<script type="module" src="https://static.example/s/embedsync/static/' in page
