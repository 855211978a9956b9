"""S32: no path of a request leads to a file that is not meant for browsers, in Django."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pytest
from bokeh.embed.bundle import extension_dirs
from django.test import Client, override_settings

from embedsync_django.configuration import url_prefix
from embedsync_django.finders import LiveFilesFinder
from tests.security.test_files import attack, bases, payloads


@override_settings(ROOT_URLCONF="embedsync_django.urls")
def test_s32_no_path_leads_out_of_what_a_django_site_serves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "extension" / "dist"
    folder.mkdir(parents=True)
    (folder / "file.js").write_text("// for all")
    monkeypatch.setitem(extension_dirs, "extended", folder)
    client = Client(raise_request_exception=False)
    places = [each.replace("live/", f"{url_prefix()}/", 1) for each in bases()]

    def get(path: str) -> tuple[int, bytes]:
        answer = client.get(quote(path.encode("utf-8", "replace"), safe="/%"))
        return answer.status_code, answer.getvalue()

    assert get(f"/{places[1]}file.js") == (200, b"// for all")
    attack(get, tmp_path, places)


def test_s32_staticfiles_find_nothing_of_ours_by_such_a_path(tmp_path: Path) -> None:
    finder = LiveFilesFinder()
    for each in payloads(tmp_path / "secret.py"):
        assert finder.find(f"embedsync/{each}") == []
        assert finder.find(each) == []
